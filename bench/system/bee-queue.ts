/** bee-queue with its defaults; results travel by its events, and jobs stay stored, as with BullMQ. */

import BeeQueue from "bee-queue";
import { handle, monotonic, type Payload, type System } from "./system.ts";

function open(address: string, worker: boolean): BeeQueue<Payload> {
  const url = new URL(address);
  return new BeeQueue<Payload>("bench", {
    redis: { host: url.hostname, port: Number(url.port) },
    isWorker: worker,
    getEvents: !worker,
    sendEvents: true,
  });
}

export const system: System = {
  async openProducer({ address }) {
    const queue = open(address, false);
    await queue.ready();
    return {
      send: (payload) => queue.createJob(payload).save(),
      sendMany: (payloads) => queue.saveAll(payloads.map((payload) => queue.createJob(payload))),
      async probe(payload) {
        const job = queue.createJob({ ...payload, probe: true });
        const ended = new Promise<number>((resolve, reject) => {
          job.once("succeeded", resolve);
          job.once("failed", reject);
        });
        const sent = monotonic();
        await job.save();
        const handled = await ended;
        return { sent, handled, answered: monotonic() };
      },
      async close() {
        await queue.close();
      },
    };
  },
  async openWorker({ address, concurrency }, done) {
    const queue = open(address, true);
    await queue.ready();
    queue.on("succeeded", done);
    queue.on("error", (error: unknown) => console.error(error));
    queue.process(concurrency, async (job) => handle(job.data));
    return {
      async close() {
        await queue.close(1000);
      },
    };
  },
};
