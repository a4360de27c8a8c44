/** The reasons of a message that lies in a queue: held by a worker, put back until a moment, or waiting for its turn. */

import type { Explanation, Fact, Standing } from "../../app/reason.ts";
import { placeKey } from "../../task/concurrency.ts";
import { readCallMark } from "../../wire/call-mark.ts";
import { rateBucket } from "../../task/rate.ts";
import { fairKeyOf } from "../../wire/fair.ts";
import type { Case } from "./case.ts";
import type { Found } from "./search.ts";
import type { WorkerView } from "./workers.ts";

/** Moments of a header and of a queue that are the same one: brokers round to a second. */
const sameMoment = 1_500;
/** Set by a worker that does not know the task. */
const unknownHeader = "celeriac.unknown";

export interface Diagnosed extends Pick<Explanation, "task" | "queue" | "attempt"> {
  readonly state: Standing | "unknown";
  readonly facts: readonly Fact[];
}

type Workers = ReadonlyMap<string, WorkerView>;

/** `error`: what the attempt before ended with, where it is stored. */
export async function queuedFacts(
  known: Case,
  id: string,
  found: Found,
  workers: Workers,
  error: string | undefined,
): Promise<Diagnosed> {
  const { queue, held, headers } = found;
  const retries = headers?.retries ?? 0;
  const about = { queue, attempt: retries + 1, ...(headers && { task: headers.task }) };
  const withdrawn = withdrawal(known, id, found);
  if (held.state === "leased") {
    const holder = holding(known, found, workers, id);
    const state = holder.kind === "claimed" ? "queued" : "running";
    // Where it runs already, a revoke that ends nothing is no reason.
    return { ...about, state, facts: state === "running" ? [holder] : [...withdrawn, holder] };
  }
  const rate = await rateFact(known, found, workers);
  const taken = takers(known, found, workers);
  const place = await placeFact(known, id, found);
  if (held.state === "delayed") {
    const state = retries > 0 ? "retrying" : "delayed";
    if (!isUnknownThere(found))
      return { ...about, state, facts: [...withdrawn, delayFact(known, found, place ?? rate, error), ...taken] };
    // A worker had it, did not know its task, and put it back for others.
    const told = taken.some(({ kind }) => kind === "no-worker-for-task");
    const task = headers?.task ?? "";
    const unknown: readonly Fact[] = told ? [] : [{ kind: "no-worker-for-task", queue, task, workers: [] }];
    return { ...about, state, facts: [...withdrawn, ...unknown, ...taken] };
  }
  return { ...about, state: "queued", facts: [...withdrawn, ...taken, ...some(place), ...some(rate), ...line(found)] };
}

/** It will be dropped by whoever takes it. */
function withdrawal(known: Case, id: string, { headers }: Found): readonly Fact[] {
  const revocation = known.revocationOf(id, headers);
  const expires = headers?.expires;
  return [
    ...(revocation ? [{ kind: "revoked", ...revocation } as const] : []),
    ...(expires !== undefined && expires < known.now ? [{ kind: "expired", at: expires } as const] : []),
  ];
}

function holding(
  known: Case,
  { held }: Found,
  workers: Workers,
  id: string,
): Extract<Fact, { kind: "running" | "leased" | "claimed" }> {
  const { worker = "a worker", leaseUntil: until } = held;
  const holder = [...workers.values()].find(({ holds }) => holds !== undefined);
  if (holder?.holds === "reserved")
    return { kind: "claimed", worker: holder.id, before: Math.max(0, holder.reserved - 1) };
  if (holder !== undefined) {
    const since = holder.active.get(id);
    return {
      kind: "running",
      worker: holder.id,
      ...(since !== undefined && { since }),
      ...(until !== undefined && { until }),
    };
  }
  const node = nodeOf(worker);
  const view = workers.get(node);
  // It answered, though not of this task, which it may have ended by now; or it is one that says nothing of its tasks.
  if (view !== undefined) return { kind: "leased", worker: node, until: until ?? known.now, alive: true };
  return { kind: "leased", worker: node, until: until ?? known.now, alive: false };
}

/** Leases name the process and the run beside the node: `celery@host/4711/1f3a`. */
function nodeOf(worker: string): string {
  return worker.replace(/\/\d+\/[0-9a-f]+$/, "");
}

function isUnknownThere({ message }: Found): boolean {
  return message?.headers[unknownHeader] !== undefined;
}

