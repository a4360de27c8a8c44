/** Bugs of schedulers that a chaos run must see by its ticks, as those of `bugs.ts`. */

import type { Bug, Patch } from "./bugs.ts";

const impatient: readonly Patch[] = [
  {
    file: "src/beat/plan.ts",
    find: "if (due >= now - policy.grace) return",
    put: "if (due >= now - policy.grace / 1000) return",
  },
];
const unnoted: readonly Patch[] = [
  {
    file: "src/beat/beat.ts",
    find: 'if (step.kind === "skip") return this.#skip(line, step.tick, step.why);',
    put: 'if (step.kind === "skip") return void (line.cursor = step.tick);',
  },
];
const only = "kill scheduler,stop scheduler,end scheduler";

export const tickBugs: Readonly<Record<string, Bug>> = {
  "impatient-beat": {
    says: "leaves out a tick that is late, and within its grace",
    only,
    patches: { sqlite: impatient, redis: impatient },
  },
  "unnoted-skip": {
    says: "leaves out missed ticks without a note of it",
    only,
    patches: { sqlite: unnoted, redis: unnoted },
  },
};
