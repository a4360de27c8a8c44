/**
 * `celeriac import bullmq`: reads job schedulers and what waits from BullMQ's own keys (tried with its version 6.7), and writes nothing there.
 * Jobs that run, have ended or wait for others are BullMQ's to finish.
 */

import { every } from "../beat/every.ts";
import { parseSchedule } from "../beat/schedule-spec.ts";
import { type ClientFactory, loadClient } from "../driver/redis/client.ts";
import { readLocation } from "../driver/redis/location.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import { isPlainObject } from "../task/input.ts";
import { parseJson } from "../wire/json.ts";
import { timesOf } from "./crontab-reader.ts";
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

interface Source {
  readonly ask: Ask;
  readonly queue: string;
  /** Of the queue's keys. */
  readonly key: string;
  readonly taskOf: (job: string) => string;
  readonly timezone: string;
}

const timeout = 5_000;
/** A delayed job's score is its time times this, plus a count. */
const scoreUnit = 0x1000;

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
        taskOf: (job) => tasks[job] ?? job,
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
  for (const id of ids) {
    const found = await hashOf(source, `repeat:${id}`);
    const name = `${source.queue}: ${id}`;
    try {
      items.push({ source: `scheduler ${name}`, planned: schedulerOf(source, id, found) });
    } catch (error) {
      items.push({ source: `scheduler ${name}`, why: reasonOf(error) });
    }
  }
  return items;
}

function schedulerOf(
  { queue, taskOf, timezone }: Source,
  id: string,
  found: Readonly<Record<string, string>>,
): Extract<ImportItem, { readonly planned: unknown }>["planned"] {
  const { name, data, pattern, every: interval, tz = timezone, limit, endDate, startDate } = found;
  if (name === undefined)
    throw new Error("it was made by a BullMQ before job schedulers; make it one there, or anew here");
  if (limit !== undefined) throw new Error(`it ends after ${limit} times, which a schedule does not`);
  if (endDate !== undefined) throw new Error("it ends at a moment, which a schedule does not");
  if (startDate !== undefined && Date.parse(startDate) > Date.now()) throw new Error("it begins at a moment to come");
  const schedule = interval === undefined ? patternOf(pattern ?? "", tz) : every(Number(interval));
  return { name: id, schedule, task: taskOf(name), ...inputOf(data), options: { queue } };
}

function patternOf(pattern: string, timezone: string): ReturnType<typeof parseSchedule> {
  const fields = pattern.trim().split(/\s+/);
  if (fields.length !== 5) throw new Error(`"${pattern}" has seconds, or is no expression of five fields`);
  return parseSchedule(timesOf(fields), { timezone });
}

async function jobsOf(source: Source): Promise<readonly ImportItem[]> {
  const { ask, key } = source;
  const list = async (name: string): Promise<readonly string[]> =>
    // Taken from the right: the oldest is the last.
    ((await ask("LRANGE", `${key}:${name}`, "0", "-1")) as readonly string[]).toReversed();
  const ranked = async (name: string): Promise<readonly string[]> =>
    (await ask("ZRANGE", `${key}:${name}`, "0", "-1", "WITHSCORES")) as readonly string[];
  const items: ImportItem[] = [];
  const add = async (ids: readonly string[], due?: (index: number) => Date): Promise<void> => {
    for (const [index, id] of ids.entries()) {
      if (id.startsWith("0:")) continue; // a mark, and no job
      const item = await jobOf(source, id, due?.(index));
      if (item !== undefined) items.push(item);
    }
  };
  const eachOther = (pairs: readonly string[], at: 0 | 1): readonly string[] =>
    pairs.filter((_, index) => index % 2 === at);
  await add([...(await list("wait")), ...(await list("paused"))]);
  await add(eachOther(await ranked("prioritized"), 0));
  const delayed = await ranked("delayed");
  const scores = eachOther(delayed, 1);
  await add(eachOther(delayed, 0), (index) => new Date(Math.floor(Number(scores[index]) / scoreUnit)));
  for (const id of [...(await list("active")), ...eachOther(await ranked("waiting-children"), 0)])
    items.push({ source: `job ${source.queue}: ${id}`, why: "it runs, or waits for others: let BullMQ finish it" });
  return items;
}

/** `undefined`: the next run of a scheduler, which is taken over itself. */
async function jobOf(source: Source, id: string, due: Date | undefined): Promise<ImportItem | undefined> {
  const place = `job ${source.queue}: ${id}`;
  const { name, data, parentKey, rjk } = await hashOf(source, id);
  if (rjk !== undefined) return undefined;
  if (name === undefined) return { source: place, why: "it was taken meanwhile" };
  if (parentKey !== undefined) return { source: place, why: "it belongs to a flow: let BullMQ finish that" };
  try {
    const job = { id: `bullmq:${source.queue}:${id}`, task: source.taskOf(name), queue: source.queue, due };
    return { source: place, job: { ...job, ...inputOf(data) } };
  } catch (error) {
    return { source: place, why: reasonOf(error) };
  }
}

/** An object is keyword arguments, anything else the only argument, as for every call. */
function inputOf(data: string | undefined): {
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
} {
  const value = data === undefined || data === "" ? undefined : parseJson(data);
  if (value === undefined) return { args: [], kwargs: {} };
  return isPlainObject(value) ? { args: [], kwargs: value } : { args: [value], kwargs: {} };
}

async function hashOf({ ask, key }: Source, id: string): Promise<Readonly<Record<string, string>>> {
  const flat = (await ask("HGETALL", `${key}:${id}`)) as readonly string[];
  return Object.fromEntries(flat.flatMap((name, index) => (index % 2 === 0 ? [[name, flat[index + 1] ?? ""]] : [])));
}
