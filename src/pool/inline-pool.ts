/**
 * Handlers in this process: no start-up, no copies, and nothing can be contained. A soft limit aborts `ctx.signal`; a hard limit
 * fixes the outcome and frees the slot, but the code runs on, for JavaScript on one thread can't be pre-empted.
 */

import type { StopSign } from "../clock/stop.ts";
import type { AbortReason } from "./call-context.ts";
import { Deadlines, type Limited } from "./deadlines.ts";
import { abortReasonOf } from "./interruption.ts";
import { LoopDelay } from "./loop-delay.ts";
import type { InlinePoolOptions } from "./pool-options.ts";
import type { Pool, PoolOutcome } from "./pool.ts";
import type { Call } from "./pool-message.ts";
import { ProgressWindow } from "./progress-window.ts";
import type { TextReply } from "./reply-frame.ts";
import { Runner } from "./runner.ts";
import { Grace } from "./grace.ts";

export function createInlinePool(options: InlinePoolOptions): Pool {
  return new InlinePool(options);
}

class InlinePool implements Pool {
  readonly #options: InlinePoolOptions;
  readonly #runner: Runner;
  readonly #progress: ProgressWindow;
  readonly #deadlines: Deadlines;
  readonly #running = new Map<number, InlineRun>();
  /** Calls that came without asking for room. */
  readonly #waiting: Waiting[] = [];
  #slots: number;
  #open = false;
  #isolated = false;
  #done = 0;
  #started = 0;
  #grace: Grace | undefined;
  #delay: LoopDelay | undefined;

