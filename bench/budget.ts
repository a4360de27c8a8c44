/** What Celeriac is meant to reach, as ratios to a peer measured in the same run, or as figures of its own. Below a floor is a defect. */

import type { Measurement } from "./report.ts";
import { median } from "./statistics.ts";

export interface Budget {
  readonly floor: number;
  readonly goal: number;
  readonly better: "more" | "less";
}

interface Rule extends Budget {
  readonly what: RegExp;
  readonly broker: RegExp;
  readonly pool: RegExp;
  readonly figure: string;
  /** Absent: a figure of our own and no ratio. Where several peers of a run match, the best of them counts. */
  readonly peer?: RegExp;
  readonly bytes?: readonly [from: number, to: number];
}

const inline = /^inline$/;
const child = /^process$/;
const redis = /^redis/;
const rabbitmq = /^rabbitmq/;
const any = /./;
const bullmq = /^bullmq$/;
const more = (floor: number, goal: number): Budget => ({ floor, goal, better: "more" });
const less = (floor: number, goal: number): Budget => ({ floor, goal, better: "less" });
const small = [0, 1023] as const;

const rules: readonly Rule[] = [
  // Without events to with them: 15 % of throughput is what they may cost.
  { what: /^e2e$/, broker: any, pool: any, figure: "tasksPerSecond", peer: /^celeriac-events$/, ...less(1.176, 1.08) },
  { what: /^e2e$/, broker: redis, pool: inline, figure: "tasksPerSecond", peer: bullmq, bytes: small, ...more(3, 5) },
  {
    what: /^e2e$/,
    broker: redis,
    pool: inline,
    figure: "tasksPerSecond",
    peer: /^bee-queue$/,
    bytes: small,
    ...more(1.8, 3),
  },
  { what: /^e2e$/, broker: redis, pool: child, figure: "tasksPerSecond", peer: bullmq, bytes: small, ...more(4, 8) },
  {
    what: /^e2e$/,
    broker: redis,
    pool: child,
    figure: "tasksPerSecond",
    peer: /^celery-prefork$/,
    bytes: small,
    ...more(20, 50),
  },
  {
    what: /^e2e$/,
    broker: redis,
    pool: inline,
    figure: "tasksPerSecond",
    peer: /^celery-threads$/,
    bytes: small,
    ...more(20, 50),
  },
  { what: /^chord$/, broker: redis, pool: inline, figure: "tasksPerSecond", peer: /^celery-threads$/, ...more(10, 20) },
  { what: /^e2e$/, broker: rabbitmq, pool: inline, figure: "tasksPerSecond", peer: /^celery-/, ...more(8, 15) },
  { what: /^e2e$/, broker: rabbitmq, pool: inline, figure: "tasksPerSecond", peer: /^bare/, ...more(0.5, 0.75) },
  { what: /^e2e$/, broker: redis, pool: inline, figure: "cpu", peer: bullmq, bytes: small, ...less(1 / 3, 1 / 5) },
  { what: /^e2e$/, broker: redis, pool: any, figure: "commandsPerTask", bytes: small, ...less(4, 3) },
  {
    what: /^(e2e|consume)$/,
    broker: redis,
    pool: inline,
    figure: "tasksPerSecond",
    peer: bullmq,
    bytes: [10_000, 99_999],
    ...more(1, 2),
  },
  {
    what: /^(e2e|consume)$/,
    broker: redis,
    pool: inline,
    figure: "tasksPerSecond",
    peer: bullmq,
    bytes: [1_000_000, 1e9],
    ...more(0.9, 1.2),
  },
  {
    what: /^enqueue-single$/,
    broker: redis,
    pool: any,
    figure: "tasksPerSecond",
    peer: bullmq,
    bytes: small,
    ...more(3, 5),
  },
  {
    what: /^enqueue-bulk$/,
    broker: redis,
    pool: any,
    figure: "tasksPerSecond",
    peer: bullmq,
    bytes: small,
    ...more(4, 6),
  },
  { what: /^latency$/, broker: redis, pool: inline, figure: "start50", peer: bullmq, ...less(1 / 2, 1 / 3) },
  { what: /^latency$/, broker: redis, pool: inline, figure: "result50", peer: bullmq, ...less(1 / 2, 1 / 3) },
  { what: /^e2e$/, broker: /^sqlite$/, pool: inline, figure: "tasksPerSecond", peer: /^plainjob$/, ...more(8, 12) },
  {
    what: /^e2e$/,
    broker: /^sqlite-full$/,
    pool: inline,
    figure: "tasksPerSecond",
    peer: /^plainjob$/,
    ...more(20, 40),
  },
  { what: /^latency$/, broker: /^sqlite/, pool: inline, figure: "start50", ...less(1, 0.5) },
  { what: /^upkeep$/, broker: any, pool: inline, figure: "idleCpu", ...less(1, 0.3) },
  { what: /^upkeep$/, broker: any, pool: inline, figure: "rssIdle", ...less(90, 70) },
  { what: /^startup$/, broker: any, pool: any, figure: "readyProcess", ...less(700, 400) },
  { what: /^startup$/, broker: any, pool: any, figure: "producerImport", ...less(80, 40) },
  { what: /^startup$/, broker: any, pool: any, figure: "help", ...less(200, 100) },
];

/** The budget for a figure, against `peer` or, without one, by itself; none against a peer of which another is the better. */
export function budgetOf(measurement: Measurement, figure: string, peer: string | undefined): Budget | undefined {
  const { what, broker, pool, bytes, rows } = measurement;
  const found = rules.find(
    (rule) =>
      rule.figure === figure &&
      (peer === undefined ? rule.peer === undefined : rule.peer?.test(peer) === true) &&
      rule.what.test(what) &&
      rule.broker.test(broker) &&
      rule.pool.test(pool) &&
      (rule.bytes === undefined || (bytes >= rule.bytes[0] && bytes <= rule.bytes[1])),
  );
  if (found?.peer === undefined) return found;
  const { better } = found;
  const rivals = rows
    .filter(({ system }) => found.peer?.test(system) === true)
    .toSorted((one, other) => {
      const [a, b] = [median(one.figures[figure] ?? []), median(other.figures[figure] ?? [])];
      return better === "more" ? b - a : a - b;
    });
  return rivals[0]?.system === peer ? found : undefined;
}
