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
  /** Steps one after the other. */ chain: 20,
  /** Side by side. */ group: 10,
  /** Members, and a body that gets what they returned. */ chord: 50,
  /** The same with a member that fails: the body must not run, its error callback must. */ failing: 15,
  /** Blocks its process for ever, and is ended at its time limit. */ endless: 2,
  /** Is sent for a time to come, of which half say how long it is until then, and half when it is. */ later: 15,
  /** Goes on as a chord under its id. */ replaced: 15,
} as const;

/** `herd`: one of many for the same moment, which are sent at once. */
export type Kind = keyof typeof weights | "herd";

/** Ms after which an `endless` is ended. */
export const endlessLimit = 1000;
/** Ms until a `later` is due, by its size. */
export function laterBy(size: number): number {
  return Math.round(500 + 4500 * size);
}

export interface Job {
  readonly id: string;
  readonly kind: Kind;
  /** 0…1: scales whatever the kind scales. */
  readonly size: number;
}

/** `first`: number of the first one, where others were drawn before. */
export function draw(random: Random, count: number, first = 0): Job[] {
  const jobs = Array.from({ length: count }, (_, index): Job => {
    return { id: `job-${String(first + index)}`, kind: random.weighted(weights), size: random.next() };
  });
  const missing = (Object.keys(weights) as (keyof typeof weights)[]).filter(
    (kind) => !jobs.some((job) => job.kind === kind),
  );
  // Every kind takes part in every run, or a small run would prove nothing about the rare ones.
  missing.forEach((kind, index) => {
    const at = Math.floor(((index + 1) * jobs.length) / (missing.length + 1));
    const job = jobs[at];
    if (job) jobs[at] = { ...job, kind };
  });
  return jobs;
}

/** So many that are all due at one moment. */
export function herdOf(count: number): readonly Job[] {
  return Array.from({ length: count }, (_, n) => ({ id: `herd-${String(n)}`, kind: "herd", size: (n % 100) / 100 }));
}

/** How many parts a workflow has besides the task that the job is named after. */
export const parts: Readonly<Partial<Record<string, number>>> = {
  chain: 3,
  group: 3,
  chord: 5,
  failing: 3,
  replaced: 2,
};

/** Ids of the parts, in their order. */
export function partsOf({ id, kind }: Pick<Job, "id" | "kind">): readonly string[] {
  return Array.from({ length: parts[kind] ?? 0 }, (_, n) => `${id}-p${String(n)}`);
}

/** Ids of its messages that lie in the queue as soon as it is accepted. */
export function firstOf(job: { readonly id: string; readonly kind: string }): readonly string[] {
  const all = partsOf({ ...job, kind: job.kind as Kind });
  switch (job.kind) {
    case "chain":
      return all.slice(0, 1);
    case "group":
      return [...all, job.id];
    case "chord":
    case "failing":
      return all;
    default:
      return [job.id];
  }
}

/** Ids that a job ends with; which job an id belongs to, `jobOf` tells. */
export function idsOf(job: Pick<Job, "id" | "kind">): readonly string[] {
  const follows = job.kind === "linked" || job.kind === "failing";
  return [job.id, ...partsOf(job), ...(follows ? [`${job.id}-after`] : [])];
}

export function jobOf(id: string): string {
  return id.replace(/-(?:after|replaced|p\d+)$/, "");
}

/** Kinds that must end in the dead letters; everything else must not. */
export const doomed: ReadonlySet<string> = new Set<Kind>(["poison", "exit"]);

/** Kinds with which their process ends, and everything beside them in it. */
export const deadly: ReadonlySet<string> = new Set<string>([...doomed, "endless"]);

/** Where the ticks of schedules go: nobody runs them, they are counted. */
export const tickQueue = "ticks";
