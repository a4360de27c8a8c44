/** What a measurement needs before and after it: the build that is measured, the facts of the machine, a file with everything it found. */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buildCeleriac } from "./installation.ts";
import { disturbance, type Machine, machineFacts } from "./machine.ts";
import { machineTicks } from "./process-cost.ts";

export interface Facts extends Machine {
  readonly at: string;
  /** Percent of all cores' time during the run. */
  readonly busy: number;
  readonly stolen: number;
}

export interface Occasion {
  /** As of now: called at the end. */
  facts(): Facts;
  /** Beside the runs that `summary.ts` reads, which have another form. */
  store(name: string, report: object): Promise<void>;
}

/** `keepBuild`: measures the last build. */
export async function beginOccasion(keepBuild: boolean): Promise<Occasion> {
  await buildCeleriac(keepBuild);
  const machine = machineFacts([]);
  const ticks = machineTicks();
  return {
    facts: () => ({ ...machine, at: new Date().toISOString(), ...disturbance(ticks) }),
    async store(name, report) {
      const folder = join(import.meta.dirname, "results", "tools");
      await mkdir(folder, { recursive: true });
      const file = `${new Date().toISOString().replaceAll(/[:.]/g, "-")}-${name}.json`;
      await writeFile(join(folder, file), `${JSON.stringify(report, null, 2)}\n`);
      process.stderr.write(`every figure: bench/results/tools/${file}\n`);
    },
  };
}

/** What a page says of the run that its figures are from. */
export function sentenceOf(facts: Facts, command: string): string {
  const { at, commit, node, redis, cores, cpu, loadBefore, busy, stolen } = facts;
  return (
    `\`${command}\` on ${at.slice(0, 10)}, commit ${commit}, Node ${node}, Redis ${redis}, ${cores} cores (${cpu}), load ${loadBefore} before it; ` +
    `during it the machine was ${busy} % busy, ${stolen} % were stolen by the hypervisor.`
  );
}
