/**
 * Calls spread over children, whatever they are made of. Keeps the asked-for number of children alive, gives each call to the one
 * with least to do, and runs a suspect in a fresh child of its own. A call that finds no child, because one just died, waits here;
 * else nothing waits in the pool, for the worker asks `room` first.
 */

import type { StopSign } from "../clock/stop.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import { BatchPlaces } from "./batch-places.ts";
import { Child } from "./child.ts";
import { endedAtBoot } from "./boot-error.ts";
import { capacityOf, leastBusy, type Shares } from "./child-choice.ts";
import type { ChildEvents } from "./child-voice.ts";
import { ChildWatch } from "./child-watch.ts";
import { Deadlines } from "./deadlines.ts";
import { Execution, noEnd } from "./execution.ts";
import { Grace } from "./grace.ts";
import { hurry, type LinkEnd, type MakeLink } from "./link.ts";
import type { Call } from "./pool-message.ts";
import type { PoolOptions, TaskShape } from "./pool-options.ts";
import type { Pool, PoolOutcome } from "./pool.ts";
import { Replacement } from "./replacement.ts";
import { checkTasks } from "./task-list.ts";

/** Wait after the first child that did not come up; doubled each time. */
const firstRetry = 1000;
const lastRetry = 30_000;

export class ChildPool implements Pool {
  readonly #options: PoolOptions;
  readonly #prepare: () => Promise<MakeLink>;
  readonly #deadlines: Deadlines;
  readonly #watch: ChildWatch;
  readonly #replacement: Replacement;
  readonly #children = new Set<Child>();
  /** Fresh children for suspects: each takes one call and ends. */
  readonly #lonely = new Map<Child, Execution>();
  readonly #waiting: Execution[] = [];
  readonly #batches = new BatchPlaces();
  #makeLink: MakeLink | undefined;
  #slots: number;
  #target: number;
  #failures = 0;
  #retry: Disposable | undefined;
  #opening: { ready(): void; failed(error: Error): void } | undefined;
  #grace: Grace | undefined;

  /** `prepare` may look around on the machine; it is called once, by `open`. */
  constructor(options: PoolOptions, prepare: () => Promise<MakeLink>) {
    this.#options = options;
    this.#prepare = prepare;
    this.#slots = options.slots;
    this.#target = Math.max(1, Math.min(options.children, options.slots));
    this.#deadlines = new Deadlines(options.clock);
    this.#replacement = new Replacement(options.clock, options.drain);
    this.#watch = new ChildWatch(options, () => [...this.#children, ...this.#lonely.keys()]);
  }

