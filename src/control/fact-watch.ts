/**
 * Keeps whoever needs it up to date with the control state: everything at the start, then once a second what has changed, and at once when
 * told to look. Where a consumer's answers tell the version, that counts as a look, and who holds no task asks no more. A state that does
 * not answer is asked again; what was known stays known meanwhile.
 */

import type { Clock } from "../clock/clock.ts";
import type { ControlFact, ControlState } from "../port/control-state.ts";

/** Between two looks, ms: a worker that no broadcast reaches obeys within it. */
const every = 1000;
/**
 * The same for a worker that holds nothing, and how long ago it was told at most: it is told more often than that where it takes from the
 * server that keeps the state, and what changed is known before its next task begins.
 */
const everyIdle = 10_000;
/** Before the next try of the first look, ms. */
const again = 250;

export interface FactListener {
  /** `complete`: these are all there are of the kind; what was known beside is gone. */
  (facts: readonly ControlFact[], complete: boolean): void;
}

export interface FactWatchOptions {
  readonly clock: Clock;
  /** Absent where nothing is kept: then there is nothing to hear. */
  readonly control: ControlState | undefined;
  /** Whether anything is held that a change could concern. Default: always. */
  readonly busy?: () => boolean;
  /** The state does not answer; told once each time it goes away. */
  readonly failed: (error: unknown) => void;
}

export class FactWatch {
  readonly #options: FactWatchOptions;
  readonly #listeners = new Map<string, FactListener[]>();
  readonly #stopping = new AbortController();
  #version = 0;
  #away = false;
  #looking: Promise<void> | undefined;
  #wake: () => void = () => {};
  #poked = false;
  #running: Promise<void> | undefined;
  /** Monotonic ms of the last look, or at which this version was last told. */
  #seenAt = -Infinity;
  /** Monotonic ms at which any version was last told. */
  #toldAt = -Infinity;
  /** The version for which it was last asked at another's word. */
  #asked = -1;
  #unfollow: (() => void) | undefined;

  constructor(options: FactWatchOptions) {
    this.#options = options;
  }

  get control(): ControlState | undefined {
    return this.#options.control;
  }

  /** Before `start`: who comes later has missed the beginning. */
  listen(kind: string, take: FactListener): void {
    this.#listeners.set(kind, [...(this.#listeners.get(kind) ?? []), take]);
  }

  /** Resolves when all that stood there at this moment has been told. Rejects with the signal's reason. */
  async start(signal: AbortSignal): Promise<void> {
    const { control, clock } = this.#options;
    if (control === undefined) return;
    while (!(await this.#look(control))) {
      signal.throwIfAborted();
      await clock.sleep(again, signal);
    }
    this.#unfollow = control.follow?.((version) => this.#told(control, version));
    this.#running = this.#follow(control);
  }

  /** Look now: something was heard of. */
  poke(): void {
    this.#poked = true;
    this.#wake();
  }

  /** Looks, and resolves when what stood there has been told; false if the state did not answer. */
  async refresh(): Promise<boolean> {
    const { control } = this.#options;
    return control !== undefined && this.#look(control);
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error("the watch ends"));
    this.#unfollow?.();
    this.#wake();
    await this.#running;
  }

  async #follow(control: ControlState): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const wait = this.#wait;
      if (!this.#poked && wait > 0) await this.#pause(Math.min(wait, every));
      if (signal.aborted || (!this.#poked && this.#wait > 0)) continue;
      this.#poked = false;
      await this.#look(control);
    }
  }

  /** Ms until the state must be asked. */
  get #wait(): number {
    const { busy, clock } = this.#options;
    const told = clock.monotonic() - this.#toldAt < everyIdle;
    const asks = !told || this.#away || (busy?.() ?? true);
    const patience = asks ? every : everyIdle;
    return this.#seenAt + patience - clock.monotonic();
  }

  #told(control: ControlState, version: number): Promise<boolean> | undefined {
    this.#toldAt = this.#options.clock.monotonic();
    if (version === this.#version) this.#seenAt = this.#toldAt;
    // Once for each: should the two never agree, the look of each second finds what there is.
    else if (version !== this.#asked) {
      this.#asked = version;
      return this.#look(control);
    }
    return undefined;
  }

  async #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    using _timer = this.#options.clock.after(ms, resolve);
    await promise;
    this.#wake = () => {};
  }

  async #look(control: ControlState): Promise<boolean> {
    // One after the other: an older answer must not come after a newer one.
    const before = this.#looking;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#looking = promise;
    await before;
    try {
      const { version, changed, complete } = await control.changes(this.#version);
      if (version !== this.#version || complete) this.#tell(changed, complete);
      this.#version = version;
      this.#away = false;
      return true;
    } catch (error) {
      if (!this.#away && !this.#stopping.signal.aborted) this.#options.failed(error);
      this.#away = true;
      return false;
    } finally {
      this.#seenAt = this.#options.clock.monotonic();
      resolve();
    }
  }

  #tell(changed: readonly ControlFact[], complete: boolean): void {
    const kinds = Map.groupBy(changed, ({ kind }) => kind);
    for (const [kind, listeners] of this.#listeners) {
      const facts = kinds.get(kind) ?? [];
      if (facts.length === 0 && !complete) continue;
      for (const take of listeners) take(facts, complete);
    }
  }
}
