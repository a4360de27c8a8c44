/** Orders in the words of the API: taken, where in the line, how far, done, cancelled. Everything is kept by the broker and its results, so any number of API processes answer alike. */

import { randomInt } from "node:crypto";
import type { App, TaskSnapshot } from "celeriac";
import type { Line } from "./line.ts";
import { generate, type Picture } from "./tasks.ts";

export interface Wish {
  readonly prompt: string;
  readonly seed?: number;
  readonly size?: number;
  readonly steps?: number;
}

export type Status =
  | { readonly state: "queued"; readonly position: number }
  | { readonly state: "running"; readonly step: number; readonly of: number }
  | { readonly state: "done"; readonly picture: Picture }
  | { readonly state: "failed"; readonly message: string }
  | { readonly state: "cancelled" };

/** Cancelled orders that are remembered here until a worker has met them. */
const remembered = 1000;

export class Orders {
  readonly #app: App;
  readonly #line: Line;
  readonly #folder: string;
  /** A cancelled order lies in the queue until a worker comes to it and throws it away; here it is over at once. */
  readonly #cancelled = new Set<string>();

  constructor(app: App, line: Line, folder: string) {
    this.#app = app;
    this.#line = line;
    this.#folder = folder;
  }

  async take({ prompt, seed = randomInt(1_000_000), size = 256, steps = 40 }: Wish): Promise<{
    readonly id: string;
    readonly seed: number;
    readonly status: Status;
  }> {
    const { id } = await generate.delay({ folder: this.#folder, prompt, seed, size, steps });
    return { id, seed, status: (await this.status(id)) ?? { state: "queued", position: 1 } };
  }

  /** `undefined`: nobody ordered this. */
  async status(id: string): Promise<Status | undefined> {
    for (let look = 0; look < 2; look++) {
      const state = await this.#app.result(id).state();
      if (state !== "PENDING") {
        for await (const snapshot of this.#app.result<Picture>(id).watch()) return this.#statusOf(snapshot);
      }
      if (this.#cancelled.has(id)) return { state: "cancelled" };
      const place = await this.#line.place(id);
      if (place === "taken") return { state: "running", step: 0, of: 0 };
      if (place !== undefined) return { state: "queued", position: place + 1 };
      // It may have ended between the two questions; the second time its state says so.
    }
    return undefined;
  }

  /** Cancels what waits and what runs; resolves when that is kept, so that no restart of anything brings it back. */
  async cancel(id: string): Promise<void> {
    await this.#app.revoke(id, { terminate: true, reason: "cancelled by the user" });
    this.#cancelled.add(id);
    const [oldest] = this.#cancelled;
    if (this.#cancelled.size > remembered && oldest !== undefined) this.#cancelled.delete(oldest);
  }

  /** What happens to it, as it happens; ends with the order, or with `signal`. */
  async *follow(id: string, signal: AbortSignal): AsyncGenerator<Status, void, undefined> {
    const over = new AbortController();
    const news: Status[] = [];
    let ring = Promise.withResolvers<void>();
    let ended = false;
    const tell = (status: Status): void => {
      news.push(status);
      ring.resolve();
    };
    let position: number | undefined;
    using _listening = this.#line.listen(id, (ahead) => {
      if (ahead + 1 === position) return;
      position = ahead + 1;
      tell({ state: "queued", position });
    });
    const watching = this.#watch(id, AbortSignal.any([signal, over.signal]), tell).finally(() => {
      ended = true;
      ring.resolve();
    });
    try {
      for (;;) {
        const next = this.#cancelled.has(id) ? { state: "cancelled" as const } : news.shift();
        if (next !== undefined) yield next;
        if (next?.state === "cancelled") return;
        if (next !== undefined) continue;
        if (ended) break;
        await ring.promise;
        ring = Promise.withResolvers();
      }
      await watching;
    } finally {
      over.abort(new Error("nobody listens any more"));
      await watching.catch(() => {});
    }
  }

  async #watch(id: string, signal: AbortSignal, tell: (status: Status) => void): Promise<void> {
    try {
      for await (const snapshot of this.#app.result<Picture>(id).watch(signal)) {
        if (snapshot.state !== "PENDING") tell(this.#statusOf(snapshot));
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  #statusOf({ id, state, result, error, progress, final }: TaskSnapshot<Picture>): Status {
    if (final) this.#cancelled.delete(id);
    if (result !== undefined) return { state: "done", picture: result };
    if (state === "REVOKED") return { state: "cancelled" };
    if (state === "FAILURE") return { state: "failed", message: error?.message ?? "it failed" };
    return { state: "running", step: progress?.done ?? 0, of: progress?.total ?? 0 };
  }
}
