/**
 * The callers' end: collects what is wanted in a turn, posts it once, and matches answers to the promises that wait. Keeps the
 * process alive while somebody waits or consumes, and not longer.
 */

import type { Clock } from "../../clock/clock.ts";
import { CeleriacError } from "../../error/celeriac-error.ts";
import type { Warning } from "../../port/units.ts";
import type { Ask, Asks, Notice, Request } from "./exchange.ts";
import type { EngineOptions } from "./engine.ts";
import { unpack } from "./failure.ts";
import { Parcel } from "./parcel.ts";
import { startHere, startThread } from "./port.ts";
import type { EnginePort } from "./port.ts";

interface Waiting {
  resolve(value: never): void;
  reject(error: Error): void;
}
export type NoticeOf<N extends Notice["n"]> = Extract<Notice, { n: N }>;
/** Who is told of what happens without being asked. */
export interface NoticeTakers {
  claimed(notice: NoticeOf<"claimed">): void;
  lost(notice: NoticeOf<"lost">): void;
  state(notice: NoticeOf<"state">): void;
  heard(notice: NoticeOf<"heard">): void;
  event(notice: NoticeOf<"event">): void;
  /** Nothing works any more: closed, or the thread died. */
  ended(error: CeleriacError): void;
}

const pulseEvery = 1_000;

export class Link {
  readonly #options: EngineOptions;
  readonly #thread: boolean;
  readonly #clock: Clock;
  readonly #takers: NoticeTakers[] = [];
  readonly #waiting = new Map<number, Waiting>();
  readonly #pulse = new Int32Array(new SharedArrayBuffer(4));
  #port: EnginePort | undefined;
  #opening: Promise<readonly Warning[]> | undefined;
  #closing: Promise<void> | undefined;
  #ended: CeleriacError | undefined;
  #parcel = new Parcel();
  #flushing = false;
  #calls = 0;
  #holds = 0;
  /** Notices that wait for the next turn. */
  readonly #told: Notice[] = [];
  #held = true;
  #beating: Disposable | undefined;

  constructor(options: EngineOptions, thread: boolean, clock: Clock) {
    this.#options = options;
    this.#thread = thread;
    this.#clock = clock;
  }

  get path(): string {
    return this.#options.path;
  }

  addTaker(taker: NoticeTakers): void {
    this.#takers.push(taker);
  }

