/**
 * The run's only truth: a file that every party appends to, outside of the system under test. One `write` of one line below
 * 4 KiB on a descriptor opened for appending is atomic on Linux, so lines of killed processes are whole or absent.
 */

import { closeSync, openSync, readSync, writeSync } from "node:fs";

export type Entry =
  /** `enqueue` resolved / threw, so that the outcome is unknown. */
  | { readonly k: "accepted" | "unclear"; readonly t: number; readonly id: string; readonly kind: string }
  /** `enqueue` threw and said that nothing was sent. `code`: of the error, or the text of what is none of ours. */
  | { readonly k: "refused"; readonly t: number; readonly id: string; readonly kind: string; readonly code: string }
  /** An accepted id is about to be sent a second time. */
  | { readonly k: "again"; readonly t: number; readonly id: string }
  /** The second `enqueue` of an accepted id was accepted too, where the broker promises to say that it is a duplicate. */
  | { readonly k: "twice"; readonly t: number; readonly id: string }
  /** It is about to be sent, and may not start before `at`. */
  | { readonly k: "due"; readonly t: number; readonly id: string; readonly at: number }
  | Run
  | Hold
  /** A worker got no word to its server and back in this time, or did not turn: see `Reach`. */
  | { readonly k: "away"; readonly t: number; readonly until: number; readonly worker: number }
  /** A worker takes tasks from now on. */
  | { readonly k: "up"; readonly t: number; readonly worker: number }
  /** Sockets, timers and the like that a worker has open. */
  | { readonly k: "handles"; readonly t: number; readonly pid: number; readonly open: number }
  /** A checkpoint's work was really done. */
  | { readonly k: "step"; readonly t: number; readonly id: string; readonly step: string; readonly fence: number }
  | {
      readonly k: "fault";
      readonly t: number;
      readonly until: number;
      readonly fault: string;
      /** Process id of what it was aimed at, or of the client whose line it was; 0 for all. */
      readonly target: number;
      /** Ms by which a clock was off meanwhile. */
      readonly by?: number;
    };

/** User code began, or was about to return. */
export interface Run {
  readonly k: "start" | "end";
  readonly t: number;
  readonly id: string;
  readonly kind: string;
  readonly attempt: number;
  readonly fence: number;
  readonly pid: number;
  /** Process id of the worker whose child this is. */
  readonly worker: number;
}

/** A worker has claimed a task, has done with it, whatever came of it, or has noticed that it is another's by now. */
export interface Hold {
  readonly k: "claim" | "freed" | "lost";
  readonly t: number;
  readonly id: string;
  readonly attempt: number;
  readonly worker: number;
}

export class Journal {
  readonly path: string;
  readonly #file: number;

  constructor(path: string) {
    this.path = path;
    this.#file = openSync(path, "a", 0o600);
  }

  add(entry: Entry): void {
    writeSync(this.#file, `${JSON.stringify(entry)}\n`);
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** Bytes that are read at once: what a reader holds does not depend on how long the journal is. */
const chunk = 1 << 18;
const lineFeed = 10;

/** Reads a journal from its beginning on, each line once, also while it is still written. */
export class JournalReader {
  readonly #path: string;
  readonly #chunk = Buffer.allocUnsafe(chunk);
  /** Bytes that were read and told of. */
  #told = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** The next few lines; none where it ends for now. */
  some(): readonly Entry[] {
    const file = openSync(this.#path, "r");
    try {
      const size = readSync(file, this.#chunk, 0, chunk, this.#told);
      const end = size === 0 ? 0 : this.#chunk.lastIndexOf(lineFeed, size - 1) + 1;
      this.#told += end;
      const lines = this.#chunk.toString("utf8", 0, end).split("\n");
      return lines.flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Entry]));
    } finally {
      closeSync(file);
    }
  }
}
