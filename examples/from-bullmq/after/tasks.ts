/** The worker's side: `celeriac worker -A after/app.ts -c 10`. What was said with each job is said once, here. */

import { backoff } from "celeriac";
import { makeInvoice, type Order, Refused } from "../work.ts";
import { app } from "./app.ts";

export const invoice = app.task(
  "invoice.make",
  // attempts: 4 counted the first one too; `never` is for what needs no second try.
  { retry: { limit: 3, delay: backoff("100ms"), never: [Refused] } },
  async (order: Order, ctx) => makeInvoice(order, ctx.attempt, (done, of) => ctx.progress(done, of)),
);
