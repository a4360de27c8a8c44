/**
 * One round of `fairness.ts`, in a process of its own: a thousand tenants send, one of them a flood that lies before all others, and one worker
 * runs it. Started with: broker URL, "fair" or "plain", tenants, tasks of the flood, tasks of each other. Sends its parent a `Round`.
 */

import { createApp } from "celeriac";
import { performance } from "node:perf_hooks";

export interface Round {
  /** Tasks a second. */
  readonly sent: number;
  readonly run: number;
  /** Of tasks that were run while every tenant had some waiting: how evenly tenants were served, 1 is perfectly. */
  readonly jain: number;
}

interface Job {
  readonly tenant: string;
}

const sliceSize = 1_000;

async function round(): Promise<Round> {
  const [broker = "", mode = "", ...numbers] = process.argv.slice(2);
  const [tenants = 0, flood = 0, each = 0] = numbers.map(Number);
  const app = createApp({ name: "tenants", broker, publishTimeout: "60s" });
  const names = Array.from({ length: tenants }, (_, at) => `tenant-${String(at)}`);
  const served = new Map(names.map((name) => [name, 0]));
  const total = flood + (tenants - 1) * each;
  // Each of the others has its fair share until somebody has run out.
  const contended = Math.floor((tenants * each) / 2);
  const over = Promise.withResolvers<number>();
  let done = 0;
  let jain = 0;
  const options = mode === "fair" ? { fairness: ({ tenant }: Job) => tenant } : {};
  const task = app.task("tenants.job", options, ({ tenant }: Job): null => {
    served.set(tenant, (served.get(tenant) ?? 0) + 1);
    done += 1;
    if (done === contended) jain = jainOf([...served.values()]);
    if (done === total) over.resolve(performance.now());
    return null;
  });
  const jobs: Job[] = Array.from({ length: flood }, () => ({ tenant: "tenant-0" }));
  for (let n = 0; n < each; n++) for (const tenant of names.slice(1)) jobs.push({ tenant });
  const began = performance.now();
  for (let at = 0; at < jobs.length; at += sliceSize) await task.enqueueMany(jobs.slice(at, at + sliceSize));
  const sent = performance.now();
  await app.work({ pool: "inline", concurrency: 100, log: "silent" });
  const started = performance.now();
  const ended = await over.promise;
  await app.close();
  return { sent: (total * 1_000) / (sent - began), run: (total * 1_000) / (ended - started), jain };
}

/** Raj Jain's index of fairness: 1 where all have the same, 1/n where one has all. */
function jainOf(shares: readonly number[]): number {
  const sum = shares.reduce((all, share) => all + share, 0);
  const squares = shares.reduce((all, share) => all + share * share, 0);
  return squares === 0 ? 0 : (sum * sum) / (shares.length * squares);
}

process.send?.(await round());
