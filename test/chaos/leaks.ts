/** Looks for what a run has left: in the broker, in processes that live, processes that should not, files. */

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Cluster } from "./cluster.ts";
import { pause } from "./faults.ts";
import { holdingOf, processesWith } from "./holding.ts";
import { type Held, heldTooMuch, leftBehind } from "./leak-check.ts";
import { leftovers } from "./leftovers.ts";
import type { Stage } from "./stage.ts";

/** Ms in which what is about to be closed, replaced or to end is gone. */
const patience = 5000;
/** Ms after which nothing that stands for a dead process may be in the folder of an SQLite file: three times as long as a listener is waited for. */
const mourning = 180_000;

/** Of processes that live and have nothing to do. `pool`: children that each is to have. */
export async function heldOpen(clusters: Readonly<Record<string, Cluster>>, pool: number): Promise<readonly string[]> {
  const look = (): Held[] =>
    Object.entries(clusters).flatMap(([kind, cluster]) =>
      cluster.living.flatMap((pid) => [
        ...holding(kind, pid, pool),
        ...cluster.children(pid).flatMap((child) => holding(`child of a ${kind},`, child, 0)),
      ]),
    );
  return await settled(async () => heldTooMuch(look()));
}

function holding(kind: string, pid: number, pool: number): Held[] {
  const found = holdingOf(pid);
  return found === undefined ? [] : [{ ...found, kind, pid, pool }];
}

/** After all have ended. `letters`: dead letters that there are. */
export async function leftOver(stage: Stage, letters: number): Promise<readonly string[]> {
  return await settled(async () => [
    ...leftBehind(await leftovers(stage), letters),
    ...processesWith(stage.mark).map((pid) => `leak: process ${String(pid)} of this run is still there`),
    ...readdirSync(stage.temporary).map((name) => `leak: ${name} is left in the folder for temporary files`),
    ...(stage.redis ? [] : filesOf(stage.disk)),
  ]);
}

/** The database, its log and its bus, and a bell for each process that lives, or died a while ago. */
function filesOf(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    if (/^chaos\.db(?:-bus)?(?:-wal|-shm)?$|^chaos\.db-ballast$/.test(name)) return [];
    const pid = /^chaos\.db-bell\.(\d+)\./.exec(name)?.[1];
    if (pid === undefined) return [`leak: ${name} is left beside the database`];
    const old = Date.now() - statSync(join(folder, name)).mtimeMs > mourning;
    return old && holdingOf(Number(pid)) === undefined ? [`leak: ${name} is left of a dead process`] : [];
  });
}

/** Until nothing is kept any more of runs that another has ended: their leases run out, and somebody must live to see it. */
export async function untilLetGo(stage: Stage): Promise<void> {
  if (stage.rabbit === undefined) return;
  const { lease, sweep } = stage.setup;
  // Once to its end, once more while it is given back, and the looks between.
  await settled(async () => Object.entries(await leftovers(stage)).flatMap(heldNow), 2 * (lease + sweep) + patience);
}

function heldNow([name, count]: readonly [string, number]): string[] {
  return name.startsWith("celeriac:held") && count > 0 ? [name] : [];
}

/** What is still said after a while. */
async function settled(look: () => Promise<string[]>, most = patience): Promise<readonly string[]> {
  for (const until = performance.now() + most; ; await pause(100)) {
    const found = await look();
    if (found.length === 0 || performance.now() > until) return found;
  }
}
