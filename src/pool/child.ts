/**
 * One child as its pool sees it: which calls it has, whether it takes more, and what its death means for each of them.
 *
 *   starting ──▶ ready ──(too old, too big)──▶ expiring ──(successor ready)──▶ retiring ──(empty)──▶ stopping ──▶ ended
 *                  └──(max tasks, hard limit, restart, close)──────────────────────▲
 */

import { CeleriacError } from "../error/celeriac-error.ts";
import { endedAtBoot, loadFailed, toldByChild } from "./boot-error.ts";
import { putAnswer, putStop } from "./call-frame.ts";
import { type ChildEvents, hear } from "./child-voice.ts";
import type { ChildOptions } from "./child-options.ts";
import { type Execution, noEnd } from "./execution.ts";
import type { ControlFromChild, Link, LinkEnd } from "./link.ts";
import { Probes } from "./probes.ts";
import type { KillReason, RetireReason } from "./pool-options.ts";
import type { Ask, Reply } from "./pool-message.ts";
import type { ChildInfo } from "./pool.ts";

/** Answer within this, and the loop is free. */
const probeLimit = 250;
/** An import may await a connection; one that takes longer hangs. */
const bootLimit = 60_000;
/** Exit handlers of the app get this long. */
const stopLimit = 5000;

export type Phase = "starting" | "ready" | "expiring" | "retiring" | "stopping" | "ended";

export class Child {
  readonly link: Link;
  readonly born: number;
  /** Calls that were given to it. */
  assigned = 0;
  phase: Phase = "starting";
  lag = 0;
  rss = 0;
  /** Monotonic ms of the last sign of a free loop. */
  heardAt: number;
  stallReported = false;
  /** Its end is our own doing. */
  stopped = false;
  readonly #options: ChildOptions;
  readonly #events: ChildEvents;
  readonly #active = new Map<number, Execution>();
  /** Overdue calls whose code may still run. */
  readonly #abandoned = new Set<number>();
  readonly #bornWall: number;
  readonly #timers: Disposable[] = [];
  readonly ended: Promise<void>;
  #resolveEnded: () => void = () => {};
  #boot: Disposable | undefined;
  #bootError: Error | undefined;
  #killedFor: KillReason | undefined;
  #done = 0;
  readonly #probes = new Probes();

