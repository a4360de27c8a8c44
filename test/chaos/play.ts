/** One run from its first task to the verdict. */

import { plan } from "./fault-plan.ts";
import { pause, strike } from "./faults.ts";
import { finish, type Outcome } from "./finish.ts";
import { Observer } from "./observer.ts";
import { Random } from "./random.ts";
import { type Setup, Stage } from "./stage.ts";
import { draw, herdOf } from "./workload.ts";

export interface Plan extends Setup {
  readonly tasks: number;
  readonly faults: number;
  readonly seed: number;
  /** So many tasks, beside those, are due at one moment. */
  readonly herd: number;
  /** Kinds of faults to choose from; empty for all. */
  readonly only: readonly string[];
}

/** Shortest time between two faults, ms; and the least in which all of them come. */
const shortestGap = 700;
const shortestSpan = 18_000;
/** Until the herd is due, at most. */
const longestWait = 60_000;

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
    const setting = { broker, impossible: new Set(stage.impossible.keys()) };
    const faultPlan = plan(random, faults, setting, only);
    const gap = Math.max(shortestGap, shortestSpan / Math.max(1, faults));
    const pace = new Pace(faults, gap);
    const parts = partsOf(stage, random);
    // In the midst of what goes wrong, and before a minute is over, which a step of a clock is longer than.
    const wait = Math.min(longestWait, (faults * gap) / 2);
    if (wanted.herd > 0) await observer.sendHerd(herdOf(wanted.herd), wait, lease, stage.journal);
    const striking = (async () => {
      try {
        for (const fault of faultPlan) {
          await pause(gap * random.between(0.6, 1.1));
          await strike(fault, parts);
          pace.struck();
        }
      } finally {
        pace.end();
      }
    })();
    await observer.send(jobs, lease, () => pace.share(), stage.journal);
    await striking;
    return await finish(stage, observer, faultPlan);
  } finally {
    await observer?.close();
    await stage.close();
  }
}

/** How far the faults have come, so that there is work for as long as anything goes wrong: of 2 000 faults some take 20 s. */
class Pace {
  readonly #faults: number;
  readonly #gap: number;
  readonly #began = performance.now();
  #last = this.#began;
  #done = 0;
  #ended = false;

  constructor(faults: number, gap: number) {
    this.#faults = faults;
    this.#gap = gap;
  }

  struck(): void {
    this.#done += 1;
    this.#last = performance.now();
  }

  end(): void {
    this.#ended = true;
  }

  /** 0 at the start, 1 at the end; between two faults by the time that one has taken so far. */
  share(): number {
    if (this.#ended) return 1;
    const each = Math.max(this.#gap, (this.#last - this.#began) / Math.max(1, this.#done));
    return Math.min(1, (this.#done + Math.min(1, (performance.now() - this.#last) / each)) / this.#faults);
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
