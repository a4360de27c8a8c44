/** Events of a made-up cluster: 40 tasks, 4 queues, 16 workers, a million tasks an hour. */

import type { CeleryEvent } from "../src/wire/event.ts";

/** A million tasks an hour. */
export const tasksPerMs = 1_000_000 / 3_600_000;
/** Tasks that were received and have not begun. */
const waiting = 2_000;
const names = Array.from({ length: 40 }, (_, index) => `bench.task${String(index)}`);
const queues = ["mail", "media", "default", "reports"];
/** Between two heartbeats of a worker, ms; both Celery's and ours. */
const beat = 2_000;
const workers = Array.from({ length: 16 }, (_, index) => `w${String(index)}@bench`);

interface Made {
  readonly id: string;
  readonly number: number;
  readonly root: string;
}

/** Three events a task and a heartbeat of each worker every two seconds; one task in fifty fails, one in forty is of a workflow. */
export function* made(from: number): Generator<CeleryEvent> {
  const line: Made[] = [];
  let clock = 0;
  let root = "";
  let nextBeat = from;
  for (let number = 0; ; number++) {
    const at = from + number / tasksPerMs;
    if (at >= nextBeat) {
      nextBeat += beat;
      for (const [index, hostname] of workers.entries()) yield heartbeat(hostname, index, at, ++clock, number);
    }
    const tell = (type: string, after: number, { id, number: n }: Made, fields: object): CeleryEvent => ({
      type,
      timestamp: (at + after) / 1000,
      hostname: workers[n % workers.length] ?? "",
      utcoffset: 0,
      pid: 100 + (n % 16),
      clock: ++clock,
      uuid: id,
      name: names[n % names.length],
      queue: queues[n % queues.length],
      attempt: 1,
      ...fields,
    });
    const id = crypto.randomUUID();
    if (number % 400 === 0) root = id;
    const task = { id, number, root: number % 400 < 10 ? root : id };
    const call = {
      args: `(${String(number)}, 'customer-${String(number)}@example.org')`,
      kwargs: `{'order': ${String(number * 7)}}`,
    };
    const family = {
      root_id: task.root,
      parent_id: task.root === id ? null : task.root,
      retries: 0,
      eta: null,
      expires: null,
    };
    yield tell("task-received", 0, task, { ...call, ...family, fence: number + 1 });
    line.push(task);
    if (line.length <= waiting) continue;
    const first = line.shift();
    if (!first) continue;
    yield tell("task-started", 0, first, { fence: first.number + 1, child: 4000 });
    const ran = 20 + ((first.number * 7919) % 900);
    if (first.number % 50 === 0) {
      const exception = `TimeoutError('no answer within ${String(ran)} ms')`;
      const traceback = `TimeoutError: no answer\n${"    at send (file:///srv/app/mail.js:12:7)\n".repeat(8)}`;
      yield tell("task-failed", ran, first, { exception, traceback, runtime: ran / 1000, child: 4000 });
    } else
      yield tell("task-succeeded", ran, first, {
        result: `{"sent":${String(first.number)}}`,
        runtime: ran / 1000,
        child: 4000,
      });
  }
}

function heartbeat(hostname: string, index: number, at: number, clock: number, processed: number): CeleryEvent {
  return {
    type: "worker-heartbeat",
    timestamp: at / 1000,
    hostname,
    utcoffset: 0,
    pid: 4_000 + index,
    clock,
    freq: beat / 1_000,
    active: index % 5,
    processed: Math.floor(processed / workers.length),
    loadavg: [0.5, 0.4, 0.3],
    sw_ident: "celeriac",
    sw_ver: "0.1.0",
    sw_sys: "Linux",
    rss: 90_000_000 + index,
    lag: 1.5,
    waiting: 0,
    concurrency: 8,
    pool: "process",
    queues,
  };
}

/** The same cluster where producers tell too, every fourth task reports its progress, and every tenth logs a line. */
export function* everyEvent(events: Iterable<CeleryEvent>): Generator<CeleryEvent> {
  for (const event of events) {
    const { type, timestamp, clock } = event;
    const number = typeof event["fence"] === "number" ? event["fence"] : 0;
    if (type === "task-received") {
      const { fence: _, attempt: __, ...rest } = event;
      yield { ...rest, type: "task-sent", timestamp: timestamp - 0.002, hostname: "gen7@web", pid: 900 };
    }
    yield event;
    if (type !== "task-started") continue;
    const step = { ...event, timestamp: timestamp + 0.005, clock };
    if (number % 4 === 0) yield { ...step, type: "celeriac-progress", done: 30, total: 100, note: "half of the rows" };
    if (number % 10 === 0)
      yield {
        ...step,
        type: "celeriac-log",
        level: "info",
        text: `order ${String(number)} is on its way`,
        fields: { order: number },
      };
  }
}
