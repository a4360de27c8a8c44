/**
 * Puts tasks back by their ids alone: each is looked for in the queue where it was seen last, then in the others, then among the dead letters,
 * which are redriven.
 */

import type { Broker } from "../port/broker.ts";
import type { Held, RequeueTo } from "../port/queue-admin.ts";

/** Of one call of the broker. */
const most = 1_000;
const page = 200;
/** Letters that are looked through. */
const mostLetters = 100_000;

export interface Wanted {
  readonly id: string;
  /** Where it is looked for first. */
  readonly queue?: string | undefined;
}

/** What it was, and where it lay. */
export interface PutBack {
  readonly queue: string;
  readonly was: Held["state"] | "dead";
}

/** Gives those that were found. Rejects with NOT_SUPPORTED where the broker moves no single messages, and none was a dead letter. */
export async function requeueTasks(
  broker: Broker,
  wanted: readonly Wanted[],
  queues: readonly string[],
  to: RequeueTo,
): Promise<ReadonlyMap<string, PutBack>> {
  const found = new Map<string, PutBack>();
  if (broker.features.requeue) {
    for (const [queue, ids] of byQueue(wanted)) await inQueue(broker, queue, ids, to, found);
    for (const queue of queues) {
      const missing = wanted.filter(({ id, queue: seen }) => !found.has(id) && seen !== queue).map(({ id }) => id);
      if (missing.length > 0) await inQueue(broker, queue, missing, to, found);
    }
  }
  const missing = new Set(wanted.map(({ id }) => id).filter((id) => !found.has(id)));
  if (missing.size > 0) await redrive(broker, missing, new Set([...queues, ...byQueue(wanted).keys()]), found);
  const [first] = wanted;
  // Its own words say why.
  if (!broker.features.requeue && found.size === 0 && first !== undefined)
    await broker.queues.requeue(first.queue ?? "its queue", [first.id], to);
  return found;
}

async function inQueue(
  { queues }: Broker,
  queue: string,
  ids: readonly string[],
  to: RequeueTo,
  found: Map<string, PutBack>,
): Promise<void> {
  const slices: (readonly string[])[] = [];
  for (let at = 0; at < ids.length; at += most) slices.push(ids.slice(at, at + most));
  // At the front the slice that goes last comes first.
  for (const slice of to.at === "front" ? slices.toReversed() : slices) {
    const states = await queues.requeue(queue, slice, to);
    for (const [index, was] of states.entries()) {
      const id = slice[index];
      if (id !== undefined && was !== undefined) found.set(id, { queue, was });
    }
  }
}

/** To the end of the queues from which they came. */
async function redrive(
  { dead }: Broker,
  missing: Set<string>,
  queues: ReadonlySet<string>,
  found: Map<string, PutBack>,
): Promise<void> {
  let after: string | undefined;
  let looked = 0;
  const letters: { readonly key: string; readonly id: string; readonly queue: string }[] = [];
  do {
    const { items, next } = await dead.list({}, after, page);
    for (const { id, key, queue } of items) {
      if (id !== undefined && queues.has(queue) && missing.delete(id)) letters.push({ key, id, queue });
    }
    looked += items.length;
    after = next;
  } while (after !== undefined && looked < mostLetters && missing.size > 0);
  for (const { key, id, queue } of letters) {
    if ((await dead.redrive([key])) === 1) found.set(id, { queue, was: "dead" });
  }
}

function byQueue(wanted: readonly Wanted[]): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const { id, queue } of wanted) {
    if (queue === undefined) continue;
    const group = groups.get(queue);
    if (group === undefined) groups.set(queue, [id]);
    else group.push(id);
  }
  return groups;
}
