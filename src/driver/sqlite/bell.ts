/**
 * Bells: one file a process, watched by it and touched by whoever has work for it. Nothing depends on a bell being heard;
 * a slow look at the database is the net under it.
 */

import { existsSync, readdirSync, rmSync, statSync, utimesSync, watch } from "node:fs";
import type { FSWatcher } from "node:fs";
import { basename, dirname } from "node:path";

import type { Clock } from "../../clock/clock.ts";
import { makeLike } from "./file-mode.ts";

/** How long the first ring may take to be heard. */
const probeTime = 500;
/** After so long without a ring, ms, a bell that no row names is nobody's: listeners ring their own every few seconds. */
const silence = 60_000;
/** A suffix from the database is never used as a path unless it looks like one of ours. */
const suffixShape = /^\d+\.[0-9a-f]{8}$/;

export interface Ringing {
  hear(): void;
  /** Is anybody here who is to be woken? Without, a bell that somebody removed is not made anew. */
  isNeeded(): boolean;
}

export class Bell {
  readonly suffix: string;
  readonly #database: string;
  readonly #path: string;
  readonly #ringing: Ringing;
  #watcher: FSWatcher | undefined;
  #probe: Disposable | undefined;

  constructor(database: string, ringing: Ringing) {
    this.suffix = `${process.pid}.${crypto.randomUUID().slice(0, 8)}`;
    this.#database = database;
    this.#path = bellPath(database, this.suffix);
    this.#ringing = ringing;
  }

  /** `dumb` is called if a first ring of our own is not heard, as on some mounts of virtual machines. */
  open(clock: Clock, dumb: () => void): void {
    if (this.#watcher !== undefined) return;
    makeLike(this.#database, this.#path);
    let heard = false;
    this.#watch(dumb, () => (heard = true));
    ringBell(this.#database, this.suffix);
    this.#probe?.[Symbol.dispose]();
    this.#probe = clock.after(probeTime, () => {
      if (!heard) dumb();
    });
  }

  close(): void {
    this.#probe?.[Symbol.dispose]();
    this.#unwatch();
    rmSync(this.#path, { force: true });
  }

  #watch(dumb: () => void, heard?: () => void): void {
    try {
      const watcher = watch(this.#path, { persistent: false }, (event) => {
        heard?.();
        if (event === "rename" && watcher === this.#watcher && !existsSync(this.#path)) this.#renew(dumb);
        this.#ringing.hear();
      });
      watcher.on("error", dumb);
      this.#watcher = watcher;
    } catch {
      // The system allows no more watches.
      dumb();
    }
  }

  #unwatch(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  /** Somebody removed the file, who took this process for dead. */
  #renew(dumb: () => void): void {
    this.#unwatch();
    if (!this.#ringing.isNeeded()) return;
    try {
      makeLike(this.#database, this.#path);
    } catch {
      // The disk is full, or the directory is gone.
      dumb();
      return;
    }
    this.#watch(dumb);
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

/** Removes what processes left that died before anybody knew their bell, or whose heir died. A living one makes its own anew. */
export function sweepBells(database: string, named: ReadonlySet<string>, now: number): void {
  const stem = `${basename(database)}-bell.`;
  for (const name of readdirSync(dirname(database))) {
    const suffix = name.slice(stem.length);
    if (!name.startsWith(stem) || !suffixShape.test(suffix) || named.has(suffix)) continue;
    const rung = statSync(bellPath(database, suffix), { throwIfNoEntry: false })?.mtimeMs ?? now;
    // One that was rung in the future was so by a clock that was wrong, and that must not keep it.
    if (Math.abs(now - rung) > silence) removeBell(database, suffix);
  }
}

function bellPath(database: string, suffix: string): string {
  return `${database}-bell.${suffix}`;
}
