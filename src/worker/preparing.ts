/** Tasks that may have been run before: looked up before they wait for a slot, because their result may be final and their checkpoints wait. */

import type { Clock } from "../clock/clock.ts";
import type { Ledger } from "../port/ledger.ts";
import type { ResultStore } from "../port/result-store.ts";
import { type EarlierRun, earlierRuns } from "./earlier-run.ts";
import type { Execution } from "./execution.ts";
import type { Reporter } from "./reporter.ts";

/**
 * How long a message that comes again waits where there is a ledger, ms: a former holder that lost only its link says so there meanwhile. A
 * round trip, several times over.
 */
export const takeoverPatience = 300;
/** Before the next look at a store that did not answer, ms. */
const lookAgain = 500;

export interface PreparingOptions {
  readonly clock: Clock;
  readonly store: ResultStore;
  /**
   * With one nothing is put back for want of an answer: sent anew it would no longer be known as one that comes again, and be taken for a
   * copy of what a dead holder began.
   */
  readonly ledger: Ledger | undefined;
  readonly report: Reporter;
  readonly admit: (execution: Execution) => void;
  readonly final: (execution: Execution, run: Extract<EarlierRun, { kind: "final" }>) => void;
  /** Nobody knows whether it ran: it goes back. What a ledger knows and has not begun here is given back by its consumer alone. */
  readonly unknown: (execution: Execution) => void;
  /** All of a call have gone their ways. */
  readonly done: () => void;
}

export class Preparing {
  readonly #options: PreparingOptions;
  readonly #stopping = new AbortController();
  #count = 0;
  #patient = 0;

  constructor(options: PreparingOptions) {
    this.#options = options;
  }

  /** How many are being looked up. */
  get count(): number {
    return this.#count;
  }

  /** How many of them are only given `takeoverPatience`: others can be had meanwhile, or a line of them would pass a slot one by one. */
  get patient(): number {
    return this.#patient;
  }

  async prepare(executions: readonly Execution[]): Promise<void> {
    const { admit, final, unknown, done } = this.#options;
    this.#count += executions.length;
    const runs = await this.#lookUp(executions);
    this.#count -= executions.length;
    for (const [index, execution] of executions.entries()) {
      const run = runs?.[index];
      if (run?.kind === "final") final(execution, run);
      else if (run) admit(run.checkpoints.length > 0 ? { ...execution, checkpoints: run.checkpoints } : execution);
      else unknown(execution);
    }
    done();
  }

  async #lookUp(executions: readonly Execution[]): Promise<readonly EarlierRun[] | undefined> {
    const { store, ledger, report } = this.#options;
    const { signal } = this.#stopping;
    // What we have begun in the ledger already waits for nobody.
    const ours = executions.every(({ claim, delivery }) => claim !== delivery);
    let wait = ledger === undefined || ours ? 0 : takeoverPatience;
    for (let away = false; executions.some(({ delivery }) => !delivery.lost.aborted);) {
      try {
        if (wait > 0) await this.#wait(wait, away ? 0 : executions.length);
        const runs = await earlierRuns(store, executions);
        if (!away) return runs;
        // The store is back for a former holder as well.
        away = false;
        wait = takeoverPatience;
      } catch (error) {
        if (signal.aborted) break;
        report.warning(
          "RESULT_STORE",
          "could not look up earlier runs; nothing of them starts until that is known",
          error,
        );
        if (ledger === undefined) break;
        away = true;
        wait = lookAgain;
      }
    }
    return undefined;
  }

  async #wait(ms: number, patient: number): Promise<void> {
    this.#patient += patient;
    try {
      await this.#options.clock.sleep(ms, this.#stopping.signal);
    } finally {
      this.#patient -= patient;
    }
  }

  /** Nothing waits any more. */
  stop(): void {
    this.#stopping.abort(new Error("the worker stops"));
  }
}
