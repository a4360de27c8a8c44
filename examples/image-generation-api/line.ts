/**
 * Who is where in the line. The broker knows; it is asked on behalf of all who listen here together, and only while somebody does, so a thousand open
 * pages cost it as much as one for each waiting order.
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { App } from "celeriac";

type Listener = (ahead: number) => void;

export class Line {
  readonly #app: App;
  readonly #queue: string;
  readonly #every: number;
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #closed = new AbortController();
  #asking: Promise<void> | undefined;

  /** `every`: ms between two looks. */
  constructor(app: App, queue: string, every = 300) {
    this.#app = app;
    this.#queue = queue;
    this.#every = every;
  }

  /** How many are before it; "taken" if a worker has it; undefined if it is not in the queue (any more). */
  async place(id: string): Promise<number | "taken" | undefined> {
    const held = await this.#app.queues.find(this.#queue, id);
    return held?.state === "ready" ? held.ahead : held && "taken";
  }

  /** `listener` hears how many are before `id`, at each look, for as long as it waits. */
  listen(id: string, listener: Listener): Disposable {
    const listeners = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, listeners.add(listener));
    this.#asking ??= this.#ask();
    return {
      [Symbol.dispose]: () => {
        listeners.delete(listener);
        if (listeners.size === 0) this.#listeners.delete(id);
      },
    };
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await this.#asking;
  }

  async #ask(): Promise<void> {
    while (this.#listeners.size > 0 && !this.#closed.signal.aborted) {
      for (const [id, listeners] of this.#listeners) {
        // A broker that does not answer now may answer next time; who listens keeps what it heard last.
        const place = await this.place(id).catch(() => null);
        if (place === null) break;
        if (typeof place !== "number") this.#listeners.delete(id);
        else for (const listener of listeners) listener(place);
      }
      await sleep(this.#every, undefined, { signal: this.#closed.signal }).catch(() => {});
    }
    this.#asking = undefined;
  }
}
