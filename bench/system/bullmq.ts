/** BullMQ with plain ioredis: the fastest of the settings it offers (auto-pipelining and node-redis were slower). */

import { extname } from "node:path";
import { type ConnectionOptions, Job, Queue, QueueEvents, Worker } from "bullmq";
import { handle, monotonic, type Payload, type System } from "./system.ts";

const name = "bench";

function connection(address: string): ConnectionOptions {
  const url = new URL(address);
  return { host: url.hostname, port: Number(url.port), maxRetriesPerRequest: null };
}

export const system: System = {
  async openProducer({ address }) {
    const queue = new Queue<Payload, number>(name, { connection: connection(address) });
    await queue.waitUntilReady();
    let events: QueueEvents | undefined;
    return {
      send: (payload) => queue.add("noop", payload),
      sendMany: (payloads) => queue.addBulk(payloads.map((data) => ({ name: "noop", data }))),
      async probe(payload) {
        if (events === undefined) {
          events = new QueueEvents(name, { connection: connection(address) });
          await events.waitUntilReady();
        }
        const sent = monotonic();
        const job: Job<Payload, number> = await queue.add("noop", { ...payload, probe: true });
        const handled = await job.waitUntilFinished(events, 10_000);
        return { sent, handled, answered: monotonic() };
      },
      async close() {
        await events?.close();
        await queue.close();
      },
    };
  },
  async openWorker({ address, concurrency, pool }, done) {
    const processor =
      pool === "process" ? new URL(`./bullmq-processor${extname(import.meta.filename)}`, import.meta.url) : sameProcess;
    const worker = new Worker<Payload, number>(name, processor, { connection: connection(address), concurrency });
    worker.on("completed", done);
    worker.on("error", (error) => console.error(error));
    await worker.waitUntilReady();
    return { close: () => worker.close() };
  },
};

const sameProcess = async (job: Job<Payload, number>): Promise<number> => handle(job.data);
