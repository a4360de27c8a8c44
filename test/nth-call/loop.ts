/** Strikes each call of the scenario in turn, restarts, and checks that nothing is lost, doubled or stuck. */

import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { coreOf } from "../../src/app/app.ts";
import { createApp } from "../../src/index.ts";
import type { Mode } from "./faulty-backend.ts";
import { optionsOf, play } from "./scenario.ts";

const program = fileURLToPath(new URL("./scenario.ts", import.meta.url));

/** Runs the scenario in a process of its own; resolves with its journal whether it lived or died. */
export async function strike(place: string, journal: string, mode: Mode, n: number): Promise<readonly string[]> {
  await new Promise<void>((resolve) => {
    execFile(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", program, place, journal, mode, String(n)],
      { timeout: 120_000 },
      () => resolve(),
    );
  });
  return existsSync(journal) ? readFileSync(journal, "utf8").trim().split("\n") : [];
}

/** What is wrong after a strike and a restart; empty when nothing is. */
export async function afterRestart(place: string, struck: readonly string[], deadly: boolean): Promise<string[]> {
  const lines = [...struck];
  const accepted = new Set(lines.flatMap((line) => (line.startsWith("accepted ") ? [line.slice(9)] : [])));
  const wrong: string[] = [];
  try {
    await play(place, (line) => lines.push(line), accepted);
  } catch (error) {
    wrong.push(`stuck or lost: ${String(error)}`);
  }
  const runs = new Map<string, number>();
  for (const line of lines) if (line.startsWith("ran ")) runs.set(line.slice(4), (runs.get(line.slice(4)) ?? 0) + 1);
  for (const [id, times] of runs) {
    const planned = id === "flaky" ? 2 : 1;
    // A death may cost each task one more run; an error that the process survives costs none.
    const allowed = planned + (deadly ? 1 : 0);
    if (times > allowed) wrong.push(`doubled: ${id} ran ${String(times)} times, ${String(allowed)} allowed`);
  }
  wrong.push(...(await remains(place)));
  return wrong;
}

async function remains(place: string): Promise<string[]> {
  // Patience of its own: an answer that is late on a busy machine says nothing of what was struck.
  const app = createApp({ name: "remains", ...optionsOf(place), publishTimeout: "60s" });
  try {
    const { broker } = await coreOf(app).connect();
    const queues = await broker.queues.list();
    const letters = await broker.dead.list({}, undefined, 10);
    const left = queues.flatMap(({ name, ready, leased, delayed }) => {
      // What is held is not known there, so the worker could not wait for it: `lateCopies` judges what came back.
      if (leased === undefined) return [];
      const count = ready.reduce((sum, each) => sum + each.count, 0) + leased + (delayed ?? 0);
      return count > 0 ? [`left over: ${String(count)} messages in ${name}`] : [];
    });
    return [...left, ...letters.items.map(({ id, reason }) => `buried: ${String(id)} (${reason})`)];
  } finally {
    await app.close();
  }
}