  get size(): Pool["size"] {
    const children = [...this.#children, ...this.#lonely.keys()].filter((child) => child.phase !== "starting");
    return { slots: this.#slots, busy: this.#busy, children: children.map((child) => child.info) };
  }

  async open(): Promise<void> {
    this.#makeLink = await this.#prepare();
    try {
      await new Promise<void>((resolve, reject) => {
        this.#opening = { ready: resolve, failed: reject };
        this.#maintain();
      });
    } catch (error) {
      await this.close(0);
      throw error;
    } finally {
      this.#opening = undefined;
    }
    this.#watch.start();
  }

  room(call: { readonly isolated: boolean }): number {
    if (!this.#makeLink || this.#grace) return 0;
    const free = this.#slots - this.#busy;
    if (call.isolated) return Math.max(0, Math.min(free, this.#places - this.#lonely.size));
    const shares = this.#shares;
    let capacity = 0;
    for (const child of this.#children) capacity += capacityOf(child, shares);
    return Math.max(0, Math.min(free, capacity - this.#waiting.length));
  }

  run(call: Call, signal: StopSign): Promise<PoolOutcome> {
    return new Promise((resolve) => {
      const execution = new Execution(call, signal, resolve);
      if (!this.#makeLink || this.#grace || signal.aborted) execution.lose("bystander", noEnd);
      else if (call.isolated) this.#lonely.set(this.#spawn(), execution);
      else {
        const child = this.#childFor(call);
        if (child) this.#give(child, execution);
        else this.#waiting.push(execution);
      }
    });
  }

  #childFor({ task, batch }: Call): Child | undefined {
    if (batch === undefined) return leastBusy(this.#children, this.#shares);
    return this.#batches.choose(task, batch, this.#options.clock.monotonic(), this.#children, this.#shares);
  }

  terminate(slot: number): boolean {
    const waiting = this.#waiting.findIndex(({ call }) => call.slot === slot);
    if (waiting >= 0) {
      for (const execution of this.#waiting.splice(waiting, 1)) execution.lose("bystander", noEnd);
      return true;
    }
    for (const child of [...this.#children, ...this.#lonely.keys()]) if (child.terminate(slot)) return true;
    return false;
  }

  hurry(): void {
    for (const child of this.#children) if (child.accepts) hurry(child.link);
  }

  async resize(slots: number, children: number): Promise<void> {
    this.#slots = slots;
    this.#target = Math.max(1, Math.min(children, slots));
    const live = [...this.#children].filter((child) => child.phase === "ready" || child.phase === "starting");
    const surplus = live.sort((a, b) => a.load - b.load).slice(0, Math.max(0, live.length - this.#target));
    for (const child of surplus) child.retire("resize");
    this.#maintain();
    this.#serve();
  }

  restart(): Promise<void> {
    return this.#replacement.run([...this.#children]);
  }

  async close(grace: number): Promise<readonly number[]> {
    if (this.#grace) {
      this.#grace.shorten(grace);
      return this.#grace.done;
    }
    this.#retry?.[Symbol.dispose]();
    for (const execution of this.#waiting.splice(0)) execution.lose("bystander", noEnd);
    const everyone = (): Child[] => [...this.#children, ...this.#lonely.keys()];
    this.#grace = new Grace(this.#options.clock, grace, {
      abort: () => {
        for (const child of everyone()) for (const execution of child.executions) execution.abort("shutdown");
      },
      end: () => {
        const left = everyone().flatMap((child) => [...child.executions].map((execution) => execution.call.slot));
        for (const child of everyone()) child.kill("close");
        return left;
      },
    });
    for (const child of everyone()) child.retire("close");
    if (this.#busy === 0) this.#grace.idle();
    const left = await this.#grace.done;
    await Promise.all(everyone().map((child) => child.ended));
    this.#watch[Symbol.dispose]();
    this.#deadlines[Symbol.dispose]();
    return left;
  }

  get #busy(): number {
    let busy = this.#waiting.length;
    for (const child of this.#lonely.keys()) if (child.phase === "starting" || child.load > 0) busy++;
    for (const child of this.#children) busy += child.load;
    return busy;
  }

  /** For suspects: as many fresh children as there are others, and no more than half of the slots, so that the rest goes on beside them. */
  get #places(): number {
    return Math.min(this.#target, Math.max(1, Math.floor(this.#slots / 2)));
  }

  get #shares(): Shares {
    return { slots: this.#slots, children: this.#target, maxTasks: this.#options.maxTasks ?? Infinity };
  }

  #give(child: Child, execution: Execution): void {
    child.give(execution);
    this.#failures = 0;
    if (child.assigned >= (this.#options.maxTasks ?? Infinity)) child.retire("max-tasks");
  }

  /** Those that wait, to those that are free. */
  #serve(): void {
    while (this.#waiting.length > 0) {
      const child = leastBusy(this.#children, this.#shares);
      if (!child) return;
      const execution = this.#waiting.shift();
      if (execution?.signal.aborted) execution.lose("bystander", noEnd);
      else if (execution) this.#give(child, execution);
    }
  }

  /** Starts what is missing; not before the pause after a failure is over. */
  #maintain(): void {
    if (this.#grace || this.#retry || !this.#makeLink) return;
    let live = 0;
    for (const child of this.#children) if (child.phase === "starting" || child.phase === "ready") live++;
    for (; live < this.#target; live++) this.#children.add(this.#spawn());
  }

  #spawn(): Child {
    const { app, maxResultBytes, drain, clock, startBy } = this.#options;
    const makeLink = this.#makeLink;
    if (!makeLink) throw new CeleriacError("POOL_CLOSED", "The pool is not open; call open() first.");
    const slots = Math.ceil(this.#slots / this.#target);
    const deadlines = this.#deadlines;
    return new Child({ app, slots, maxResultBytes, drain, clock, startBy, deadlines, makeLink }, this.#events);
  }

  readonly #events: ChildEvents = {
    began: (slot, pid) => this.#options.hooks.began(slot, pid),
    progress: (...report) => this.#options.hooks.progress(...report),
    log: (...line) => this.#options.hooks.log(...line),
    ask: (slot, what) => this.#options.hooks.ask(slot, what),
    line: (child, stream, text, slot) => {
      const { onLine } = this.#options;
      if (!onLine) return;
      const only = slot === undefined && child.load === 1 ? [...child.executions][0] : undefined;
      const task = (slot === undefined ? only : child.find(slot))?.call.id;
      onLine(child.link.id, stream, text, task);
    },
    ready: (child, tasks) => this.#ready(child, tasks),
    ended: (child, end, error) => this.#ended(child, end, error),
    killing: (child, why) => this.#options.onChild?.({ kind: "killed", child: child.link.id, why }),
    retiring: (child, why) => {
      this.#options.onChild?.({ kind: "retiring", child: child.link.id, why });
      if (child.load > 0) hurry(child.link);
      this.#replacement.over(child);
      // After the caller has finished with this child: its successor is made beside it, not inside its own event.
      queueMicrotask(() => this.#maintain());
    },
    expiring: () => this.#maintain(),
    freed: () => this.#freed(),
  };

  #ready(child: Child, tasks: readonly TaskShape[]): void {
    const differ = checkTasks(this.#options.expectedTasks, tasks);
    if (differ) {
      child.kill("boot");
      this.#failed(child, differ);
      return;
    }
    this.#options.onChild?.({ kind: "ready", child: child.link.id, ms: this.#options.clock.monotonic() - child.born });
    const suspect = this.#lonely.get(child);
    if (suspect) {
      if (suspect.signal.aborted) suspect.lose("bystander", noEnd);
      else child.give(suspect);
      child.retire("isolated");
      return;
    }
    for (const old of this.#children) {
      if (old.phase !== "expiring") continue;
      old.retire(this.#watch.reasonFor(old));
      break;
    }
    const ready = [...this.#children].filter((each) => each.phase === "ready").length;
    if (ready >= this.#target) this.#opening?.ready();
    this.#serve();
  }

  #ended(child: Child, end: LinkEnd, error: Error | undefined): void {
    const { code, signal } = end;
    this.#options.onChild?.({ kind: "ended", child: child.link.id, code, signal, expected: child.stopped });
    this.#replacement.over(child);
    this.#children.delete(child);
    const suspect = this.#lonely.get(child);
    this.#lonely.delete(child);
    // A suspect whose child never came up was not run; the worker puts it back.
    if (suspect && error) suspect.lose("bystander", end);
    // One that falls over before it was given anything would be replaced again and again, as fast as the machine can.
    const failure = error ?? (child.stopped || child.assigned > 0 ? undefined : endedAtBoot(end));
    if (failure && !this.#grace) this.#failed(child, failure);
    else this.#maintain();
  }

  /** A child did not come up. The first time that is the pool's own failure; later it is tried again, ever more slowly. */
  #failed(child: Child, error: Error): void {
    if (this.#opening) {
      this.#opening.failed(error);
      return;
    }
    this.#replacement.failed(error);
    if (this.#retry) return;
    const retryIn = Math.min(lastRetry, firstRetry * 2 ** this.#failures++);
    this.#options.onChild?.({ kind: "failed", child: child.link.id, error, retryIn });
    for (const execution of this.#waiting.splice(0)) execution.lose("bystander", noEnd);
    this.#retry = this.#options.clock.after(retryIn, () => {
      this.#retry = undefined;
      this.#maintain();
    });
  }

  #freed(): void {
    this.#serve();
    if (this.#grace && this.#busy === 0) this.#grace.idle();
  }
}
