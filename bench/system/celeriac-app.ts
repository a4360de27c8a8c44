/** The app under measure, in a module of its own, so that the children of its pool find it. */

import { createApp } from "celeriac";
import { handle, type Payload } from "./system.ts";

export const app = createApp({
  name: "bench",
  broker: process.env["CELERIAC_BENCH_BROKER"] ?? "memory:bench",
  ...(process.env["CELERIAC_BENCH_RESULTS"] !== undefined && { results: process.env["CELERIAC_BENCH_RESULTS"] }),
  maxMessageBytes: 16 * 1024 * 1024,
  // On a busy machine a server may be starved for seconds, which is no reason to end a run.
  publishTimeout: "60s",
});

export const noop = app.task("bench.noop", (payload: Payload): number => handle(payload));

/** The body of a chord. */
export const count = app.task("bench.count", (results: readonly number[]): number => results.length);
