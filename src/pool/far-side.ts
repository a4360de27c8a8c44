/**
 * What a child process and a thread have in common: loads the app, takes frames of calls, answers with frames of replies, one
 * frame a turn. A start is written before the handler's first line, because the handler may end this process.
 *
 *   booting ──(ready)──▶ serving ──(stop)──▶ draining ──(no call runs)──▶ exit 0
 */

import { type Clock, systemClock } from "../clock/clock.ts";
import { machineTime } from "../clock/machine-time.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { ErrorCode } from "../error/error-codes.ts";
import { flushed, type Telemetry } from "../task/telemetry.ts";
import type { RunnerSink } from "./call-context.ts";
import { loadApp } from "./app-module.ts";
import { readCallFrame } from "./call-frame.ts";
import { FrameDraft } from "./frame.ts";
import { LogBuffer } from "./log-buffer.ts";
import { LoopDelay } from "./loop-delay.ts";
import type { Ask, FromChild, GivenCall, ToChild } from "./pool-message.ts";
import { ProgressWindow } from "./progress-window.ts";
import { putAsk, putBegan, putLate, putLog, putProgress, putReply, type TextReply } from "./reply-frame.ts";
import { Runner } from "./runner.ts";
import type { Doing } from "../heap/spare-memory.ts";
import { wireErrorOf } from "./wire-error.ts";

export type Boot = Extract<ToChild, { readonly t: "boot" }>;

/** The transport under it. */
export interface Carrier {
  /** Bodies of this many bytes are handed over uncopied. */
  readonly apart: number;
  /** False when the other side is slow: log and progress then wait for {@link FarSide.drained}; replies never do. */
  frame(pieces: readonly Uint8Array[]): boolean;
  control(message: Extract<FromChild, { readonly t: "ready" | "unready" | "alive" }>): void;
  /** Ends the process or thread once all frames are out. */
  exit(code: number): void;
  memory(): { readonly rss: number; readonly heap: number };
}

/** How long an ending child waits until what it traced is handed over, ms. */
const flushPatience = 2_000;

export class FarSide {
  readonly #carrier: Carrier;
  readonly #clock: Clock = systemClock;
  readonly #draft = new FrameDraft();
  readonly #logs = new LogBuffer();
  readonly #progress: ProgressWindow;
  readonly #asks = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #runner: Runner | undefined;
  #telemetry: Telemetry | undefined;
  #ask = 0;
  #taken = 0;
  #scheduled = false;
  #writable = true;
  #stopping = false;
  #delay: LoopDelay | undefined;

  constructor(carrier: Carrier) {
    this.#carrier = carrier;
    this.#progress = new ProgressWindow(
      this.#clock,
      (items) => {
        putProgress(this.#draft, items);
        this.#flushLater();
      },
      () => this.#writable,
    );
  }

  /** The slots that run here. */
  get active(): readonly number[] {
    return this.#runner?.active ?? [];
  }

