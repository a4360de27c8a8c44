/** The pool and the queues of a worker that runs, and its end. */

import { checkQueueName } from "../../wire/name.ts";
import { type Asked, type Command, nok, ok, PythonError, silence, type Station, text, whole } from "./command.ts";

/** More slots than any worker is given on purpose. */
const mostSlots = 10_000;

export const poolCommands: readonly Command[] = [
  { name: "pool_grow", optional: ["n"], serial: true, run: (station, asked) => resize(station, asked, 1) },
  { name: "pool_shrink", optional: ["n"], serial: true, run: (station, asked) => resize(station, asked, -1) },
  {
    name: "pool_restart",
    optional: ["modules", "reload", "reloader"],
    // Children load the app anew, which is what `modules` and `reload` are for.
    run: ({ pool, report }) => {
      pool.restart().catch((error: unknown) => {
        report.warning("POOL_RESTART", "the pool could not be restarted; the former children go on", error);
      });
      return ok("reload started");
    },
  },
  {
    name: "autoscale",
    optional: ["max", "min"],
    strict: true,
    run: ({ autoscaler }, { named }) => {
      if (autoscaler === undefined) throw new PythonError("ValueError", "Autoscale not enabled");
      const max = whole(named["max"], autoscaler.max);
      const min = whole(named["min"], Math.min(autoscaler.min, max));
      if (min < 1 || max < min || max > mostSlots)
        throw new PythonError("ValueError", "autoscale needs 1 <= min <= max");
      autoscaler.update(max, min);
      return ok(`autoscale now max=${String(max)} min=${String(min)}`);
    },
  },
  {
    name: "add_consumer",
    required: ["queue"],
    serial: true,
    optional: ["exchange", "exchange_type", "routing_key"],
    run: async (station, { named }) => {
      const queue = queueName(named["queue"]);
      const { settings } = station;
      if (!settings.queues.includes(queue)) await setQueues(station, [...settings.queues, queue]);
      return ok(`add consumer ${queue}`);
    },
  },
  {
    name: "cancel_consumer",
    required: ["queue"],
    serial: true,
    run: async (station, { named }) => {
      const queue = queueName(named["queue"]);
      const { settings } = station;
      const rest = settings.queues.filter((name) => name !== queue);
      if (rest.length < settings.queues.length) await setQueues(station, rest);
      return ok(`no longer consuming from ${queue}`);
    },
  },
  {
    name: "shutdown",
    run: ({ shutdown }) => {
      shutdown();
      return silence;
    },
  },
];

async function resize({ size, autoscaler }: Station, { named }: Asked, sign: 1 | -1): Promise<unknown> {
  const what = sign === 1 ? "grow" : "shrink";
  if (autoscaler !== undefined) {
    return nok(`pool_${what} is not supported with autoscale. Adjust autoscale range instead.`);
  }
  const n = whole(named["n"], 1);
  const slots = size.slots + sign * n;
  if (n < 0 || slots < 1 || slots > mostSlots) {
    throw new PythonError(
      "ValueError",
      `a pool has 1 to ${String(mostSlots)} slots; this one has ${String(size.slots)}`,
    );
  }
  await size.resize(slots);
  return ok(`pool will ${what}`);
}

async function setQueues({ consumer, settings }: Station, queues: readonly string[]): Promise<void> {
  await consumer.setQueues(queues);
  settings.queues = queues;
}

function queueName(value: unknown): string {
  const name = text(value, "queue");
  try {
    checkQueueName(name);
  } catch {
    throw new PythonError("ValueError", "this cannot be the name of a queue");
  }
  return name;
}
