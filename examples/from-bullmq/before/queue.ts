/** The producer's side with BullMQ. */

import { Queue, QueueEvents } from "bullmq";
import type { Shop } from "../shop.ts";
import type { Invoice, Order } from "../work.ts";
import { connection } from "./connection.ts";

const options = { attempts: 4, backoff: { type: "exponential", delay: 100 } } as const;

export async function openShop(): Promise<Shop> {
  const queue = new Queue<Order, Invoice>("invoices", { connection });
  queue.setMaxListeners(0); // whoever waits for a job listens, and a hundred may
  const events = new QueueEvents("invoices", { connection });
  await events.waitUntilReady();
  return {
    async invoice(order, { id, delay } = {}) {
      const job = await queue.add("invoice.make", order, {
        ...options,
        ...(id !== undefined && { jobId: id }),
        ...(delay !== undefined && { delay }),
      });
      return job.id ?? "";
    },
    async invoices(orders) {
      const jobs = await queue.addBulk(orders.map((data) => ({ name: "invoice.make", data, opts: options })));
      return jobs.map(({ id }) => id ?? "");
    },
    async result(id) {
      const job = await queue.getJob(id);
      if (job === undefined) throw new Error(`there is no job ${id}`);
      return await job.waitUntilFinished(events, 30_000);
    },
    async progress(id) {
      const job = await queue.getJob(id);
      return typeof job?.progress === "object" ? (job.progress as { done: number; of: number }) : undefined;
    },
    async [Symbol.asyncDispose]() {
      await events.close();
      await queue.close();
    },
  };
}
