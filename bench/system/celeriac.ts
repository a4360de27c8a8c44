/** Celeriac: the built package, as its users get it. */

import { chord, type Duration, group } from "celeriac";
import { monotonic, type Payload, payloadOf, type Probe, type System, type SystemOptions } from "./system.ts";

export async function load({ address, results, durable }: SystemOptions): Promise<typeof import("./celeriac-app.ts")> {
  process.env["CELERIAC_BENCH_BROKER"] = address.startsWith("/")
    ? `sqlite://${address}?durability=${durable ? "power" : "process"}`
    : address;
  if (results !== undefined) process.env["CELERIAC_BENCH_RESULTS"] = results;
  return import("./celeriac-app.ts");
}

/** `undefined`: the app's own queue. */
function queueNames({ queues }: SystemOptions): readonly string[] | undefined {
  return queues === undefined ? undefined : Array.from({ length: queues }, (_, at) => `bench-${String(at)}`);
}

export const system: System = {
  async openProducer(options) {
    const { app, noop, count } = await load(options);
    return {
      send: (payload) => noop.delay(payload),
      async sendMany(payloads, delay) {
        const later = delay === undefined ? {} : { delay: delay as Duration };
        const names = queueNames(options);
        if (names === undefined) return noop.enqueueMany(payloads, later);
        const each = Math.ceil(payloads.length / names.length);
        const parts = names.map((queue, at) => ({ queue, some: payloads.slice(at * each, (at + 1) * each) }));
        return Promise.all(
          parts
            .filter(({ some }) => some.length > 0)
            .map(({ queue, some }) => noop.enqueueMany(some, { queue, ...later })),
        );
      },
      async chord(members) {
        const calls = Array.from({ length: members }, (_, n) => noop.si(payloadOf(n, 100)));
        const sent = await app.delay(chord(group(calls), count.s()));
        const counted = await sent.get({ timeout: "5m" });
        if (counted !== members) throw new Error(`the body got ${String(counted)} results`);
      },
      async probe(payload: Payload): Promise<Probe> {
        const sent = monotonic();
        const result = await noop.delay({ ...payload, probe: true });
        const handled = await result.get({ timeout: "10s" });
        return { sent, handled, answered: monotonic() };
      },
      close: () => app.close(),
    };
  },
  async openWorker(options, done) {
    const { app } = await load(options);
    const worker = await app.work({
      pool: options.pool,
      concurrency: options.concurrency,
      ...(options.queues !== undefined && { queues: queueNames(options) ?? [] }),
      // As the command line has it.
      releaseMemory: true,
      env: ["CELERIAC_BENCH_BROKER", "CELERIAC_BENCH_RESULTS"],
      log: "silent",
    });
    worker.on("task:settled", done);
    return {
      async close() {
        await worker.stop();
        await app.close();
      },
    };
  },
};
