/** Where requests are written, used again: the memory of a new one is fetched from the system page by page, and is a reason for the garbage collector to look through the whole heap. */

import { Buffer } from "node:buffer";

/** Below this a piece of Node's own pool is cheaper. */
const small = 4 * 1024;

export class Rooms {
  readonly #usual: number;
  readonly #mostSpare: number;
  readonly #spare: Buffer[] = [];

  /** `usual`: bytes of a room; what needs more gets one of its own. `mostSpare`: rooms that are kept while nobody uses them. */
  constructor(usual: number, mostSpare: number) {
    this.#usual = usual;
    this.#mostSpare = mostSpare;
  }

  /** At least so many bytes, with anything in them. */
  take(needed: number): Buffer {
    if (needed <= small) return Buffer.allocUnsafe(needed);
    return needed <= this.#usual
      ? (this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.#usual))
      : Buffer.allocUnsafeSlow(needed);
  }

  /** Only when its request was answered: after an error a socket may still read it. */
  give(room: Buffer): void {
    if (room.byteLength === this.#usual && this.#spare.length < this.#mostSpare) this.#spare.push(room);
  }
}
