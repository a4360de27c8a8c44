/** The first page: how it goes, and what is wrong. */

import type { FailureGroup, Overview, QueueWait, Range } from "../contract.ts";
import { countByState } from "./candidates.ts";
import { outcomes, queuesOf, rowsOf, scopeAt, workersOf } from "./cluster-page.ts";
import { idOf } from "./record.ts";
import { stateNamed, stateNumber } from "./schema.ts";
import { latencyOf, seriesOf, sumOf } from "./series.ts";
import type { Asking } from "./task-page.ts";
import { present } from "./task-row.ts";

const minute = 60_000;
/** Failures that are looked at for the groups: the newest of the stretch. */
const mostFailures = 100_000;
const mostLines = 10;
/** A queue is behind when its oldest waits for so long, ms. */
const behind = minute;
/** Failures are news at one in a hundred, an alarm at one in five. */
const worrying = 0.01;
const alarming = 0.2;

type KeptOverview = Omit<Overview, "gaps" | "since" | "series"> & { readonly series: Omit<Overview["series"], "gaps"> };

export function overviewOf(
  asking: Asking,
  range: Range & { readonly at?: number },
  queues: readonly string[] | undefined,
): KeptOverview {
  const at = range.at ?? asking.now;
  const until = Math.min(range.until, at);
  const from = Math.min(range.from, until - 1);
  const states = (["queued", "delayed", "running", "retrying"] as const).map(stateNumber);
  const counts = new Map(
    countByState(asking.database, scopeAt(at, { states }), 1_000_000).map(([state, count]) => [
      stateNamed(state),
      count,
    ]),
  );
  const sum = sumOf(asking, undefined, from, until);
  const [done, bad] = outcomes(sum);
  const workers = workersOf(asking, at);
  const online = workers.filter((worker) => worker.online);
  const waiting = queuesOf(asking, at)
    .filter(({ ready }) => ready > 0)
    .toSorted((a, b) => (a.oldest ?? at) - (b.oldest ?? at));
  const failureRate = done === 0 ? 0 : bad / done;
  return present<KeptOverview>({
    at,
    range: { from, until },
    health: healthOf(
      online.length,
      waiting.filter(({ oldest }) => at - (oldest ?? at) > behind).length,
      bad,
      failureRate,
    ),
    now: {
      queued: counts.get("queued") ?? 0,
      delayed: counts.get("delayed") ?? 0,
      running: counts.get("running") ?? 0,
      retrying: counts.get("retrying") ?? 0,
      workers: online.length,
      throughput: (outcomes(sumOf(asking, undefined, at - minute, at))[0] * 1000) / minute,
      failureRate,
    },
    outcomes: {
      succeeded: sum.count("succeeded"),
      failed: sum.count("failed"),
      retried: sum.count("retried"),
      revoked: sum.count("revoked"),
      dead: sum.count("dead"),
    },
    wait: latencyOf(sum.wait),
    run: latencyOf(sum.run),
    series: seriesOf(asking, { from, until, at }, queues),
    failing: failuresOf(asking, from, until),
    waiting: waiting
      .slice(0, mostLines)
      .map(({ name, ready, oldest }) => present<QueueWait>({ queue: name, waiting: ready, oldest, reason: undefined })),
    longest: rowsOf(asking, scopeAt(at, { states: [stateNumber("running")], order: "oldest" }), mostLines),
    workers: workers.map(({ name, online: here, active, slots, rss }) =>
      present({ name, online: here, active, slots, rss }),
    ),
  });
}

function healthOf(workers: number, late: number, failures: number, rate: number): Overview["health"] {
  const count = (many: number, one: string): string => `${String(many)} ${one}${many === 1 ? "" : "s"}`;
  const parts = [count(workers, "worker")];
  if (late > 0) parts.push(`${count(late, "queue")} behind`);
  if (failures > 0) parts.push(count(failures, "failure"));
  const bad = (workers === 0 && late > 0) || rate >= alarming;
  const level = bad ? "bad" : workers === 0 || late > 0 || rate >= worrying ? "attention" : "good";
  return { level, text: parts.join(", ") };
}

/** What failed in the stretch and is still so, grouped by task and error. */
export function failuresOf({ database, words }: Asking, from: number, until: number): readonly FailureGroup[] {
  const rows = database
    .query(
      `SELECT name, fault, count(*) AS many, min(since), max(since), sum(count(*)) OVER () FROM
       (SELECT name, fault, since FROM task INDEXED BY task_fault WHERE fault IS NOT NULL AND since BETWEEN ? AND ?
        ORDER BY since DESC LIMIT ?) GROUP BY name, fault ORDER BY many DESC, max(since) DESC LIMIT ?`,
    )
    .all(from, until, mostFailures, mostLines);
  const example = database.query(
    "SELECT uuid FROM task INDEXED BY task_fault WHERE fault IS NOT NULL AND since = ? AND name = ? AND fault = ? LIMIT 1",
  );
  return rows.map(([name, fault, count, first, last, all]) => ({
    task: words.text(name as number) ?? "",
    error: words.text(fault as number) ?? "",
    count: count as number,
    first: first as number,
    last: last as number,
    example: idOf((example.get(last as number, name as number, fault as number)?.[0] ?? "") as Uint8Array | string),
    atLeast: (all as number) >= mostFailures,
  }));
}
