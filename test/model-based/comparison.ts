/** Runs the same steps on a driver and on the model, and fails at the first that is seen differently. */

import { isDeepStrictEqual } from "node:util";
import { array, assert, asyncProperty } from "fast-check";
import { expect } from "vitest";
import { type Driver, memoryDriver } from "./driver.ts";
import { consumers, passage, queues, type Step } from "./step.ts";
import { World } from "./world.ts";

/** The queues whose order is open: where delayed messages have come due, drivers differ in which place of the line they take. */
class Looseness {
  readonly queues: Set<number> = new Set();
  /** Consumers that hold what they took from such a queue. */
  readonly #holders = new Set<number>();

  before(step: Step, model: World): void {
    if (step.do === "claim" && this.queues.has(model.queueOf(step.who))) this.#holders.add(step.who);
    const gives = step.do === "stop" || step.do === "freeze" || step.do === "die";
    if (gives && this.#holders.has(step.who)) this.queues.add(model.queueOf(step.who));
    if (step.do === "elapse") for (let queue = 0; queue < queues; queue++) this.queues.add(queue);
    // What follows lies before or behind what is put back in the same step: the order of the two is nobody's promise.
    if (step.do === "settle" && step.batch.some(({ follow }) => follow.length > 0)) this.queues.add(0);
    if (this.#holders.size > consumers) throw new Error("there are not so many");
  }

  async after(model: World): Promise<void> {
    for (const queue of await model.empty()) this.queues.delete(queue);
  }
}

export async function compare(steps: readonly Step[], real: World): Promise<void> {
  const model = new World(memoryDriver());
  const loose = new Looseness();
  await Promise.all([model.start(), real.start()]);
  try {
    for (const [index, each] of steps.entries()) {
      loose.before(each, model);
      const expected = await model.do(each, loose.queues);
      const seen = await real.do(each, loose.queues, expected);
      // What follows makes the find smaller, for which a shorter wait will do.
      if (!isDeepStrictEqual(seen, expected)) real.patience = 300;
      expect(seen, `step ${String(index + 1)}, ${each.do}`).toEqual(expected);
      await loose.after(model);
    }
  } finally {
    await Promise.all([model.stop(), real.stop()]);
  }
}

/** `CELERIAC_MODEL_RUNS` runs instead of `runs`; `CELERIAC_MODEL_SEED` for another seed than the fixed one of `npm test`, 0 for a new one. */
export function chosen(runs: number): { readonly numRuns: number; readonly seed?: number } {
  const { CELERIAC_MODEL_RUNS: more, CELERIAC_MODEL_SEED: seed = "4711" } = process.env;
  return { numRuns: more === undefined ? runs : Number(more), ...(seed === "0" ? {} : { seed: Number(seed) }) };
}

export async function compareMany(driver: Driver, runs: number): Promise<void> {
  const real = new World(driver);
  const steps = array(passage, { minLength: 5, maxLength: 25, size: "max" }).map((each) => each.flat());
  await assert(
    asyncProperty(steps, (each) => compare(each, real)),
    { ...chosen(runs), endOnFailure: false },
  );
}