  constructor(options: ChildOptions, events: ChildEvents) {
    this.#options = options;
    this.#events = events;
    this.born = options.clock.monotonic();
    this.#bornWall = options.clock.now();
    this.heardAt = this.born;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.link = options.makeLink({
      control: (message) => this.#control(message),
      framed: (message) => hear(this, message, events),
      line: (stream, text, slot) => events.line(this, stream, text, slot),
      ended: (end) => this.#end(end),
    });
    const { url, export: name } = options.app;
    const { slots, maxResultBytes } = options;
    const boot = { app: url, export: name, slots, env: {}, codecs: ["json"], maxResultBytes };
    this.link.control({ t: "boot", protocol: 1, ...boot });
    this.#boot = options.clock.after(bootLimit, () => {
      this.#bootError = loadFailed(
        `the child did not become ready within ${bootLimit / 1000} s; an import may wait for something`,
      );
      this.kill("boot");
    });
  }

  get info(): ChildInfo {
    const slots = [...this.#active.keys()];
    return { pid: this.link.pid, started: this.#bornWall, done: this.#done, rss: this.rss, lag: this.lag, slots };
  }

  get load(): number {
    return this.#active.size;
  }

  get accepts(): boolean {
    return this.phase === "ready" || this.phase === "expiring";
  }

  get executions(): Iterable<Execution> {
    return this.#active.values();
  }

  find(slot: number): Execution | undefined {
    return this.#active.get(slot);
  }

  give(execution: Execution): void {
    this.#active.set(execution.call.slot, execution);
    this.assigned++;
    const startBy = execution.call.unleased ? 0 : (this.#options.startBy?.(execution.call.slot) ?? 0);
    execution.send(this.link, startBy, () => this.#overdue(execution));
  }

  began(slots: readonly number[]): void {
    const now = this.#options.clock.monotonic();
    for (const slot of slots) {
      const execution = this.#active.get(slot);
      if (!execution) continue;
      execution.begin(now, this.#options.deadlines);
      this.#events.began(slot, this.link.pid);
    }
  }

  /** They came too late to be begun: back, as they were. */
  late(slots: readonly number[]): void {
    for (const slot of slots) this.#over(slot)?.lose("bystander", noEnd);
    this.#stopIfEmpty();
    this.#events.freed(this);
  }

  done(replies: readonly Reply[]): void {
    for (const reply of replies) {
      const execution = this.#over(reply.slot);
      if (!execution) continue;
      this.#done++;
      execution.end(reply);
    }
    this.#stopIfEmpty();
    this.#events.freed(this);
  }

  async answer(ask: number, slot: number, what: Ask): Promise<void> {
    let ok = true;
    let value: unknown;
    let code: string | undefined;
    try {
      if (!this.#active.has(slot)) {
        throw new CeleriacError(
          "NOT_IN_TASK",
          "The task that asked has ended, or overran its hard limit; nothing more is done for it.",
        );
      }
      value = await this.#events.ask(slot, what);
    } catch (error) {
      ok = false;
      code = error instanceof CeleriacError ? error.code : undefined;
      value = error instanceof Error ? error.message : String(error);
    }
    putAnswer(this.link.draft, ask, ok, value, code);
    this.link.wake();
  }

  /** Ends a run by force; false if it is none of its own. */
  terminate(slot: number): boolean {
    const execution = this.#active.get(slot);
    if (execution) this.#abandon(execution, "terminated", () => execution.lose("bystander", noEnd));
    return execution !== undefined;
  }

  expire(): void {
    if (this.phase !== "ready") return;
    this.phase = "expiring";
    this.#events.expiring(this);
  }

  /** Its successor did not come up: it stays. */
  keep(): void {
    if (this.phase === "expiring") this.phase = "ready";
  }

  /** No new calls from now on; it ends when it is empty. */
  retire(why: RetireReason): void {
    if (this.phase === "retiring" || this.phase === "stopping" || this.phase === "ended") return;
    if (this.phase === "starting") {
      this.kill("close");
      return;
    }
    this.phase = "retiring";
    this.#events.retiring(this, why);
    this.#stopIfEmpty();
  }

  kill(why: KillReason): void {
    if (this.phase === "ended" || this.#killedFor !== undefined) return;
    this.#killedFor = why;
    this.phase = "stopping";
    this.stopped = true;
    this.#events.killing(this, why);
    this.link.kill();
  }

  /** Asks for a sign of life; also the pulse from which lag and memory are known. */
  pulse(answered?: () => void): void {
    this.link.control({ t: "probe", n: this.#probes.next(answered) });
  }

  #control(message: ControlFromChild): void {
    switch (message.t) {
      case "ready":
        if (this.phase !== "starting") return;
        this.#boot?.[Symbol.dispose]();
        this.phase = "ready";
        this.heardAt = this.#options.clock.monotonic();
        this.#events.ready(this, message.tasks);
        return;
      case "unready":
        this.#bootError = toldByChild(message);
        this.kill("boot");
        return;
      case "alive":
        this.heardAt = this.#options.clock.monotonic();
        this.stallReported = false;
        this.lag = message.lag;
        this.rss = message.rss;
        this.#probes.answered(message.n);
    }
  }

  /** A hard limit struck: its outcome is fixed now. What becomes of its neighbours depends on whether the loop still answers. */
  #overdue(execution: Execution): void {
    const { slot, hard } = execution.call;
    this.#abandon(execution, "hard-limit", () => execution.end({ slot, k: "hard-limit", limit: hard ?? 0 }));
  }

  #abandon(execution: Execution, why: "hard-limit" | "terminated", end: () => void): void {
    this.#leave(execution);
    this.#abandoned.add(execution.call.slot);
    end();
    if (this.#active.size === 0) {
      this.kill(why);
      return;
    }
    this.retire(why);
    let free = false;
    this.pulse(() => {
      free = true;
    });
    this.#after(probeLimit, () => {
      if (!free) this.kill(why);
    });
    this.#after(this.#options.drain, () => this.kill("drain"));
  }

  #over(slot: number): Execution | undefined {
    this.#abandoned.delete(slot);
    const execution = this.#active.get(slot);
    if (execution) this.#leave(execution);
    return execution;
  }

  #leave(execution: Execution): void {
    this.#active.delete(execution.call.slot);
    this.#options.deadlines.delete(execution);
  }

  #stopIfEmpty(): void {
    if (this.phase !== "retiring" || this.#active.size > 0) return;
    if (this.#abandoned.size > 0) {
      this.kill("hard-limit");
      return;
    }
    this.phase = "stopping";
    this.stopped = true;
    putStop(this.link.draft, stopLimit);
    this.link.wake();
    this.#after(stopLimit, () => this.kill("close"));
  }

  #after(ms: number, run: () => void): void {
    if (this.phase !== "ended") this.#timers.push(this.#options.clock.after(ms, run));
  }

  #end(end: LinkEnd): void {
    const wasReady = this.phase !== "starting" && this.#killedFor !== "boot";
    const error = wasReady ? undefined : (this.#bootError ?? endedAtBoot(end));
    this.phase = "ended";
    this.#boot?.[Symbol.dispose]();
    for (const timer of this.#timers.splice(0)) timer[Symbol.dispose]();
    const lost = [...this.#active.values()];
    for (const execution of lost) this.#leave(execution);
    this.#events.ended(this, end, error);
    // Abandoned code ran too, and may be what ended it.
    const suspects = lost.filter((execution) => execution.began).length + this.#abandoned.size;
    const innocent = this.#killedFor !== undefined && this.#killedFor !== "memory";
    for (const execution of lost) {
      const culprit = innocent || !execution.began ? "bystander" : suspects === 1 ? "sure" : "suspect";
      execution.lose(culprit, end);
    }
    this.#resolveEnded();
    this.#events.freed(this);
  }
}
