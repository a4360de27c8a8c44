/** One call in a child, from the worker's side: its limits, its abort, and its one outcome. */

import type { StopSign } from "../clock/stop.ts";
import { putAbort, putCall } from "./call-frame.ts";
import type { AbortReason } from "./call-context.ts";
import type { Deadlines, Limited } from "./deadlines.ts";
import { listenForAbort } from "./interruption.ts";
import type { Link } from "./link.ts";
import type { Call } from "./pool-message.ts";
import type { PoolOutcome } from "./pool.ts";

export class Execution implements Limited {
  readonly call: Call;
  readonly signal: StopSign;
  began = false;
  /** Its hard limit struck: the outcome is fixed, the code may still run. */
  overdue = false;
  deadline: number = Infinity;
  readonly #resolve: (outcome: PoolOutcome) => void;
  #hardAt = Infinity;
  #link: Link | undefined;
  #onOverdue: ((execution: Execution) => void) | undefined;
  #stopListening: (() => void) | undefined;

  constructor(call: Call, signal: StopSign, resolve: (outcome: PoolOutcome) => void) {
    this.call = call;
    this.signal = signal;
    this.#resolve = resolve;
  }

  /** Hands the call to a child. */
  send(link: Link, startBy: number, onOverdue: (execution: Execution) => void): void {
    this.#link = link;
    this.#onOverdue = onOverdue;
    putCall(link.draft, this.call, startBy);
    link.wake();
    if (this.signal.aborted) this.abort("shutdown");
    else this.#stopListening = listenForAbort(this.signal, (reason) => this.abort(reason));
  }

  /** The child says that the handler runs: limits count from here, not from the wait in a neighbour's blocked loop. */
  begin(now: number, deadlines: Deadlines): void {
    this.began = true;
    const { soft, hard } = this.call;
    if (hard !== null) this.#hardAt = now + hard;
    this.deadline = soft === null ? this.#hardAt : Math.min(now + soft, this.#hardAt);
    if (this.deadline !== Infinity) deadlines.add(this);
  }

  due(now: number): void {
    if (this.deadline < this.#hardAt) this.abort("soft-limit");
    this.deadline = this.#hardAt;
    if (this.#hardAt > now) return;
    this.deadline = Infinity;
    this.overdue = true;
    this.abort("soft-limit");
    this.#onOverdue?.(this);
  }

  abort(reason: AbortReason): void {
    if (!this.#link) return;
    putAbort(this.#link.draft, this.call.slot, reason);
    this.#link.wake();
  }

  end(outcome: PoolOutcome): void {
    this.deadline = Infinity;
    this.#stopListening?.();
    this.#stopListening = undefined;
    this.#resolve(outcome);
  }

  /** Its child ended, or it never got one. */
  lose(
    culprit: "sure" | "suspect" | "bystander",
    end: { readonly code: number | null; readonly signal: string | null; readonly stderrTail: string },
  ): void {
    const { code, signal, stderrTail } = end;
    this.end({ slot: this.call.slot, k: "lost", began: this.began, culprit, code, signal, stderrTail });
  }
}

/** For what was lost without a child. */
export const noEnd = { code: null, signal: null, stderrTail: "" } as const;
