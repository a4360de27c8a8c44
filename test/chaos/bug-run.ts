/** Runs a copy of the sources with a bug in it: one of a few seeds must turn red. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Bug, type BuggyBroker, bugs, seed as seedBug } from "./bugs.ts";
import { leakBugs } from "./leak-bugs.ts";
import { tickBugs } from "./tick-bugs.ts";
import { timingBugs } from "./timing-bugs.ts";

/** Some bugs need a coincidence that not every seed brings about. */
const seeds = 3;
/** All that a chaos run must see. */
export const chaosBugs: Readonly<Record<string, Bug>> = { ...bugs, ...leakBugs, ...timingBugs, ...tickBugs };
const root: string = fileURLToPath(new URL("../../", import.meta.url));

export interface BugRun {
  readonly bug: string;
  readonly broker: BuggyBroker;
  readonly tasks: number;
  readonly faults: number;
  /** The first one. */
  readonly seed: number;
}

export interface Caught {
  readonly seed: number;
  /** What the checker said first. */
  readonly said: string;
}

/** `undefined` if it was not caught. Throws on a bug that there is not, and if a run did not end. */
export function runBug({ bug: name, broker, tasks, faults, seed }: BugRun): Caught | undefined {
  const bug = chaosBugs[name];
  if (!bug) throw new Error(`no bug "${name}"; there are: ${Object.keys(chaosBugs).join(", ")}`);
  if (!bug.patches[broker]) throw new Error(`"${name}" is seeded for ${Object.keys(bug.patches).join(" and ")} alone`);
  const folder = mkdtempSync(join(root, ".tmp-chaos-"));
  try {
    seedBug(bug, broker, root, folder);
    for (let at = seed; at < seed + seeds; at++) {
      const size = ["--tasks", String(tasks), "--faults", String(faults), "--seed", String(at)];
      const args = ["--broker", broker, ...size, "--only", bug.only ?? ""];
      const run = spawnSync(process.execPath, [join(folder, "test/chaos/run.ts"), ...args], {
        stdio: ["ignore", "pipe", "inherit"],
        encoding: "utf8",
        env: { ...process.env, ...(bug.python && { CHAOS_PYTHON: "1" }) },
      });
      if (!run.stdout.includes("violations")) throw new Error(`the run with the bug did not end:\n${run.stdout}`);
      if (run.status !== 1) continue;
      const said = run.stdout.split("\n").find((line) => line.startsWith("  ✗")) ?? "";
      return { seed: at, said: said.replace("  ✗ ", "") };
    }
    return undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