  open(): Promise<readonly Warning[]> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    this.#opening ??= new Promise((resolve, reject) => {
      const handlers = {
        answers: (answers: Parameters<Link["take"]>[0]): void => {
          for (const notice of answers.notices) {
            if (notice.n === "opened") {
              this.#settleHold();
              resolve(notice.warnings);
            } else if (notice.n === "unopened") {
              const error = unpack(notice.failure);
              this.#end(error);
              reject(error);
            }
          }
          this.take(answers);
        },
        died: (error: CeleriacError): void => {
          reject(error);
          this.#end(error);
        },
      };
      this.#port = this.#thread
        ? startThread(this.#options, this.#pulse.buffer as SharedArrayBuffer, handlers)
        : startHere(this.#options, this.#clock, handlers);
    });
    return this.#opening;
  }

  /** One call that is answered. `fill` puts its parts into the parcel of this turn. */
  call<T>(fill: (parcel: Parcel, call: number) => Request): Promise<T> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    if (this.#port === undefined) return Promise.reject(notOpen(this.path));
    return new Promise<T>((resolve, reject) => {
      const call = this.#calls++;
      // Throws, and thereby rejects, before anything waits for an answer.
      const request = fill(this.#parcel, call);
      if (request.k === "publish") this.#parcel.addPublish(call, request.from, request.count);
      else this.#parcel.requests.push(request);
      this.#waiting.set(call, { resolve, reject });
      if (this.#waiting.size === 1) this.#settleHold();
      this.#flushSoon();
    });
  }

  ask<K extends Ask>(ask: K, input: Asks[K]["in"]): Promise<Asks[K]["out"]> {
    return this.call((_, call) => ({ k: "ask", call, ask, input }) as Request);
  }

  /** Says something that has no answer. `now`: before the calling code goes on. */
  tell(request: Request, now: boolean = false): void {
    if (this.#ended !== undefined || this.#port === undefined) return;
    this.#parcel.requests.push(request);
    if (now) this.#flush();
    else this.#flushSoon();
  }

  /** Keeps the process alive, and the pulse beating, until the answer is called as often as this was. */
  hold(): () => void {
    this.#holds++;
    this.#settleHold();
    this.#beating ??= this.#clock.every(pulseEvery, () => void Atomics.add(this.#pulse, 0, 1));
    let done = false;
    return () => {
      if (done) return;
      done = true;
      this.#holds--;
      this.#settleHold();
      if (this.#holds === 0) this.#stopBeating();
    };
  }

  /** Gives back what is held and ends the engine. Safe twice. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Ends as in a crash, after what was posted before has been worked off. */
  async kill(): Promise<void> {
    if (this.#closing !== undefined) return;
    const worked = this.ask("get", []).catch(() => []);
    this.#closing = worked.then(() => this.#port?.kill());
    await this.#closing;
    this.#end(closed(this.path));
  }

  async #close(): Promise<void> {
    await this.#opening?.catch(() => {});
    if (this.#ended === undefined && this.#port !== undefined) {
      // On a full disk or behind a stopped process this fails; the leases then run out by themselves.
      await this.ask("close", null).catch(() => {});
    }
    const port = this.#port;
    this.#end(closed(this.path));
    await port?.end();
  }

  #end(error: CeleriacError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#stopBeating();
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const one of waiting) one.reject(error);
    for (const taker of this.#takers) taker.ended(error);
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    // Alone: at the end of this turn, for speed. With others under way: let the turn's neighbours come along.
    if (this.#waiting.size <= 1) queueMicrotask(() => this.#flush());
    else setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#flushing = false;
    const parcel = this.#parcel;
    if (parcel.isEmpty || this.#ended !== undefined) return;
    this.#parcel = new Parcel();
    this.#port?.post(parcel.wrap());
  }

  /** Answers from the engine. */
  take(answers: {
    readonly plain: readonly number[];
    readonly done: readonly (readonly [number, unknown])[];
    readonly failed: readonly (readonly [number, Parameters<typeof unpack>[0]])[];
    readonly notices: readonly Notice[];
  }): void {
    for (const call of answers.plain) {
      this.#waiting.get(call)?.resolve(0 as never);
      this.#waiting.delete(call);
    }
    for (const [call, value] of answers.done) {
      this.#waiting.get(call)?.resolve(value as never);
      this.#waiting.delete(call);
    }
    for (const [call, failure] of answers.failed) {
      this.#waiting.get(call)?.reject(unpack(failure));
      this.#waiting.delete(call);
    }
    this.#tellInOrder(answers.notices, answers.plain.length + answers.done.length > 0);
    if (this.#waiting.size === 0) this.#settleHold();
  }

  /** Whoever waited for an answer (`answered`) goes on before he is handed more: he may count what he holds. */
  #tellInOrder(notices: readonly Notice[], answered: boolean): void {
    if (notices.length === 0) return;
    // What comes while others wait waits behind them: what a claim has lost, and what it has got since, must not change places.
    const first = this.#told.length === 0;
    if (first && !answered) return this.#tellAll(notices);
    this.#told.push(...notices);
    if (first) setImmediate(() => this.#tellAll(this.#told.splice(0)));
  }

  #tellAll(notices: readonly Notice[]): void {
    if (this.#ended !== undefined) return;
    for (const notice of notices) this.#notice(notice);
  }

  #notice(notice: Notice): void {
    for (const taker of this.#takers) {
      if (notice.n === "claimed") taker.claimed(notice);
      else if (notice.n === "lost") taker.lost(notice);
      else if (notice.n === "state") taker.state(notice);
      else if (notice.n === "heard") taker.heard(notice);
      else if (notice.n === "event") taker.event(notice);
    }
    if (notice.n === "warning") process.emitWarning(notice.warning.text, { code: notice.warning.code });
  }

  #settleHold(): void {
    const hold = this.#waiting.size > 0 || this.#holds > 0;
    if (hold === this.#held) return;
    this.#held = hold;
    this.#port?.hold(hold);
  }

  #stopBeating(): void {
    this.#beating?.[Symbol.dispose]();
    this.#beating = undefined;
  }
}

function closed(path: string): CeleriacError {
  return new CeleriacError("BACKEND_CLOSED", `The connection to ${path} was closed. Open a new one to go on.`, {
    details: { path },
  });
}

function notOpen(path: string): CeleriacError {
  return new CeleriacError(
    "BACKEND_CLOSED",
    `The connection to ${path} is not open yet. Call open() and await it first.`,
    {
      details: { path },
    },
  );
}
