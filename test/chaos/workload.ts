/** What is asked of the queue in a run: kinds of tasks by weight, drawn from the seed. */

import type { Random } from "./random.ts";

/** Per mille. The rare ones come at least once in every run: see `draw`. */
const weights = {
  /** 1–30 ms. */ ok: 800,
  /** Throws on its first one to three attempts. */ flaky: 50,
  /** One to two leases long: renewal must hold. */ slow: 25,
  /** Blocks its process for 30–300 ms. */ spin: 30,
  /** Has a callback, which must run exactly once in effect. */ linked: 60,
  /** Three checkpointed steps. */ steps: 20,
  /** 100 KB in and out. */ big: 5,
  /** Kills its process whenever it starts. */ poison: 2,
  /** Ends its process with code 3 whenever it starts. */ exit: 2,
} as const;

export type Kind = keyof typeof weights;

export interface Job {
  readonly id: string;
  readonly kind: Kind;
  /** 0…1: scales whatever the kind scales. */
  readonly size: number;
}

export function draw(random: Random, count: number): Job[] {
  const jobs = Array.from({ length: count }, (_, index): Job => {
    return { id: `job-${String(index)}`, kind: random.weighted(weights), size: random.next() };
  });
  const missing = (Object.keys(weights) as Kind[]).filter((kind) => !jobs.some((job) => job.kind === kind));
  // Every kind takes part in every run, or a small run would prove nothing about the rare ones.
  missing.forEach((kind, index) => {
    const at = Math.floor(((index + 1) * jobs.length) / (missing.length + 1));
    const job = jobs[at];
    if (job) jobs[at] = { ...job, kind };
  });
  return jobs;
}

/** Kinds that must end in the dead letters; everything else must not. */
export const doomed: ReadonlySet<string> = new Set<Kind>(["poison", "exit"]);
