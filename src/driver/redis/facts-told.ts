/** Answers to claims and looks bring the version of the facts along; it goes on from here to whoever follows them. */

export class FactsTold {
  readonly #takers = new Set<(version: number) => Promise<unknown> | undefined>();

  /** Returns how to end it. */
  add(take: (version: number) => Promise<unknown> | undefined): () => void {
    this.#takers.add(take);
    return () => void this.#takers.delete(take);
  }

  /** `undefined`, as nearly always: everybody knew of it. Never rejects. */
  tell(version: number): Promise<unknown> | undefined {
    let waits: Promise<unknown>[] | undefined;
    for (const take of this.#takers) {
      const wait = take(version);
      if (wait !== undefined) (waits ??= []).push(wait);
    }
    return waits && Promise.allSettled(waits);
  }
}
