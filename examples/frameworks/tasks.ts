/** Two tasks: one for the workers, one that `background.durable` keeps in the server's own file and runs in its process. */

import { setTimeout as sleep } from "node:timers/promises";
import type { TaskContext } from "celeriac";
import { app } from "./app.ts";

export interface Order {
  readonly number: number;
  readonly items: number;
}

/** Packing one item, ms. */
const handling = 120;

export const packOrder = app.task(
  "order.pack",
  async ({ number, items }: Order, ctx: TaskContext): Promise<{ readonly number: number; readonly packed: number }> => {
    for (let packed = 1; packed <= items; packed++) {
      await sleep(handling, undefined, { signal: ctx.signal });
      ctx.progress(packed, items);
    }
    return { number, packed: items };
  },
);

/** The process that ran it is in its result, so that one can see whose it was. */
export const sendReceipt = app.task(
  "order.receipt",
  async ({ number }: Order): Promise<{ readonly number: number; readonly pid: number }> => ({
    number,
    pid: process.pid,
  }),
);
