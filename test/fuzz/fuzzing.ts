/** Feeds a target with hostile inputs until its time is over or it makes a find, which is then made as small as it goes. */

import { check, type RunDetails, property } from "fast-check";
import { dashboardTargets } from "./dashboard-targets.ts";
import { driverTargets } from "./driver-targets.ts";
import { hostile } from "./mutation.ts";
import { storedTargets } from "./stored-targets.ts";
import { checkPrototypes, type Target } from "./target.ts";
import { textTargets } from "./text-targets.ts";
import { wireTargets } from "./wire-targets.ts";

export const targets: readonly Target[] = [
  ...wireTargets,
  ...driverTargets,
  ...storedTargets,
  ...dashboardTargets,
  ...textTargets,
];

/** Processor time of one input, ms: nothing here is large, so whatever takes this long grows too fast. */
const longest = 5000;

/** `runs` inputs at most, for `milliseconds` at most. */
export function fuzz(target: Target, seed: number, milliseconds: number, runs: number): RunDetails<[Uint8Array]> {
  return check(
    property(hostile(target.samples), (bytes) => {
      const before = process.cpuUsage();
      target.feed(bytes);
      const { user } = process.cpuUsage(before);
      if (user / 1000 > longest) throw new Error(`it took ${String(Math.round(user / 1000))} ms`);
      checkPrototypes();
    }),
    {
      seed,
      numRuns: runs,
      interruptAfterTimeLimit: milliseconds,
      markInterruptAsFailure: false,
      skipAllAfterTimeLimit: milliseconds + 20_000,
    },
  );
}

/** What is told of a find, with what makes it again. */
export function findText(target: Target, { counterexample, errorInstance, seed }: RunDetails<[Uint8Array]>): string {
  const bytes = Buffer.from(counterexample?.[0] ?? []);
  const error = errorInstance instanceof Error ? (errorInstance.stack ?? errorInstance.message) : String(errorInstance);
  return `${target.name} (--seed ${String(seed)}): ${JSON.stringify(bytes.toString("latin1"))}\n  base64 ${bytes.toString("base64")}\n${error}`;
}
