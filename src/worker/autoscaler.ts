/**
 * Lets the size of the pool follow the load. It grows when every slot is taken and more waits, here or in the queues; it shrinks to what was
 * needed at most when some of it was idle for `keep`. Looked at once a second; the broker is asked only when every slot is taken.
 */

import type { WorkerInside, WorkerPart } from "./part.ts";

const lookEvery = 1000;
/** Celery's AUTOSCALE_KEEPALIVE, ms. */
const keep = 30_000;

export class Autoscaler implements WorkerPart {
  readonly #inside: Omit<WorkerInside, "events" | "autoscaler">;
  #max: number;
  #min: number;
  /** Most that ran at once since the window began. */
  #peak = 0;
  #windowSince = 0;
  #looking = false;
  #timer: Disposable | undefined;

  constructor(
    inside: Omit<WorkerInside, "events" | "autoscaler">,
    limits: { readonly max: number; readonly min: number },
  ) {
    this.#inside = inside;
    this.#max = limits.max;
    this.#min = limits.min;
  }

  get max(): number {
    return this.#max;
  }

  get min(): number {
    return this.#min;
  }

  /** As Celery tells it. */
  get facts(): { readonly max: number; readonly min: number; readonly current: number; readonly qty: number } {
    const { size, flow } = this.#inside;
    return { max: this.#max, min: this.#min, current: size.slots, qty: flow.slots.running.size };
  }

  start(): Promise<void> {
    const { clock } = this.#inside;
    this.#windowSince = clock.monotonic();
    this.#timer = clock.every(lookEvery, () => void this.#look());
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    return Promise.resolve();
  }

  /** Other bounds from now on, which the pool is brought within at once. */
  update(max: number, min: number): void {
    this.#max = max;
    this.#min = min;
    void this.#look();
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      const { size } = this.#inside;
      const wanted = Math.min(this.#max, Math.max(this.#min, await this.#wanted()));
      if (wanted !== size.slots) await size.resize(wanted);
    } catch (error) {
      this.#inside.report.warning("AUTOSCALE", "the size of the pool could not be looked at; tried again", error);
    } finally {
      this.#looking = false;
    }
  }

  async #wanted(): Promise<number> {
    const { clock, flow, size } = this.#inside;
    const running = flow.slots.running.size;
    const now = clock.monotonic();
    this.#peak = Math.max(this.#peak, running);
    if (running >= size.slots) {
      this.#newWindow(now);
      if (size.slots >= this.#max) return size.slots;
      // Twice as many at most: a child takes a moment, and the next look is a second away.
      return size.slots + Math.min(size.slots, flow.slots.waiting + (await this.#ready()));
    }
    if (now - this.#windowSince < keep) return size.slots;
    const peak = this.#peak;
    this.#newWindow(now);
    return Math.min(size.slots, peak);
  }

  #newWindow(now: number): void {
    this.#peak = 0;
    this.#windowSince = now;
  }

  /** Messages that wait in the queues of this worker. */
  async #ready(): Promise<number> {
    const { backend, settings } = this.#inside;
    const queues = await backend.broker.queues.list();
    return queues
      .filter(({ name, paused }) => !paused && settings.queues.includes(name))
      .reduce((sum, { ready }) => sum + ready.reduce((count, { count: more }) => count + more, 0), 0);
  }
}
