/** The pulse of a pool: once a second each child is asked for a sign; too old, too big or silent ones are dealt with. */

import type { Child } from "./child.ts";
import type { PoolOptions, RetireReason } from "./pool-options.ts";

const period = 1000;
/** With a limit at which to kill, memory is looked at more often: a loop of allocations takes a gigabyte a second. */
const memoryPeriod = 250;
/** Silence of a child that is worth a word; with a soft limit, twice that limit if it is more. */
const silence = 5000;

export class ChildWatch implements Disposable {
  readonly #options: PoolOptions;
  readonly #children: () => readonly Child[];
  readonly #reasons = new WeakMap<Child, RetireReason>();
  readonly #timers: Disposable[] = [];

  constructor(options: PoolOptions, children: () => readonly Child[]) {
    this.#options = options;
    this.#children = children;
  }

  start(): void {
    const { clock, killRss } = this.#options;
    this.#timers.push(clock.every(period, () => this.#pulse()));
    if (killRss !== undefined) this.#timers.push(clock.every(memoryPeriod, () => this.#weighAll()));
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers.splice(0)) timer[Symbol.dispose]();
  }

  /** Why it is on its way out. */
  reasonFor(child: Child): RetireReason {
    return this.#reasons.get(child) ?? "restart";
  }

  #pulse(): void {
    const now = this.#options.clock.monotonic();
    for (const child of this.#children()) {
      if (child.phase === "starting" || child.phase === "ended") continue;
      child.pulse();
      this.#checkSilence(child, now);
      if (now - child.born >= (this.#options.maxAge ?? Infinity)) this.#expire(child, "max-age");
    }
    if (this.#options.killRss === undefined) this.#weighAll();
  }

  #weighAll(): void {
    for (const child of this.#children()) void this.#weigh(child);
  }

  async #weigh(child: Child): Promise<void> {
    const { recycleRss = Infinity, killRss = Infinity } = this.#options;
    const bytes = (await child.link.memory()) ?? child.rss;
    if (child.phase === "ended" || child.phase === "starting") return;
    child.rss = bytes;
    if (bytes > killRss) child.kill("memory");
    else if (bytes > recycleRss) this.#expire(child, "memory");
  }

  /** It goes on taking calls until its successor is ready, so that no slot is missing meanwhile. */
  #expire(child: Child, why: RetireReason): void {
    // One at a time: children of one age would else be doubled all at once.
    if (child.phase !== "ready" || this.#children().some((each) => each.phase === "expiring")) return;
    this.#reasons.set(child, why);
    child.expire();
  }

  #checkSilence(child: Child, now: number): void {
    let most = silence;
    let limited = false;
    for (const { call } of child.executions) {
      if (call.soft !== null) most = Math.max(most, 2 * call.soft);
      limited ||= call.hard !== null;
    }
    const ms = now - child.heardAt;
    // With a hard limit out, the limit decides and says so.
    if (limited || child.stallReported || ms < most) return;
    child.stallReported = true;
    this.#options.onChild?.({ kind: "stalled", child: child.link.id, ms: Math.round(ms) });
  }
}
