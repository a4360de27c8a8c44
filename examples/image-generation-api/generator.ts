/**
 * The generator: two substances that diffuse and react (Gray and Scott, 1983), from random drops to a grown pattern. It is what a GPU would do for a
 * real model: seconds of computing without a pause, in steps, each of which could be shown.
 */

import type { Recipe } from "./recipe.ts";

export class Generator {
  readonly size: number;
  readonly #recipe: Recipe;
  // Float32 halves what goes through the cache, and the eye does not see the difference.
  #u: Float32Array;
  #v: Float32Array;
  #nextU: Float32Array;
  #nextV: Float32Array;

  constructor(size: number, recipe: Recipe) {
    this.size = size;
    this.#recipe = recipe;
    const cells = size * size;
    this.#u = new Float32Array(cells).fill(1);
    this.#v = new Float32Array(cells);
    this.#nextU = new Float32Array(cells);
    this.#nextV = new Float32Array(cells);
    this.#sow();
  }

  /** Lets `iterations` of time pass. */
  step(iterations: number): void {
    for (let n = 0; n < iterations; n++) this.#iterate();
  }

  /** The picture as it is now: red, green and blue. */
  pixels(): Uint8Array {
    const { colours } = this.#recipe;
    const pixels = new Uint8Array(this.size * this.size * 3);
    for (let cell = 0; cell < this.#v.length; cell++) {
      // What matters lies between 0 and 0.4.
      const level = Math.min(0.9999, Math.max(0, (this.#v[cell] ?? 0) * 2.5)) * (colours.length - 1);
      const from = colours[Math.floor(level)] ?? [0, 0, 0];
      const to = colours[Math.floor(level) + 1] ?? from;
      const share = level % 1;
      for (let part = 0; part < 3; part++)
        pixels[cell * 3 + part] = (from[part] ?? 0) * (1 - share) + (to[part] ?? 0) * share;
    }
    return pixels;
  }

  /** Drops of the second substance, where the seed says. */
  #sow(): void {
    const random = mulberry(this.#recipe.seed);
    const drops = Math.max(6, Math.round((this.size * this.size) / 900));
    for (let drop = 0; drop < drops; drop++) {
      const left = Math.floor(random() * this.size);
      const top = Math.floor(random() * this.size);
      for (let y = 0; y < 5; y++)
        for (let x = 0; x < 5; x++) {
          const cell = ((top + y) % this.size) * this.size + ((left + x) % this.size);
          this.#u[cell] = 0.5;
          this.#v[cell] = 0.25 + random() * 0.1;
        }
    }
  }

  /** The plane is a torus: what leaves at one side comes in at the other, so the picture tiles. */
  #iterate(): void {
    const { size } = this;
    const { feed, kill } = this.#recipe;
    const [u, v, nextU, nextV] = [this.#u, this.#v, this.#nextU, this.#nextV];
    for (let y = 0; y < size; y++) {
      const row = y * size;
      const above = (y === 0 ? size - 1 : y - 1) * size;
      const below = (y === size - 1 ? 0 : y + 1) * size;
      for (let x = 0; x < size; x++) {
        const left = x === 0 ? size - 1 : x - 1;
        const right = x === size - 1 ? 0 : x + 1;
        const cell = row + x;
        // Typed arrays of known length: an index is never outside.
        const u0 = u[cell]!;
        const v0 = v[cell]!;
        const aroundU = u[above + x]! + u[below + x]! + u[row + left]! + u[row + right]! - 4 * u0;
        const aroundV = v[above + x]! + v[below + x]! + v[row + left]! + v[row + right]! - 4 * v0;
        const reaction = u0 * v0 * v0;
        nextU[cell] = u0 + 0.2 * aroundU - reaction + feed * (1 - u0);
        nextV[cell] = v0 + 0.1 * aroundV + reaction - (feed + kill) * v0;
      }
    }
    [this.#u, this.#v, this.#nextU, this.#nextV] = [nextU, nextV, u, v];
  }
}

/** Random numbers from 0 to 1 that a seed decides. */
function mulberry(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
