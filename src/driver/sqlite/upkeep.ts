/**
 * What has to be done again and again: renew, look for work, for due messages, for the dead and the silent, tidy up. Each duty is
 * handed to the engine, which runs it in its next transaction; looking needs none. The user's threads have no part in it.
 */

import { writeSync } from "node:fs";

import type { Clock } from "../../clock/clock.ts";
import type { ErrorCode } from "../../error/error-codes.ts";
import { removeBell } from "./bell.ts";
import type { Lost } from "./exchange.ts";
import type { Holder } from "./holder.ts";
import { monotonic } from "./host.ts";
import type { Maintenance } from "./maintenance.ts";
import type { Steps } from "./steps.ts";
import type { Turn } from "./turn.ts";

/** The net under the bells. */
const slowLook = 100;
/** Where file events do not arrive (mounts of some virtual machines), while idle for less than a minute. */
const fastLook = 5;
const fastLookFor = 60_000;
const second = 1_000;
/** A jump of the wall clock against the monotonic one that is worth a word. */
const clockStep = 5_000;
const stalled: ErrorCode = "WORKER_STALLED";
const farAway = 3_600_000;

export interface EngineHooks {
  readonly holders: ReadonlyMap<number, Holder>;
  /** Does it in the next transaction; a duty with the same name replaces one that waits. */
  duty(name: string, run: (turn: Turn) => void): void;
  /** Runs a turn soon. */
  run(): void;
  lost(holder: Holder, held: readonly Lost[], why: string): void;
  event(event: "clock-step", detail: string): void;
  /** Lets all leases go, now. */
  letGo(): void;
}

export class Upkeep {
  readonly #steps: Steps;
  readonly #clock: Clock;
  readonly #engine: EngineHooks;
  readonly #maintenance: Maintenance;
  /** Counts the turns of the calling thread. */
  readonly #pulse: Int32Array | undefined;
  readonly #perHolder = new Map<number, Disposable[]>();
  #shared: Disposable[] = [];
  #tending: Disposable | undefined;
  #dueTimer: Disposable | undefined;
  #nextDue = Infinity;
  #version = -1;
  #offset: number;
  #lastPulse = 0;
  #stalledFor = 0;
  #lastSecond = 0;
  #idleSince = 0;

  constructor(
    steps: Steps,
    clock: Clock,
    maintenance: Maintenance,
    pulse: Int32Array | undefined,
    engine: EngineHooks,
  ) {
    this.#steps = steps;
    this.#clock = clock;
    this.#engine = engine;
    this.#maintenance = maintenance;
    this.#pulse = pulse;
    this.#offset = clock.now() - monotonic();
  }

  add(holder: Holder): void {
    const { lease, sweep } = holder.options;
    const timers = [this.#clock.every(Math.max(10, lease / 3), () => this.#renew(holder))];
    this.#perHolder.set(holder.no, timers);
    const sweepSoon = (): void => {
      // Spread, so that not all workers look at the same moment.
      timers[1] = this.#clock.after(sweep * (0.8 + Math.random() * 0.4), () => {
        if (!this.#perHolder.has(holder.no)) return;
        if (this.#steps.keeping.hasExpired(monotonic())) this.#reap();
        sweepSoon();
      });
    };
    sweepSoon();
    if (this.#shared.length > 0) return;
    this.#lastSecond = monotonic();
    this.#shared = [
      this.#clock.every(slowLook, () => this.look()),
      this.#clock.every(second, () => this.#everySecond()),
    ];
    this.#findDue();
  }

  /** For who consumes nothing but keeps results and starts here, which expire all the same. */
  tend(): void {
    this.#tending ??= this.#clock.every(second, () => {
      if (this.#shared.length === 0) this.#maintenance.everySecond(monotonic(), this.#clock.now());
    });
  }

