/**
 * The process in which a system is measured: opens its producer, its worker, or (memory) both, does what it is told over the IPC
 * channel, and answers with times of the machine's monotonic clock.
 */

import type { Memory, Order, Reply } from "./orders.ts";
import { cpuOf } from "./process-cost.ts";
import { monotonic, type Payload, payloadOf, type Producer, type RunningWorker, type System } from "./system/system.ts";

const [name = ""] = process.argv.slice(2);
const { system } = (await import(`./system/${name}.ts`)) as { readonly system: System };

let producer: Producer | undefined;
let worker: RunningWorker | undefined;
let done = 0;
interface Mark {
  readonly at: number;
  readonly pids: readonly number[];
  readonly reached: (reply: Reply) => void;
}
/** Completions that somebody waits for, ascending. */
const marks: Mark[] = [];

function completed(): void {
  done++;
  while (marks[0] !== undefined && marks[0].at <= done) tell(marks.shift());
}

/** Taken here and now: a system may keep its process from answering until its queue is empty. */
function tell(mark: Mark | undefined): void {
  mark?.reached({ ended: monotonic(), cpu: mark.pids.map(cpuOf) });
}

function reached(at: number, pids: readonly number[]): Promise<Reply> {
  return new Promise((resolve) => {
    const mark = { at, pids, reached: resolve };
    if (done >= at) tell(mark);
    else marks.push(mark);
    marks.sort((one, other) => one.at - other.at);
  });
}

/** `count` single calls, `inFlight` of them unanswered at any time. */
async function single(sender: Producer, payload: Payload, count: number, inFlight: number): Promise<void> {
  if (sender.sendAll !== undefined) return sender.sendAll(payload, count);
  let next = 0;
  const loop = async (): Promise<void> => {
    while (next++ < count) await sender.send(payload);
  };
  await Promise.all(Array.from({ length: Math.min(inFlight, count) }, loop));
}

async function bulk(
  sender: Producer,
  payload: Payload,
  { count, inFlight: size, delay }: Extract<Order, { do: "send" }>,
): Promise<void> {
  for (let sent = 0; sent < count; sent += size) {
    const some = Math.min(size, count - sent);
    await sender.sendMany(
      Array.from({ length: some }, () => payload),
      delay,
    );
  }
}

/** Twice: what the first collection finalizes is freed by the second. */
function memory(): Memory {
  globalThis.gc?.({ type: "major", execution: "sync" });
  globalThis.gc?.({ type: "major", execution: "sync" });
  const { rss, heapUsed, external } = process.memoryUsage();
  const mb = (bytes: number): number => bytes / 2 ** 20;
  return { rss: mb(rss), heap: mb(heapUsed), external: mb(external) };
}

async function obey(order: Order): Promise<Reply> {
  const payload = payloadOf(1_000_000, "bytes" in order ? order.bytes : 100);
  switch (order.do) {
    case "produce":
      producer = await system.openProducer(order.options);
      return {};
    case "work":
      worker = await system.openWorker(order.options, completed);
      return {};
    case "send": {
      if (producer === undefined) throw new Error("no producer");
      const started = monotonic();
      if (order.how === "single") await single(producer, payload, order.count, order.inFlight);
      else await bulk(producer, payload, order);
      return { started, ended: monotonic() };
    }
    case "probe": {
      if (producer === undefined) throw new Error("no producer");
      return { probe: await producer.probe(payload) };
    }
    case "chord": {
      if (producer?.chord === undefined) throw new Error("no producer of chords");
      const started = monotonic();
      await producer.chord(order.members);
      return { started, ended: monotonic() };
    }
    case "await":
      return reached(order.count, order.pids);
    case "done":
      return { done };
    case "handled":
      return { handled: system.handledTimes ?? [] };
    case "memory":
      return { memory: memory() };
    case "close":
      await producer?.close();
      await worker?.close();
      return {};
    default:
      return order satisfies never;
  }
}

process.on("message", (message: { readonly id: number; readonly order: Order }) => {
  obey(message.order).then(
    (reply) => process.send?.({ id: message.id, reply }),
    (error: unknown) => process.send?.({ id: message.id, error: error instanceof Error ? error.stack : String(error) }),
  );
});
// The parent is gone: nobody would end this process otherwise.
process.on("disconnect", () => process.exit(0));
process.send?.({ id: 0, reply: {} });
