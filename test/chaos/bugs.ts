/**
 * Bugs seeded into a copy of the sources, to check the checker: a run with any of them must be red. Each is a text that is
 * replaced by another; a text that is no longer found is an error, so that the list can't rot.
 */

import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Patch {
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

export interface Bug {
  readonly says: string;
  readonly patches: Readonly<Record<"sqlite" | "redis", readonly Patch[]>>;
}

const noBudget: readonly Patch[] = [
  {
    file: "src/worker/intake.ts",
    find: "if (delivery.crashes >= budget) {",
    put: "if (delivery.crashes >= budget * 1e9) {",
  },
  { file: "src/worker/settlement.ts", find: "if (crashes >= budget && ", put: "if (crashes >= budget * 1e9 && " },
];
const ackOnReceive: readonly Patch[] = [
  { file: "src/worker/flow.ts", find: 'if (execution.definition.ack === "early") {', put: "if (execution) {" },
  {
    file: "src/worker/settler.ts",
    find: 'const late = batch.filter(({ execution }) => execution?.definition.ack !== "early");',
    put: "const late = batch.filter(({ execution }) => !execution);",
  },
  {
    file: "src/worker/settler.ts",
    find: 'const early = batch.filter(({ execution }) => execution?.definition.ack === "early");',
    put: "const early = batch.filter(({ execution }) => execution);",
  },
];
const noLaunch: readonly Patch[] = [
  {
    file: "src/worker/settlement.ts",
    find: 'return ending({ delivery, then: { kind: "ack" }, ...list("follow", follow) }, { kind: "final-before"',
    put: 'return ending({ delivery, then: { kind: "ack" }, ...list("follow", follow.slice(0, 0)) }, { kind: "final-before"',
  },
];

export const bugs: Readonly<Record<string, Bug>> = {
  "ack-on-receive": {
    says: "acknowledges a task when it starts",
    patches: { sqlite: ackOnReceive, redis: ackOnReceive },
  },
  "no-crash-budget": {
    says: "runs a task again however often it kills its process",
    patches: { sqlite: noBudget, redis: noBudget },
  },
  "no-launch-on-final": {
    says: "acknowledges a task whose result is final without sending what follows",
    patches: { sqlite: noLaunch, redis: noLaunch },
  },
};

/** Copies the sources into `folder` with the bug in them. */
export function seed(bug: Bug, broker: "sqlite" | "redis", root: string, folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const part of ["src", "test/chaos", "test/server"])
    cpSync(join(root, part), join(folder, part), { recursive: true });
  for (const { file, find, put } of bug.patches[broker]) {
    const path = join(folder, file);
    const text = readFileSync(path, "utf8");
    if (text.split(find).length !== 2)
      throw new Error(`bug: the text to replace is not exactly once in ${file}: ${find}`);
    writeFileSync(
      path,
      text.replace(find, () => put),
    );
  }
}