  remove(holder: Holder): void {
    for (const timer of this.#perHolder.get(holder.no) ?? []) timer[Symbol.dispose]();
    this.#perHolder.delete(holder.no);
    if (this.#perHolder.size === 0) this.#stop();
  }

  close(): void {
    this.#tending?.[Symbol.dispose]();
    this.#stop();
  }

  #stop(): void {
    for (const timers of this.#perHolder.values()) for (const timer of timers) timer[Symbol.dispose]();
    for (const timer of this.#shared) timer[Symbol.dispose]();
    this.#dueTimer?.[Symbol.dispose]();
    this.#perHolder.clear();
    this.#shared = [];
    this.#nextDue = Infinity;
  }

  /** A probe found that file events do not arrive here. */
  bellIsDumb(): void {
    if (this.#shared.length > 0) this.#shared.push(this.#clock.every(fastLook, () => this.#fastLook()));
  }

  /** Looks whether another process changed anything, and if so for work. Reads only. */
  look(): void {
    const version = this.#steps.db.version();
    if (version === this.#version) return;
    this.#version = version;
    this.#findDue();
    let found = false;
    for (const holder of this.#engine.holders.values()) {
      if (holder.hungry || holder.room <= 0 || !this.#steps.claiming.peek(holder)) continue;
      holder.hungry = true;
      found = true;
    }
    if (found) this.#engine.run();
  }

  /** A turn added a message that is due then. */
  dueAt(due: number): void {
    if (due < this.#nextDue && this.#perHolder.size > 0) this.#setDue(due);
  }

  #fastLook(): void {
    const idle = [...this.#engine.holders.values()].some((holder) => holder.idle);
    if (!idle) this.#idleSince = monotonic();
    else if (monotonic() - this.#idleSince < fastLookFor) this.look();
  }

  #renew(holder: Holder): void {
    const mono = monotonic();
    const late = [...holder.held].filter(([, { until }]) => until <= mono);
    if (late.length > 0) {
      for (const [seq, { fence }] of late) {
        holder.held.delete(seq);
        holder.abandoned.set(seq, fence);
      }
      this.#engine.lost(
        holder,
        late.map(([seq, { fence }]) => [seq, fence] as const),
        "it could not be renewed in time",
      );
    }
    this.#engine.duty(`renew ${holder.no}`, (turn) => {
      const lost = this.#steps.keeping.renew(holder, turn);
      if (lost.length > 0) {
        turn.after.push(() =>
          this.#engine.lost(holder, lost, "another worker was given it after it was not renewed in time"),
        );
      }
    });
  }

  #reap(): void {
    this.#engine.duty("reap", (turn) => {
      if (this.#steps.keeping.reap(turn)) turn.after.push(() => this.#reap());
    });
  }

  #everySecond(): void {
    const mono = monotonic();
    const elapsed = mono - this.#lastSecond;
    this.#lastSecond = mono;
    this.#watchPulse(elapsed);
    const now = this.#clock.now();
    const offset = now - mono;
    if (Math.abs(offset - this.#offset) > clockStep) {
      this.#engine.event("clock-step", `the wall clock was set by ${Math.round((offset - this.#offset) / 1000)} s`);
      this.#findDue();
    }
    this.#offset = offset;
    // The transaction that should have done it failed.
    if (this.#nextDue <= now) this.#promote();
    for (const member of this.#steps.processes.gone(now)) {
      const take = (): void => {
        this.#engine.duty(`gone ${member.no}`, (turn) => {
          const more = this.#steps.keeping.bequeath(member, turn);
          turn.after.push(more ? take : () => removeBell(this.#steps.db.path, member.bell));
        });
      };
      take();
    }
    this.#maintenance.everySecond(mono, now);
  }

  /**
   * The calling thread counts while it lives. Time in which this thread stood still as well (a stopped process, a suspended
   * machine) is not held against it: a second counts as two at most.
   */
  #watchPulse(elapsed: number): void {
    if (this.#pulse === undefined) return;
    const pulse = Atomics.load(this.#pulse, 0);
    if (pulse !== this.#lastPulse) {
      this.#lastPulse = pulse;
      this.#stalledFor = 0;
      return;
    }
    this.#stalledFor += Math.min(elapsed, 2 * second);
    const limit = Math.min(...[...this.#engine.holders.values()].map(({ options }) => options.stallLimit));
    if (this.#stalledFor <= limit) return;
    this.#engine.letGo();
    writeSync(
      2,
      `celeriac: ${stalled}: the main thread of process ${process.pid} has not turned for ${Math.round(this.#stalledFor / 1000)} s; its tasks are given to others and the process is ended. Run blocking code in the process pool.\n`,
    );
    process.kill(process.pid, "SIGKILL");
  }

  #findDue(): void {
    const due = this.#steps.publishing.nextDue();
    if (due !== this.#nextDue) this.#setDue(due);
  }

  #setDue(due: number): void {
    this.#dueTimer?.[Symbol.dispose]();
    this.#dueTimer = undefined;
    this.#nextDue = due;
    if (due === Infinity) return;
    const wait = Math.min(Math.max(0, due - this.#clock.now()), farAway);
    this.#dueTimer = this.#clock.after(wait, () => {
      if (this.#clock.now() < due) this.#setDue(due);
      else this.#promote();
    });
  }

  #promote(): void {
    this.#engine.duty("promote", (turn) => {
      const more = this.#steps.publishing.promote(turn);
      turn.after.push(() => {
        this.#nextDue = Infinity;
        if (more) this.#promote();
        else this.#findDue();
      });
    });
  }
}
