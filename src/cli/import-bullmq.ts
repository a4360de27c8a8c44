/**
 * `celeriac import bullmq`: reads job schedulers and what waits from BullMQ's own keys (tried with its version 6.7), and writes nothing there.
 * Jobs that run, have ended or wait for others are BullMQ's to finish.
 */

import { type ClientFactory, loadClient } from "../driver/redis/client.ts";
import { readLocation } from "../driver/redis/location.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import { type BullmqFields, type BullmqPlace, fieldsOf, jobOf, schedulerOf } from "./bullmq-reader.ts";
import { UsageError } from "./failure.ts";
import { carryOut, type ImportFlags, type ImportItem, reasonOf } from "./import-plan.ts";

export interface BullmqFlags extends ImportFlags {
  readonly from: string;
  readonly queue?: readonly string[];
  readonly prefix: string;
  readonly task?: Readonly<Record<string, string>>;
  readonly timezone?: string;
}

/** As `call` of the client: everything is text. */
type Ask = (command: string, ...args: readonly string[]) => Promise<unknown>;

interface Source extends BullmqPlace {
  readonly ask: Ask;
  /** Of the queue's keys. */
  readonly key: string;
}

const timeout = 5_000;

export async function importBullmq(flags: BullmqFlags): Promise<number> {
  const { from, queue: queues = [], prefix, task: tasks = {}, timezone } = flags;
  if (queues.length === 0) throw new UsageError("Name the queues to read with --queue.");
  if (!URL.canParse(from)) throw new UsageError(`--from ${from}: it must be a URL, such as redis://127.0.0.1:6379/0.`);
  const client = (await factoryOf(from))();
  client.on("error", () => {}); // the call that failed says it
  try {
    await client.connect().catch((cause: unknown) => {
      throw new CeleriacError("BACKEND_UNREACHABLE", `There is no Redis to read from: ${reasonOf(cause)}.`, { cause });
    });
    const items: ImportItem[] = [];
    for (const queue of queues) {
      const source: Source = {
        ask: (command, ...args) => client.call(command, args),
        queue,
        key: `${prefix}:${queue}`,
        tasks,
        timezone: timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
      };
      items.push(...(await schedulersOf(source)), ...(await jobsOf(source)));
    }
    return await carryOut(items, flags);
  } finally {
    client.disconnect();
  }
}

function factoryOf(from: string): Promise<ClientFactory> {
  return loadClient(readLocation(new URL(from)), timeout);
}

async function schedulersOf(source: Source): Promise<readonly ImportItem[]> {
  const ids = (await source.ask("ZRANGE", `${source.key}:repeat`, "0", "-1")) as readonly string[];
  const items: ImportItem[] = [];
  for (const id of ids) items.push(schedulerOf(source, id, await hashOf(source, `repeat:${id}`)));
  return items;
}

async function jobsOf(source: Source): Promise<readonly ImportItem[]> {
  const { ask, key } = source;
  const list = async (name: string): Promise<readonly string[]> =>
    // Taken from the right: the oldest is the last.
    ((await ask("LRANGE", `${key}:${name}`, "0", "-1")) as readonly string[]).toReversed();
  const ranked = async (name: string): Promise<readonly string[]> =>
    (await ask("ZRANGE", `${key}:${name}`, "0", "-1", "WITHSCORES")) as readonly string[];
  const items: ImportItem[] = [];
  const add = async (ids: readonly string[], scores: readonly string[] = []): Promise<void> => {
    for (const [index, id] of ids.entries()) {
      if (id.startsWith("0:")) continue; // a mark, and no job
      const item = jobOf(source, id, await hashOf(source, id), scores[index]);
      if (item !== undefined) items.push(item);
    }
  };
  const eachOther = (pairs: readonly string[], at: 0 | 1): readonly string[] =>
    pairs.filter((_, index) => index % 2 === at);
  await add([...(await list("wait")), ...(await list("paused"))]);
  await add(eachOther(await ranked("prioritized"), 0));
  const delayed = await ranked("delayed");
  await add(eachOther(delayed, 0), eachOther(delayed, 1));
  for (const id of [...(await list("active")), ...eachOther(await ranked("waiting-children"), 0)])
    items.push({ source: `job ${source.queue}: ${id}`, why: "it runs, or waits for others: let BullMQ finish it" });
  return items;
}

async function hashOf({ ask, key }: Source, id: string): Promise<BullmqFields> {
  return fieldsOf((await ask("HGETALL", `${key}:${id}`)) as readonly string[]);
}
