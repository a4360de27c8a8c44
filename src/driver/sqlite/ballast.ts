/**
 * A file of 4 MiB beside the database that is given up when the disk is full, so that finished tasks can still be stored and
 * their rows removed. New messages are refused from then on until there is room for the file again.
 */

import { closeSync, existsSync, fsyncSync, openSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";

import { freeBytes } from "./host.ts";

const size = 4 * 1024 * 1024;
/** Looking at the disk costs 5 µs; the answer is good for this long, ms. */
const freshFor = 500;

export class Ballast {
  readonly #path: string;
  /** There was one at some time, so that its absence means a full disk. */
  #known = false;
  #short = false;
  #looked = -Infinity;

  constructor(database: string) {
    this.#path = `${database}-ballast`;
    this.#lay();
  }

  /** Gives the space up; false if there is none to give. */
  release(): boolean {
    this.#looked = -Infinity;
    if (!existsSync(this.#path)) return false;
    rmSync(this.#path, { force: true });
    return true;
  }

  /** Is the disk so full that what is left belongs to those who finish? */
  isShort(mono: number): boolean {
    if (mono - this.#looked < freshFor) return this.#short;
    this.#looked = mono;
    if (existsSync(this.#path)) this.#known = true;
    else this.#lay();
    this.#short = this.#known && !existsSync(this.#path);
    return this.#short;
  }

  #lay(): void {
    if (existsSync(this.#path)) {
      this.#known = true;
      return;
    }
    if (freeBytes(dirname(this.#path)) < 3 * size) return;
    try {
      const file = openSync(this.#path, "wx");
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
