/** Queues, workers and ticks at a moment, as far as events tell. What only the broker knows is absent. */

import type { QueueRow, TaskRow, TickRow, WorkerDetail, WorkerRow, WorkerSample } from "../contract.ts";
import { candidates, countByState, earliest, pastLevels, type Scope } from "./candidates.ts";
import type { IncidentDetail, WorkerFacts } from "./cluster-writer.ts";
import type { Database } from "./database.ts";
import { distinct } from "./names.ts";
import { idOf, recordColumns } from "./record.ts";
import { stateNumber } from "./schema.ts";
import { columnsOf, latencyOf, sumOf } from "./series.ts";
import { dimension } from "./tally.ts";
import { shown } from "./task-detail.ts";
import type { Asking } from "./task-page.ts";
import { present } from "./task-row.ts";

const minute = 60_000;
/** Of rates and latencies. */
const window = 5 * minute;
const hour = 60 * minute;
/** Of the waiting tasks, those that are looked at one by one. */
const looked = 5_000;
const waitingStates = (["queued", "delayed", "running", "retrying"] as const).map(stateNumber);

export function queuesOf(asking: Asking, at: number): readonly QueueRow[] {
  return distinct(asking.database, "queue").map((queue) => queueRow(asking, queue, at));
}

function queueRow(asking: Asking, queue: number, at: number): QueueRow {
  const scope = scopeAt(at, { queues: [queue], states: waitingStates });
  const counts = new Map(countByState(asking.database, scope, 1_000_000));
  const count = (state: "queued" | "delayed" | "running"): number => counts.get(stateNumber(state)) ?? 0;
  const { claimed, oldest } = waitingIn(asking, queue, at);
  const ready = Math.max(0, count("queued") - claimed);
  const subject = { dim: dimension.queue, key: queue };
  const sum = sumOf(asking, subject, at - window, at);
  const [rateIn, rateOut] = [sum.count("in"), sum.count("out")].map((each) => (each * 1000) / window) as [
    number,
    number,
  ];
  return present<QueueRow>({
    name: asking.words.text(queue) ?? "",
    ready,
    delayed: count("delayed"),
    leased: claimed + count("running"),
    running: count("running"),
    oldest,
    rateIn,
    rateOut,
    drain: ready === 0 ? undefined : rateOut > rateIn ? Math.round((ready / (rateOut - rateIn)) * 1000) : null,
    wait: latencyOf(sum.wait),
    run: latencyOf(sum.run),
    depth: depthOf(asking, queue, at, count("queued")),
    source: "history",
  });
}

/** Those in a worker's hands lie among the newest, the one that waits longest among the oldest. */
function waitingIn(
  { database }: Asking,
  queue: number,
  at: number,
): { readonly claimed: number; readonly oldest: number | undefined } {
  const queued = stateNumber("queued");
  const place = "FROM task INDEXED BY task_queue WHERE queue = ? AND state = ? AND since <= ?";
  const one = (text: string, ...values: readonly number[]): number | undefined =>
    (database.query(text).get(...values)?.[0] ?? undefined) as number | undefined;
  let claimed =
    one(
      `SELECT sum(worker <> 0) FROM (SELECT worker ${place} ORDER BY since DESC LIMIT ?)`,
      queue,
      queued,
      at,
      looked,
    ) ?? 0;
  let oldest = one(`SELECT since ${place} AND worker = 0 ORDER BY since LIMIT 1`, queue, queued, at);
  const past = "FROM past WHERE level = ? AND start BETWEEN ? AND ? AND until > ? AND state = ? AND queue = ?";
  for (const level of pastLevels(database)) {
    const covering = [level, earliest(level, at), at, at, queued, queue];
    claimed += one(`SELECT sum(worker <> 0) ${past}`, ...covering) ?? 0;
    const first = one(`SELECT start ${past} AND worker = 0 ORDER BY start LIMIT 1`, ...covering);
    oldest = Math.min(oldest ?? Infinity, first ?? Infinity);
  }
  return { claimed, oldest: oldest === Infinity ? undefined : oldest };
}

/** Counted back from now by what came and went each minute. */
function depthOf(asking: Asking, queue: number, at: number, now: number): readonly number[] {
  const { step, cells } = columnsOf(asking, { dim: dimension.queue, key: queue }, at - hour + minute, at + 1, 60);
  if (step !== minute) return [];
  const depth = [now];
  for (const cell of cells.slice(1).toReversed())
    depth.unshift(Math.max(0, (depth[0] ?? 0) - cell.count("in") + cell.count("out")));
  return depth;
}

export function workersOf(asking: Asking, at: number): readonly WorkerRow[] {
  return asking.database
    .query("SELECT DISTINCT worker FROM shift")
    .all()
    .flatMap(([worker]) => workerRow(asking, worker as number, at) ?? []);
}

