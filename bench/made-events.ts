/** Events of a made-up cluster: 40 tasks, 4 queues, 16 workers, a million tasks an hour. */

import type { CeleryEvent } from "../src/wire/event.ts";

/** A million tasks an hour. */
export const tasksPerMs = 1_000_000 / 3_600_000;
/** Tasks that were received and have not begun. */
const waiting = 2_000;
const names = Array.from({ length: 40 }, (_, index) => `bench.task${String(index)}`);
const queues = ["mail", "media", "default", "reports"];
const workers = Array.from({ length: 16 }, (_, index) => `w${String(index)}@bench`);

interface Made {
  readonly id: string;
  readonly number: number;
  readonly root: string;
}

/** Three events a task, one in fifty fails, one in forty is of a workflow. */
export function* made(from: number): Generator<CeleryEvent> {
  const line: Made[] = [];
  let clock = 0;
  let root = "";
  for (let number = 0; ; number++) {
    const at = from + number / tasksPerMs;
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
