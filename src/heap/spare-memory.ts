/**
 * Gives what V8 keeps in reserve back to the system, once the work is done. V8 doubles its young generation under load, and keeps it and the
 * pages of what it has collected: a worker that ran a million small tasks held 300 MB at rest, of which 15 MB were in use. Only a collection
 * "as the last resort" lets go of them; so it does of a quarter of what a start leaves. It stops the thread (40 to 120 ms with 15 MB in use), so it
 * comes when nothing has run for a while, not where much is in use, and not again before there is something to give back.
 */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Clock } from "../clock/clock.ts";

/** Ms; nothing begins or ends between two looks. */
const lookEvery = 5_000;
/** Ms; of who never rests. */
const lookAnyway = 60_000;
/** Resident memory, against that of the last time: below, there is nothing to gain. */
const grown = 1.2;
/** Bytes in use: each further MB costs up to some ms. */
const mostInUse = 128 * 2 ** 20;

export interface Doing {
  /** Tasks that run now. */
  readonly busy: number;
  /** Grows with each task that came. */
  readonly taken: number;
}

/** Of this process, bytes. */
export interface MemoryInUse {
  readonly rss: number;
  readonly heapUsed: number;
}

export class SpareMemory implements Disposable {
  readonly #timer: Disposable;
  readonly #inUse: () => MemoryInUse;
  readonly #release: () => void;
  /** Resident memory after each release. */
  #least = 0;
  /** -1: a start is work as well. */
  #seen = -1;
  #released = -1;

  /** `doing` undefined: once a minute, whatever it does. */
  constructor(
    clock: Clock,
    doing: (() => Doing) | undefined,
    inUse: () => MemoryInUse = process.memoryUsage,
    release: () => void = releaser(),
  ) {
    this.#inUse = inUse;
    this.#release = release;
    this.#timer = clock.every(doing === undefined ? lookAnyway : lookEvery, () => {
      if (doing === undefined || this.#rests(doing())) this.#giveBack();
    });
  }

  /** Now, and since the last look, with something done since it gave back the last time. */
  #rests({ busy, taken }: Doing): boolean {
    const rests = busy === 0 && taken === this.#seen;
    this.#seen = taken;
    if (!rests || taken === this.#released) return false;
    this.#released = taken;
    return true;
  }

  #giveBack(): void {
    const { rss, heapUsed } = this.#inUse();
    if (rss < this.#least * grown || heapUsed > mostInUse) return;
    this.#release();
    this.#least = this.#inUse().rss;
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }
}

/** Of this thread. V8 has no other door to it than the function of its flag, which is closed again behind us. */
export function releaser(): () => void {
  let collect: NodeJS.GCFunction | undefined;
  return () => {
    if (collect === undefined) {
      setFlagsFromString("--expose-gc");
      collect = runInNewContext("gc") as NodeJS.GCFunction;
      setFlagsFromString("--no-expose-gc");
    }
    collect({ type: "major", execution: "sync", flavor: "last-resort" });
  };
}
