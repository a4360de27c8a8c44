/** The worker's side with BullMQ: `node before/worker.ts`. */

import { UnrecoverableError, Worker } from "bullmq";
import { type Invoice, makeInvoice, type Order, Refused } from "../work.ts";
import { connection } from "./connection.ts";

const worker = new Worker<Order, Invoice>(
  "invoices",
  async (job) => {
    const told: Promise<void>[] = [];
    try {
      const tell = (done: number, of: number): void => void told.push(job.updateProgress({ done, of }));
      return await makeInvoice(job.data, job.attemptsMade + 1, tell);
    } catch (error) {
      if (error instanceof Refused) throw new UnrecoverableError(error.message);
      throw error;
    } finally {
      await Promise.all(told);
    }
  },
  { connection, concurrency: 10 },
);
worker.on("error", (error) => process.stderr.write(`${error.message}\n`));
await worker.waitUntilReady();
process.stdout.write("ready\n");
process.once("SIGTERM", () => void worker.close().then(() => process.exit()));