/** `undefined`: nobody of that name had come by then. */
function workerRow(asking: Asking, worker: number, at: number): WorkerRow | undefined {
  const { database, words } = asking;
  const shift = database
    .query(
      "SELECT start, last, until, pid, software, system FROM shift WHERE worker = ? AND start <= ? ORDER BY start DESC LIMIT 1",
    )
    .get(worker, at);
  if (!shift) return undefined;
  const [start, last, until, pid, software, system] = shift;
  const sample = database
    .query("SELECT data FROM sample WHERE worker = ? AND at <= ? AND at >= ? ORDER BY at DESC LIMIT 1")
    .get(worker, at, start as number);
  const facts: WorkerFacts = sample ? (JSON.parse(sample[0] as string) as WorkerFacts) : {};
  const subject = { dim: dimension.worker, key: worker };
  const recent = sumOf(asking, subject, at - minute, at);
  const [done, bad] = outcomes(sumOf(asking, subject, at - hour, at));
  const online = at < (until as number);
  const running = countByState(database, scopeAt(at, { workers: [worker], states: [stateNumber("running")] }), 10_000);
  return present<WorkerRow>({
    name: words.text(worker) ?? "",
    online,
    since: start as number,
    heartbeat: Math.min(last as number, at),
    pid: (pid ?? undefined) as number | undefined,
    software: (software ?? undefined) as string | undefined,
    system: (system ?? undefined) as string | undefined,
    active: (online ? facts.active : 0) ?? running[0]?.[1] ?? 0,
    processed: facts.processed,
    slots: facts.slots,
    pool: facts.pool,
    rss: facts.rss,
    lag: facts.lag,
    load: facts.load,
    queues: facts.queues,
    throughput: (outcomes(recent)[0] * 1000) / minute,
    failureRate: done === 0 ? 0 : bad / done,
  });
}

/** Ended, and of these those that went wrong. */
export function outcomes(cell: ReturnType<typeof sumOf>): readonly [done: number, bad: number] {
  const bad = cell.count("failed") + cell.count("dead");
  return [cell.count("succeeded") + bad, bad];
}

const tickOutcomes = ["sent", "skipped", "waiting", "refused", "broken"] as const;
type KeptWorker = Omit<WorkerDetail, "gaps" | "since" | "limits" | "children">;

export function workerOf(asking: Asking, name: string, at: number): KeptWorker | undefined {
  const { database, words } = asking;
  const worker = words.find(name);
  const row = worker === undefined ? undefined : workerRow(asking, worker, at);
  if (!row || worker === undefined) return undefined;
  const running = rowsOf(asking, scopeAt(at, { workers: [worker], states: [stateNumber("running")] }), 200);
  const lives = database
    .query("SELECT start, until, pid, clean FROM shift WHERE worker = ? AND start < ? ORDER BY start DESC LIMIT 50")
    .all(worker, row.since)
    .map(([from, until, pid, clean]) =>
      present<KeptWorker["lives"][number]>({
        from: from as number,
        until: until as number,
        pid: (pid ?? undefined) as number | undefined,
        clean: clean === 1,
      }),
    );
  const incidents = database
    .query(
      "SELECT at, kind, pid, iif(json_valid(text), text, '{}') FROM incident WHERE worker = ? AND at <= ? ORDER BY at DESC LIMIT 100",
    )
    .all(worker, at)
    .map(([when, kind, pid, text]) =>
      present<KeptWorker["incidents"][number]>({
        at: when as number,
        kind: kind as string,
        pid: pid === 0 ? undefined : (pid as number),
        detail: JSON.parse(text as string) as IncidentDetail,
      }),
    );
  return { at, row, running, samples: samplesOf(database, worker, at), lives, incidents };
}

function samplesOf(database: Database, worker: number, at: number): readonly WorkerSample[] {
  return database
    .query("SELECT at, data FROM sample WHERE worker = ? AND at BETWEEN ? AND ? ORDER BY at LIMIT 400")
    .all(worker, at - hour, at)
    .map(([when, data]) => {
      const { active = 0, load, rss, lag } = JSON.parse(data as string) as WorkerFacts;
      return present<WorkerSample>({ at: when as number, active, load: load?.[0], rss, lag });
    });
}

/** The newest first. */
export function ticksOf(asking: Asking, schedule: string, at: number, limit: number): readonly TickRow[] {
  const { database, words } = asking;
  const number = words.find(schedule);
  if (number === undefined) return [];
  return database
    .query(
      "SELECT tick, uuid, sent, outcome, why FROM tick WHERE schedule = ? AND sent <= ? ORDER BY tick DESC LIMIT ?",
    )
    .all(number, at, limit)
    .map(([tick, uuid, sent, outcome, why]) => {
      const row = database.query(`SELECT ${recordColumns} FROM task WHERE uuid = ?`).get(uuid as Uint8Array | string);
      const id = uuid === "" ? undefined : idOf(uuid as Uint8Array | string);
      const [task] = row ? shown(uuid, row, words, at) : [];
      return present<TickRow>({
        tick: tick as number,
        sent: sent as number,
        id,
        outcome: tickOutcomes.find((one) => one === outcome),
        why: (why ?? undefined) as string | undefined,
        row: task,
      });
    });
}

/** The first of a scope that one index settles. */
export function rowsOf(asking: Asking, scope: Scope, most: number): readonly TaskRow[] {
  const { database, words } = asking;
  const ids: number[] = [];
  for (const { id } of candidates(database, scope, undefined, Math.min(most, 100))) {
    ids.push(id);
    if (ids.length === most) break;
  }
  const rows = new Map(
    database
      .query(`SELECT uuid, ${recordColumns} FROM task WHERE id IN (SELECT value FROM json_each(?))`)
      .all(JSON.stringify(ids))
      .map(([uuid, ...columns]) => [columns[0] as number, shown(uuid, columns, words, scope.at)]),
  );
  return ids.flatMap((id) => rows.get(id) ?? []);
}

export function scopeAt(at: number, some: Pick<Scope, "states"> & Partial<Scope>): Scope {
  const all = { names: undefined, queues: undefined, workers: undefined, from: 0, until: at };
  return { ...all, order: "newest", ...some, at };
}