  constructor(options: InlinePoolOptions) {
    const { hooks, clock } = options;
    this.#options = options;
    this.#slots = options.slots;
    this.#deadlines = new Deadlines(clock);
    this.#progress = new ProgressWindow(
      clock,
      (items) => {
        for (const [slot, done, total, note] of items)
          if (this.#running.has(slot)) hooks.progress(slot, done, total, note);
      },
      () => true,
    );
    this.#runner = new Runner({
      registry: options.registry,
      telemetry: options.telemetry,
      maxResultBytes: options.maxResultBytes,
      clock,
      slots: options.slots,
      remote: false,
      sink: {
        progress: (slot, done, total, note) => this.#progress.add([slot, done, total, note]),
        log: (slot, level, text, fields) => hooks.log(slot, level, text, fields),
        ask: (slot, what) => {
          // What it reported before must not replace the state that it sets now.
          if (what.k === "state") this.#progress.end(slot);
          return hooks.ask(slot, what);
        },
        sent: (slot, ids) => hooks.sent?.(slot, ids),
      },
    });
  }

  get size(): Pool["size"] {
    const rss = process.memoryUsage.rss();
    const slots = [...this.#running.keys()];
    const child = {
      pid: process.pid,
      started: this.#started,
      done: this.#done,
      rss,
      lag: this.#delay?.recent ?? 0,
      slots,
    };
    return { slots: this.#slots, busy: this.#running.size + this.#waiting.length, children: [child] };
  }

  async open(): Promise<void> {
    this.#started = this.#options.clock.now();
    this.#delay = new LoopDelay(this.#options.clock);
    this.#open = true;
  }

  room(call: { readonly isolated: boolean }): number {
    if (!this.#open || this.#grace || this.#isolated) return 0;
    const busy = this.#running.size + this.#waiting.length;
    if (call.isolated) return busy === 0 ? 1 : 0;
    return Math.max(0, this.#slots - busy);
  }

  run(call: Call, signal: StopSign): Promise<PoolOutcome> {
    return new Promise((resolve) => {
      const waiting = { call, signal, resolve };
      // Whoever asked for room first never waits; the order of the others is kept.
      if (this.#waiting.length > 0 || !this.#fits(call)) this.#waiting.push(waiting);
      else this.#start(waiting);
    });
  }

  hurry(): void {
    this.#runner.hurry();
  }

  /** Code on this very thread can only be asked. */
  terminate(): boolean {
    return false;
  }

  async resize(slots: number): Promise<void> {
    this.#slots = slots;
    this.#serve();
  }

  /** Nothing to replace: the handlers are this process's own code. */
  async restart(): Promise<void> {}

  async close(grace: number): Promise<readonly number[]> {
    if (this.#grace) {
      this.#grace.shorten(grace);
      return this.#grace.done;
    }
    for (const { call, resolve } of this.#waiting.splice(0)) resolve(unstarted(call.slot));
    this.hurry();
    this.#grace = new Grace(this.#options.clock, grace, {
      abort: () => {
        for (const slot of this.#running.keys()) this.#runner.abort(slot, "shutdown");
      },
      end: () => {
        const left = [...this.#running.values()];
        for (const run of left) this.#end(run, unstarted(run.call.slot, true));
        return left.map((run) => run.call.slot);
      },
    });
    if (this.#running.size === 0) this.#grace.idle();
    const left = await this.#grace.done;
    this.#deadlines[Symbol.dispose]();
    this.#progress[Symbol.dispose]();
    this.#delay?.[Symbol.dispose]();
    return left;
  }

  #fits(call: Call): boolean {
    if (!this.#open || this.#grace) return true;
    if (this.#isolated) return false;
    return call.isolated ? this.#running.size === 0 : this.#running.size < this.#slots;
  }

  #serve(): void {
    for (let next = this.#waiting[0]; next && this.#fits(next.call); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#start(next);
    }
  }

  #start({ call, signal, resolve }: Waiting): void {
    if (!this.#open || this.#grace || signal.aborted) {
      resolve(unstarted(call.slot));
      return;
    }
    const run = new InlineRun(call, this.#options.clock.monotonic(), signal, resolve, this);
    this.#running.set(call.slot, run);
    if (call.isolated) this.#isolated = true;
    this.#deadlines.add(run);
    this.#options.hooks.began(call.slot, process.pid);
    void this.#runner.run(call, (reply) => {
      this.#progress.end(call.slot);
      this.#end(run, outcomeOf(reply));
    });
  }

  abort(run: InlineRun, reason: AbortReason): void {
    this.#runner.abort(run.call.slot, reason);
  }

  overdue(run: InlineRun): void {
    const { slot, hard } = run.call;
    this.#end(run, { slot, k: "hard-limit", limit: hard ?? 0 });
  }

  #end(run: InlineRun, outcome: PoolOutcome): void {
    const { slot, isolated } = run.call;
    if (this.#running.get(slot) !== run) return;
    this.#running.delete(slot);
    if (isolated) this.#isolated = false;
    this.#done++;
    run.end(outcome);
    this.#deadlines.delete(run);
    if (this.#waiting.length > 0) this.#serve();
    if (this.#running.size === 0) this.#grace?.idle();
  }
}

interface Waiting {
  readonly call: Call;
  readonly signal: StopSign;
  readonly resolve: (outcome: PoolOutcome) => void;
}

class InlineRun implements Limited {
  readonly call: Call;
  deadline: number;
  readonly #hardAt: number;
  readonly #signal: StopSign;
  readonly #resolve: (outcome: PoolOutcome) => void;
  readonly #pool: InlinePool;
  readonly #stop = (): void => this.#pool.abort(this, abortReasonOf(this.#signal));

  constructor(call: Call, now: number, signal: StopSign, resolve: (outcome: PoolOutcome) => void, pool: InlinePool) {
    this.call = call;
    this.#signal = signal;
    this.#resolve = resolve;
    this.#pool = pool;
    this.#hardAt = call.hard === null ? Infinity : now + call.hard;
    this.deadline = Math.min(this.#hardAt, call.soft === null ? Infinity : now + call.soft);
    signal.addEventListener("abort", this.#stop, { once: true });
  }

  due(now: number): void {
    this.#pool.abort(this, "soft-limit");
    this.deadline = this.#hardAt;
    if (this.#hardAt <= now) this.#pool.overdue(this);
  }

  end(outcome: PoolOutcome): void {
    this.deadline = Infinity;
    this.#signal.removeEventListener("abort", this.#stop);
    this.#resolve(outcome);
  }
}

function outcomeOf(reply: TextReply): PoolOutcome {
  if (reply.k !== "value") return reply;
  return new TextValue(reply.slot, reply.text, reply.ms);
}

class TextValue {
  readonly slot: number;
  readonly k = "value";
  readonly text: string;
  readonly ms: number;
  #bytes: Uint8Array | undefined;

  constructor(slot: number, text: string, ms: number) {
    this.slot = slot;
    this.text = text;
    this.ms = ms;
  }

  get bytes(): Uint8Array {
    return (this.#bytes ??= Buffer.from(this.text));
  }
}

/** Not the task's doing: the delivery goes back as it was. */
function unstarted(slot: number, began = false): PoolOutcome {
  return { slot, k: "lost", began, culprit: "bystander", code: null, signal: null, stderrTail: "" };
}
