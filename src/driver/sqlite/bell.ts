/**
 * Bells: one file a process, watched by it and touched by whoever has work for it. Nothing depends on a bell being heard;
 * a slow look at the database is the net under it.
 */

import { rmSync, utimesSync, watch } from "node:fs";
import type { FSWatcher } from "node:fs";

import type { Clock } from "../../clock/clock.ts";
import { makeLike } from "./file-mode.ts";

/** How long the first ring may take to be heard. */
const probeTime = 500;
/** A suffix from the database is never used as a path unless it looks like one of ours. */
const suffixShape = /^\d+\.[0-9a-f]{8}$/;

export class Bell {
  readonly suffix: string;
  readonly #database: string;
  readonly #path: string;
  readonly #hear: () => void;
  #watcher: FSWatcher | undefined;
  #probe: Disposable | undefined;

  constructor(database: string, hear: () => void) {
    this.suffix = `${process.pid}.${crypto.randomUUID().slice(0, 8)}`;
    this.#database = database;
    this.#path = bellPath(database, this.suffix);
    this.#hear = hear;
  }

  /** `dumb` is called if a first ring of our own is not heard, as on some mounts of virtual machines. */
  open(clock: Clock, dumb: () => void): void {
    if (this.#watcher !== undefined) return;
    makeLike(this.#database, this.#path);
    try {
      let heard = false;
      this.#watcher = watch(this.#path, { persistent: false }, () => {
        heard = true;
        this.#hear();
      });
      this.#watcher.on("error", dumb);
      ringBell(this.#database, this.suffix);
      this.#probe = clock.after(probeTime, () => {
        if (!heard) dumb();
      });
    } catch {
      // The system allows no more watches.
      dumb();
    }
  }

  close(): void {
    this.#probe?.[Symbol.dispose]();
    this.#watcher?.close();
    this.#watcher = undefined;
    rmSync(this.#path, { force: true });
  }
}

export function ringBell(database: string, suffix: string): void {
  if (!suffixShape.test(suffix)) return;
  const now = Date.now() / 1000;
  try {
    utimesSync(bellPath(database, suffix), now, now);
  } catch {
    // Its process has gone.
  }
}

export function removeBell(database: string, suffix: string): void {
  if (suffixShape.test(suffix)) rmSync(bellPath(database, suffix), { force: true });
}

function bellPath(database: string, suffix: string): string {
  return `${database}-bell.${suffix}`;
}
