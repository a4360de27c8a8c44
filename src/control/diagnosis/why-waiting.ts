/**
 * "Why is this not running?": looks where a task is, asks the workers, and gives the chain of reasons. What it waits for is followed, until
 * something is found that waits for nothing else. Reads only.
 */

import type { AppCore } from "../../app/core.ts";
import type { Explanation, Fact } from "../../app/reason.ts";
import { lazySchedules } from "../../app/schedules.ts";
import { CeleriacError } from "../../error/celeriac-error.ts";
import { Case } from "./case.ts";
import { type Ended, endedFacts, readOutcome } from "./outcome.ts";
import { type Diagnosed, queuedFacts } from "./queued.ts";
import { findHeld, findLetter, findParent, type Parent } from "./search.ts";
import { askWorkers, type WorkerView } from "./workers.ts";
import { reasonOf } from "./words.ts";

/** Tasks that are followed: longer chains of waiting are told by their first links. */
const longestChain = 5;
/** Members of a chord that are looked through for those that failed. */
const mostMembers = 1_000;

/** Rejects with the driver's coded error, or the signal's reason. */
export async function whyWaiting(core: AppCore, id: string, signal?: AbortSignal): Promise<Explanation> {
  const over = signal ?? new AbortController().signal;
  const known = await Case.open(core, over);
  const { facts, ...rest } = await diagnose(known, id, over, 1);
  return { id, ...rest, reasons: facts.map((fact) => reasonOf(fact, known.now)) };
}

async function diagnose(known: Case, id: string, signal: AbortSignal, depth: number): Promise<Diagnosed> {
  const { broker, store, bus } = known.backend;
  const [stored] = await store.get([id]);
  const outcome = readOutcome(stored);
  if (outcome?.ended !== undefined) return ended(known, id, outcome.ended);
  // Together: each takes a while, the workers' silence the longest.
  const [found, workers] = await Promise.all([
    findHeld(broker, known.queueNames, id),
    askWorkers(bus, known.core.clock, id, known.roll(signal), signal),
  ]);
  if (found !== undefined) return queuedFacts(known, id, found, workers, outcome?.error);
  const there = heldElsewhere(workers, id);
  if (there !== undefined) return there;
  const letter = await told(findLetter(broker, id));
  if (letter !== undefined) {
    const { reason, detail, at, queue, task } = letter;
    return { state: "dead", queue, ...(task !== undefined && { task }), facts: [{ kind: "dead", reason, detail, at }] };
  }
  const parent = await findParent(broker, known.queueNames, id);
  if (parent !== undefined) return waiting(known, parent, signal, depth);
  if (outcome?.running !== undefined) return { state: "running", facts: [outcome.running] };
  return lost(known, id, outcome !== undefined);
}

async function ended(known: Case, id: string, end: Ended): Promise<Diagnosed> {
  const letter = end.dead ? await told(findLetter(known.backend.broker, id)) : undefined;
  return endedFacts(end, letter, known.revocationOf(id, undefined));
}

/** Brokers that show no messages, and those of Python, which are nobody's lease here. */
function heldElsewhere(workers: ReadonlyMap<string, WorkerView>, id: string): Diagnosed | undefined {
  const holder = [...workers.values()].find(({ holds }) => holds !== undefined);
  if (holder === undefined) return undefined;
  if (holder.holds === "reserved") {
    return {
      state: "queued",
      facts: [{ kind: "claimed", worker: holder.id, before: Math.max(0, holder.reserved - 1) }],
    };
  }
  const since = holder.active.get(id);
  return { state: "running", facts: [{ kind: "running", worker: holder.id, ...(since !== undefined && { since }) }] };
}

async function waiting(known: Case, parent: Parent, signal: AbortSignal, depth: number): Promise<Diagnosed> {
  const { id } = parent.headers;
  const before: Diagnosed =
    depth < longestChain ? await diagnose(known, id, signal, depth + 1) : { state: "unknown", facts: [] };
  const states = before.state === "unknown" ? {} : { [before.state]: 1 };
  const group = parent.group === undefined ? undefined : await groupFact(known, parent.group);
  return { state: "queued", facts: [group ?? { kind: "waits-for", ids: [id], states }, ...before.facts] };
}

async function groupFact({ backend }: Case, group: string): Promise<Fact | undefined> {
  const { joins } = backend.store;
  const joined = await joins?.look(group);
  if (joins === undefined || joined?.size === undefined) return undefined;
  const failed: string[] = [];
  for (let skip = 0; skip < Math.min(joined.arrived, mostMembers);) {
    const members = await joins.members(group, skip, 200);
    if (members.length === 0) break;
    failed.push(...members.filter(({ state }) => state !== "SUCCESS").map(({ member }) => member));
    skip += members.length;
  }
  const { arrived, size } = joined;
  return { kind: "waits-for-group", group, arrived, size, ...(failed.length > 0 && { failed }) };
}

/** Not there, as far as this broker shows what is. */
async function lost(known: Case, id: string, isStored: boolean): Promise<Diagnosed> {
  const { broker } = known.backend;
  const schedule = await pausedSchedule(known.core, id);
  if (schedule !== undefined) return { state: "unknown", facts: [{ kind: "schedule-paused", schedule }] };
  const revocation = known.revocationOf(id, undefined);
  const facts: Fact[] = revocation === undefined ? [] : [{ kind: "revoked", ...revocation }];
  if (isStored || broker.features.browse === "none") {
    // It may lie in any of them, and nobody can look; so what is wrong with them is all there is to say.
    for (const { name, paused, ready, consumers } of known.queues.values()) {
      if (paused) facts.push({ kind: "queue-paused", queue: name });
      else if (consumers === 0 && ready.some(({ count }) => count > 0)) facts.push({ kind: "no-worker", queue: name });
    }
  }
  const looked = [...known.queueNames.map((queue) => `queue ${queue}`), "results", "dead letters", "workers"];
  const shown = broker.features.browse === "none" ? ["results", "workers"] : looked;
  return { state: isStored ? "queued" : "unknown", facts: [...facts, { kind: "not-found", looked: shown }] };
}

/** The name of a schedule may be asked about too. */
async function pausedSchedule(core: AppCore, name: string): Promise<string | undefined> {
  const schedules = await told(lazySchedules(core).list());
  return schedules?.find((each) => each.name === name && each.state === "paused")?.name;
}

/** `undefined` where the broker cannot tell. */
async function told<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof CeleriacError && error.code === "NOT_SUPPORTED") return undefined;
    throw error;
  }
}
