/** Lamport's clock: it only grows, and is past everything that was heard, so that cause and effect keep their order without common time. */

export class LamportClock {
  #value = 0;

  get value(): number {
    return this.#value;
  }

  /** The time of something that happens here, now. */
  forward(): number {
    return ++this.#value;
  }

  /** Something of that time was heard. What is no whole number from zero on is not time: it changes nothing. */
  adjust(other: number): number {
    if (Number.isSafeInteger(other) && other >= 0 && other < Number.MAX_SAFE_INTEGER - 1)
      this.#value = Math.max(this.#value, other) + 1;
    return this.#value;
  }
}
