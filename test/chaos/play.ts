/** One run from its first task to the verdict. */

import { plan } from "./fault-plan.ts";
import { pause, strike } from "./faults.ts";
import { finish, type Outcome } from "./finish.ts";
import { Observer } from "./observer.ts";
import { Random } from "./random.ts";
import { type Setup, Stage } from "./stage.ts";
import { draw } from "./workload.ts";

export interface Plan extends Setup {
  readonly tasks: number;
  readonly faults: number;
  readonly seed: number;
  /** Kinds of faults to choose from; empty for all. */
  readonly only: readonly string[];
}

/** Shortest time between two faults, ms; and the least in which all of them come. */
const shortestGap = 700;
const shortestSpan = 18_000;

export async function play(wanted: Plan): Promise<Outcome> {
  const { broker, lease, tasks, faults, only } = wanted;
  const random = new Random(wanted.seed);
  const stage = await Stage.open(wanted);
  let observer: Observer | undefined;
  try {
    for (const [fault, why] of stage.impossible) process.stderr.write(`SKIPPED: ${fault}: ${why}\n`);
    await stage.start();
    observer = await Observer.open();
    const jobs = draw(random, tasks);
    const setting = { redis: broker !== "sqlite", apart: stage.apart, impossible: new Set(stage.impossible.keys()) };
    const faultPlan = plan(random, faults, setting, only);
    const gap = Math.max(shortestGap, shortestSpan / Math.max(1, faults));
    const parts = partsOf(stage, random);
    const striking = (async () => {
      for (const fault of faultPlan) {
        await pause(gap * random.between(0.6, 1.1));
        await strike(fault, parts);
      }
    })();
    await observer.send(jobs, lease, gap * faults, stage.journal);
    await striking;
    return await finish(stage, observer, faultPlan);
  } finally {
    await observer?.close();
    await stage.close();
  }
}

export function partsOf(stage: Stage, random: Random): Parameters<typeof strike>[1] {
  const { workers, schedulers, dashboard, machines, network, journal, redis, rabbit, setup } = stage;
  return {
    random,
    cluster: workers,
    schedulers,
    dashboard,
    machines,
    network,
    journal,
    redis,
    rabbit,
    lease: setup.lease,
    twoPortWorker: () => stage.twoPortWorker(),
  };
}
