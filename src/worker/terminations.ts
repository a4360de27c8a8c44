/**
 * Ends what runs because somebody has said so. SIGTERM: the handler is told first, through `ctx.signal`, and ended by force when it has not
 * answered for `patience`; SIGKILL: by force at once. An inline pool has no force: there the handler is told, and that is all.
 */

import type { Clock } from "../clock/clock.ts";
import type { TerminateSignal } from "../control/facts.ts";
import type { Pool } from "../pool/pool.ts";
import type { Execution } from "./execution.ts";
import type { Slots } from "./slots.ts";

/** From the abort to the kill, ms: long enough to close a file. */
const patience = 3000;

export class Terminations {
  readonly #clock: Clock;
  readonly #pool: Pool;
  readonly #slots: Slots;

  constructor(clock: Clock, pool: Pool, slots: Slots) {
    this.#clock = clock;
    this.#pool = pool;
    this.#slots = slots;
  }

  /** `signalOf`: how to end it; `undefined` for what runs on. Answers with the ids of those that are being ended. */
  terminate(signalOf: (execution: Execution) => TerminateSignal | undefined): readonly string[] {
    const ended: string[] = [];
    for (const execution of this.#slots.running.values()) {
      const signal = signalOf(execution);
      if (signal === undefined) continue;
      ended.push(execution.headers.id);
      this.#end(execution, signal);
    }
    return ended;
  }

  #end(execution: Execution, signal: TerminateSignal): void {
    // Who has lost its lease, or goes back at a shutdown, has an end already.
    const first = execution.interrupted === undefined;
    if (first) {
      execution.interrupted = "terminated";
      execution.abort.abort("revoked");
    }
    if (execution.interrupted !== "terminated") return;
    execution.terminatedBy = signal;
    if (signal === "SIGKILL") this.#force(execution);
    else if (first) this.#clock.after(patience, () => this.#force(execution));
  }

  #force(execution: Execution): void {
    if (this.#slots.running.get(execution.slot) === execution) this.#pool.terminate(execution.slot);
  }
}
