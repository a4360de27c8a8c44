/** Bugs for beat runs, as those of `bugs.ts`: a run with any of them must be red. */

import type { Bug, Patch } from "./bugs.ts";

const unguarded: readonly Patch[] = [
  {
    file: "src/beat/beat.ts",
    find: "const answer = await step.fire(term, line.entry.name, tick, sends);",
    put: `const bare = sends.map(({ queue, message }) => ({ queue, message }));
    await this.#parts.backend.broker.publish(bare, AbortSignal.timeout(5_000));
    const answer = step === undefined ? "not-leader" : ("fired" as Fired);`,
  },
];

export const beatBugs: Readonly<Record<string, Bug>> = {
  "unguarded-fire": {
    says: "sends a tick without asking whether it has fired, and whether it leads",
    patches: { sqlite: unguarded, redis: unguarded },
  },
};
