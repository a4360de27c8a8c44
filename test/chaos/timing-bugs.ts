/** Seeded bugs of what has a time: they lose nothing and run nothing twice. */

import type { Bug, Patch } from "./bugs.ts";

const early: readonly Patch[] = [
  {
    file: "src/app/send-time.ts",
    find: "  return wait === 0 ? undefined : now + wait;\n",
    put: "  return wait === 0 ? undefined : now + wait / 2;\n",
  },
];
const abandon =
  'this.#abandon(execution, "hard-limit", () => execution.end({ slot, k: "hard-limit", limit: hard ?? 0 }));\n';
const overdue: readonly Patch[] = [
  { file: "src/pool/child.ts", find: abandon, put: `setTimeout(() => ${abandon.trim().replace(/;$/, "")}, 4000);\n` },
];

export const timingBugs: Readonly<Record<string, Bug>> = {
  "half-delay": {
    says: "waits for half of a delay",
    only: "kill child",
    patches: { sqlite: early, redis: early, rabbitmq: early },
  },
  "late-limit": {
    says: "ends a task that never returns four seconds after its limit",
    only: "kill scheduler",
    patches: { sqlite: overdue, redis: overdue, rabbitmq: overdue },
  },
};
