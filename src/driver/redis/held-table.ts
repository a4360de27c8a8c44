/**
 * The claims that are held, in memory that the renewing thread reads by itself when it renews. Telling it in messages woke it twice a
 * task, 0.12 ms each at idle, before user code could begin.
 *
 *   a slot: [state] 0 free, 1 held; [step]; [queue] its number; fence
 */

import type { RedisDelivery } from "./delivery.ts";

/** How a claim is known: `<fence>.<step>.<queue>`. */
export type HeldClaim = Pick<RedisDelivery, "claim" | "fence" | "step" | "queue">;

const slotBytes = 24;
const firstSlots = 1024;
/** 24 MB of addresses, of which what is used takes memory. Beyond what any worker may hold: a claim takes 200 bytes on the server too. */
const mostSlots = 1_048_576;

/** A new buffer for one table. */
export function heldBuffer(): SharedArrayBuffer {
  return new SharedArrayBuffer(firstSlots * slotBytes, { maxByteLength: mostSlots * slotBytes });
}

interface Views {
  readonly numbers: Int32Array;
  readonly fences: Float64Array;
}

/** Both follow the buffer as it grows. */
function viewsOf(buffer: SharedArrayBuffer): Views {
  return { numbers: new Int32Array(buffer), fences: new Float64Array(buffer) };
}

/** The writing side. A queue's number must be known to the reader before it can read a claim of it. */
export class HeldTable {
  readonly #buffer: SharedArrayBuffer;
  readonly #views: Views;
  readonly #numberOf: (queue: string) => number;
  readonly #taken = new Map<number, number>();
  readonly #free: number[] = [];
  /** Slots that were ever used. */
  #used = 0;

  constructor(buffer: SharedArrayBuffer, numberOf: (queue: string) => number) {
    this.#buffer = buffer;
    this.#views = viewsOf(buffer);
    this.#numberOf = numberOf;
  }

  /** Throws RangeError if there are more than a million. */
  add({ fence, step, queue }: Omit<HeldClaim, "claim">): void {
    if (this.#taken.has(fence)) return;
    const slot = this.#free.pop() ?? this.#next();
    const { numbers, fences } = this.#views;
    fences[slot * 3 + 2] = fence;
    numbers[slot * 6 + 1] = step;
    numbers[slot * 6 + 2] = this.#numberOf(queue);
    Atomics.store(numbers, slot * 6, 1);
    this.#taken.set(fence, slot);
  }

  delete({ fence }: Pick<HeldClaim, "fence">): void {
    const slot = this.#taken.get(fence);
    if (slot === undefined) return;
    Atomics.store(this.#views.numbers, slot * 6, 0);
    this.#taken.delete(fence);
    this.#free.push(slot);
  }

  #next(): number {
    const { byteLength, maxByteLength } = this.#buffer;
    if ((this.#used + 1) * slotBytes > byteLength) this.#buffer.grow(Math.min(byteLength * 2, maxByteLength));
    if ((this.#used + 1) * slotBytes > this.#buffer.byteLength) throw new RangeError(`more than ${mostSlots} claims`);
    return this.#used++;
  }
}

/**
 * The ids of what is held; `undefined` if there is one of a queue whose name has not arrived yet. A slot that changes meanwhile may give an id that nobody ever
 * had, which the server calls lost, as nobody holds it.
 */
export function readHeld(buffer: SharedArrayBuffer, queues: readonly string[]): readonly string[] | undefined {
  const { numbers, fences } = viewsOf(buffer);
  const ids: string[] = [];
  for (let slot = 0; slot * 6 < numbers.length; slot++) {
    if (Atomics.load(numbers, slot * 6) !== 1) continue;
    const queue = queues[numbers[slot * 6 + 2] ?? -1];
    if (queue === undefined) return undefined;
    ids.push(`${String(fences[slot * 3 + 2])}.${String(numbers[slot * 6 + 1])}.${queue}`);
  }
  return ids;
}
