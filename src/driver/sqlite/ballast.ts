/**
 * Room on the disk for those who finish. New messages are refused while the disk has less space than the write-ahead log needs
 * to be written back; and a file of 4 MiB beside the database is given up when the disk is full all the same, so that finished
 * tasks can still be stored and their rows removed.
 */

import { closeSync, existsSync, fsyncSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";

import type { Database } from "./database.ts";
import { modeOf } from "./file-mode.ts";
import { freeBytes } from "./host.ts";

const size = 4 * 1024 * 1024;
/** With so much space nobody need look at the log. */
const plenty = 64 * 1024 * 1024;
/** Looking at the disk costs 10 µs; the answer is good for this long, ms, or until an eighth of the space may be used. */
const freshFor = 500;

export class Ballast {
  readonly #db: Database;
  readonly #path: string;
  readonly #directory: string;
  /** There was one at some time, so that its absence means a full disk. */
  #known = false;
  #short = false;
  #looked = -Infinity;
  #spare = 0;

  constructor(db: Database) {
    this.#db = db;
    this.#path = `${db.path}-ballast`;
    this.#directory = dirname(db.path);
    if (existsSync(this.#path)) this.#known = true;
    else this.#lay();
  }

  /** Gives the space up; false if there is none to give. */
  release(): boolean {
    this.#looked = -Infinity;
    if (!existsSync(this.#path)) return false;
    rmSync(this.#path, { force: true });
    return true;
  }

  /** Is the disk so full that so many bytes more would take the space of those who finish? */
  isShort(mono: number, bytes: number): boolean {
    this.#spare -= bytes;
    if (mono - this.#looked < freshFor && this.#spare > 0) return this.#short;
    this.#looked = mono;
    const free = freeBytes(this.#directory);
    this.#spare = free / 8;
    this.#short = free < this.#logSize() + plenty && this.#isTight(free, bytes);
    return this.#short;
  }

  #isTight(free: number, bytes: number): boolean {
    // What is written back needs no space of its own any more, and the log starts again at its beginning.
    const left = this.#db.checkpoint("PASSIVE");
    const needed = (left === undefined ? this.#logSize() : left * 4096) + 2 * bytes + size;
    if (existsSync(this.#path)) this.#known = true;
    else if (free > needed + size) this.#lay();
    return free < needed || (this.#known && !existsSync(this.#path));
  }

  #logSize(): number {
    return statSync(`${this.#db.path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  }

  #lay(): void {
    if (freeBytes(this.#directory) < 3 * size) return;
    try {
      const file = openSync(this.#path, "wx", modeOf(this.#db.path));
      try {
        // Zeros and not a hole: the blocks have to be there.
        const block = Buffer.alloc(1024 * 1024);
        for (let written = 0; written < size; written += block.length) writeSync(file, block);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      this.#known = true;
    } catch {
      // Another process laid it at the same moment, or there was no room after all.
    }
  }
}
