/** Signs of life that a child was asked for, and who waits for which. */

export class Probes {
  #last = 0;
  #waiting: { readonly n: number; readonly answered: () => void }[] = [];

  /** The number of the next one. */
  next(answered?: () => void): number {
    this.#last++;
    if (answered) this.#waiting.push({ n: this.#last, answered });
    return this.#last;
  }

  /** An answer stands for those before it too. */
  answered(n: number): void {
    const done = this.#waiting.filter((probe) => probe.n <= n);
    this.#waiting = this.#waiting.slice(done.length);
    for (const probe of done) probe.answered();
  }
}