function delayFact(
  known: Case,
  { held, headers, message }: Found,
  limited: Fact | undefined,
  error: string | undefined,
): Fact {
  const until = held.due ?? known.now;
  const mark = message && readCallMark(message.headers);
  if (mark !== undefined && mark.by !== "unique" && headers?.retries === 0) {
    return { kind: "waits-for-calls", by: mark.by, key: mark.key.replace(`${headers.task}:`, ""), until };
  }
  // Nobody but a worker puts back what has no `eta` of its own, or one that is over.
  const own = headers?.eta !== undefined && until <= headers.eta + sameMoment;
  if (!own && limited?.kind === "rate-limited") return { ...limited, until };
  if (!own && limited !== undefined) return limited;
  if (headers !== undefined && headers.retries > 0) {
    return { kind: "retry-wait", attempt: headers.retries + 1, until, ...(error !== undefined && { error }) };
  }
  return { kind: "delayed", until };
}

/** Who could take it, were it its turn. */
function takers(known: Case, { queue, headers }: Found, workers: Workers): readonly Fact[] {
  const facts: Fact[] = [];
  const state = known.queues.get(queue);
  if (state?.paused === true) facts.push({ kind: "queue-paused", queue });
  const asked = [...workers.values()].filter(({ queues }) => queues !== undefined);
  const serving = asked.filter(({ queues }) => queues?.has(queue) === true);
  if (serving.length === 0) {
    // A broker that counts consumers knows of those that say nothing.
    if ((state?.consumers ?? 0) === 0) facts.push({ kind: "no-worker", queue });
    return facts;
  }
  const task = headers?.task;
  const able = serving.filter(({ tasks }) => task === undefined || tasks === undefined || tasks.has(task));
  if (able.length === 0 && task !== undefined && !task.startsWith("celery.")) {
    facts.push({ kind: "no-worker-for-task", queue, task, workers: serving.map(({ id }) => id) });
    return facts;
  }
  const slots = serving.reduce((sum, each) => sum + (each.slots ?? Infinity), 0);
  const busy = serving.reduce((sum, { active }) => sum + active.size, 0);
  if (busy < slots || !Number.isFinite(slots)) return facts;
  const running = serving.flatMap(({ active }) =>
    [...active].flatMap(([id, since]) => (since === undefined ? [] : [{ id, since }])),
  );
  const [oldest] = running.toSorted((a, b) => a.since - b.since);
  facts.push({ kind: "workers-busy", queue, busy, slots, ...(oldest && { oldest }) });
  return facts;
}

/** Its task has a rate; of one that could be taken, only where no token is free now. By the bucket that all share, if there is one. */
async function rateFact(known: Case, { headers, message, held }: Found, workers: Workers): Promise<Fact | undefined> {
  if (headers === undefined) return undefined;
  const [bucket] = (await known.backend.limits?.look([rateBucket(headers.task, message?.headers ?? {})])) ?? [];
  const every = bucket && `once in ${String(Math.ceil(bucket.interval))} ms`;
  const limit = known.rateOf(headers.task, workers.values()) ?? every;
  if (limit === undefined) return undefined;
  if (held.state === "delayed") return { kind: "rate-limited", limit };
  if (bucket === undefined || bucket.next === 0) return undefined;
  return { kind: "rate-limited", limit, until: known.now + bucket.next };
}

/** All places of its key are taken by others. */
async function placeFact(known: Case, id: string, { headers, message }: Found): Promise<Fact | undefined> {
  if (headers === undefined) return undefined;
  const key = placeKey(headers.task, message?.headers ?? {});
  const [{ holders, waiting } = { holders: [], waiting: 0 }] = (await known.backend.limits?.places([key])) ?? [];
  if (holders.length === 0 || holders.includes(id)) return undefined;
  const limit = known.core.registry.get(headers.task)?.concurrency?.limit;
  if (waiting === 0 && holders.length < (limit ?? Infinity)) return undefined;
  return { kind: "concurrency-limited", key: key.replace(/^task:/, ""), holders, waiting };
}

function some(fact: Fact | undefined): readonly Fact[] {
  return fact === undefined ? [] : [fact];
}

function line({ queue, held, message }: Found): readonly Fact[] {
  const { ahead } = held;
  if (ahead === undefined || ahead === 0) return [];
  const { priority = 0 } = message?.properties ?? {};
  const key = fairKeyOf(message?.headers ?? {});
  return [{ kind: "behind", queue, ahead, ...(priority !== 0 && { priority }), ...(key !== undefined && { key }) }];
}