  get doing(): Doing {
    return { busy: this.#runner?.busy ?? 0, taken: this.#taken };
  }

  /** Never rejects: what goes wrong is told to the worker, which ends this child. */
  async boot(boot: Boot): Promise<void> {
    try {
      const app = await loadApp(boot.app, boot.export);
      const sink: RunnerSink = {
        progress: (slot, done, total, note) => this.#progress.add([slot, done, total, note]),
        log: (slot, level, text, fields) => {
          this.#logs.add([slot, level, text, fields]);
          this.#flushLater();
        },
        ask: (slot, what) => {
          // What it reported before must not replace the state that it sets now.
          if (what.k === "state") this.#progress.end(slot);
          return this.#askWorker(slot, what);
        },
      };
      const { registry, tasks, telemetry } = app;
      this.#telemetry = telemetry;
      this.#runner = new Runner({
        registry,
        telemetry,
        sink,
        maxResultBytes: boot.maxResultBytes,
        slots: boot.slots,
        clock: this.#clock,
        remote: true,
      });
      this.#delay = new LoopDelay(this.#clock);
      this.#carrier.control({ t: "ready", protocol: 1, tasks, pid: process.pid });
    } catch (error) {
      const failure = error instanceof Error ? error : new Error(String(error));
      const code = failure instanceof CeleriacError ? failure.code : "APP_LOAD_FAILED";
      this.#carrier.control({ t: "unready", code, message: failure.message, stack: failure.stack ?? "" });
    }
  }

  probe(n: number): void {
    const active = this.active;
    this.#carrier.control({ t: "alive", n, lag: this.#delay?.recent ?? 0, ...this.#carrier.memory(), active });
  }

  frame(bytes: Buffer): void {
    for (const message of readCallFrame(bytes)) {
      switch (message.t) {
        case "run":
          this.#run(message.calls);
          break;
        case "abort":
          this.#runner?.abort(message.slot, message.reason);
          break;
        case "reply":
          this.#answered(message.ask, message.ok, message.value, message.code);
          break;
        case "hurry":
          this.#runner?.hurry();
          break;
        case "stop":
          this.#stopping = true;
          this.#exitIfIdle();
      }
    }
  }

  /** The carrier takes more. */
  drained(): void {
    this.#writable = true;
    if (!this.#logs.empty) this.#flushLater();
  }

  /** Writes what has gathered; also the last words of a process that exits by itself. */
  flush(): void {
    this.#scheduled = false;
    if (this.#writable && !this.#logs.empty) {
      const { items, dropped } = this.#logs.take();
      putLog(this.#draft, items, dropped);
    }
    if (this.#draft.empty) return;
    this.#writable = this.#carrier.frame(this.#draft.take(this.#carrier.apart));
  }

  #run(calls: readonly GivenCall[]): void {
    const runner = this.#runner;
    if (!runner) return;
    this.#taken += calls.length;
    const now = machineTime();
    const late = calls.filter((call) => isLate(call, now));
    const timely = late.length === 0 ? calls : calls.filter((call) => !isLate(call, now));
    if (late.length > 0) putLate(this.#draft, late.map(slotOf));
    putBegan(this.#draft, timely.map(slotOf));
    this.flush();
    for (const call of timely) {
      // Since they were looked at this process may have stood still, or one of them has kept it for itself.
      if (isLate(call, machineTime())) {
        putLate(this.#draft, [call.slot]);
        this.#flushLater();
        continue;
      }
      void runner.run(call, (reply) => {
        this.#progress.end(reply.slot);
        this.#putLogs();
        this.#putReply(reply);
        if (this.#draft.full) this.flush();
        else this.#flushLater();
        this.#exitIfIdle();
      });
    }
  }

  /** Whatever a handler made that JSON can't carry costs its own task, not this process and its neighbours. */
  #putReply(reply: TextReply): void {
    try {
      putReply(this.#draft, reply);
    } catch (error) {
      putReply(this.#draft, { slot: reply.slot, k: "error", error: wireErrorOf(error, [], false), ms: reply.ms });
    }
  }

  /** A task's lines go before its reply, while the worker still knows the slot. */
  #putLogs(): void {
    if (this.#logs.empty || !this.#writable) return;
    const { items, dropped } = this.#logs.take();
    putLog(this.#draft, items, dropped);
  }

  #askWorker(slot: number, what: Ask): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const ask = ++this.#ask;
      // Throws, and so rejects, when `what` holds a value that JSON can't carry.
      putAsk(this.#draft, ask, slot, what);
      this.#asks.set(ask, { resolve, reject });
      this.#flushLater();
    });
  }

  #answered(ask: number, ok: boolean, value: unknown, code: string | undefined): void {
    const waiting = this.#asks.get(ask);
    if (!waiting) return;
    this.#asks.delete(ask);
    if (ok) waiting.resolve(value);
    else waiting.reject(new CeleriacError((code ?? "NOT_IN_TASK") as ErrorCode, String(value)));
  }

  #flushLater(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.flush());
  }

  #exitIfIdle(): void {
    if (!this.#stopping || (this.#runner?.busy ?? 0) > 0) return;
    this.flush();
    void this.#exit();
  }

  /** What was traced here ends with this process, so it is handed over first. */
  async #exit(): Promise<void> {
    if (this.#telemetry !== undefined) await flushed(this.#telemetry, this.#clock, flushPatience);
    this.#carrier.exit(0);
  }
}

function isLate({ startBy }: GivenCall, now: number): boolean {
  return startBy !== 0 && now > startBy;
}

function slotOf({ slot }: GivenCall): number {
  return slot;
}
