/** Tasks that may have been run before: looked up before they wait for a slot, because their result may be final and their checkpoints wait. */

import type { Clock } from "../clock/clock.ts";
import type { ResultStore } from "../port/result-store.ts";
import { type EarlierRun, earlierRuns } from "./earlier-run.ts";
import type { Execution } from "./execution.ts";
import type { Reporter } from "./reporter.ts";

export interface PreparingOptions {
  readonly clock: Clock;
  readonly store: ResultStore;
  /** How long a message that comes again waits, ms: a former holder that lost only its link says so in the ledger meanwhile. */
  readonly patience: number;
  readonly report: Reporter;
  readonly admit: (execution: Execution) => void;
  readonly final: (execution: Execution, run: Extract<EarlierRun, { kind: "final" }>) => void;
  /** Nobody knows whether it ran. */
  readonly unknown: (execution: Execution) => void;
  /** All of a call have gone their ways. */
  readonly done: () => void;
}

export class Preparing {
  readonly #options: PreparingOptions;
  readonly #stopping = new AbortController();
  #count = 0;

  constructor(options: PreparingOptions) {
    this.#options = options;
  }

  /** How many are being looked up. */
  get count(): number {
    return this.#count;
  }

  async prepare(executions: readonly Execution[]): Promise<void> {
    const { clock, store, patience, report, admit, final, unknown, done } = this.#options;
    this.#count += executions.length;
    let runs: readonly EarlierRun[] | undefined;
    try {
      if (patience > 0) await clock.sleep(patience, this.#stopping.signal);
      runs = await earlierRuns(store, executions);
    } catch (error) {
      // Whether these ran is unknown: they go back, and another claim asks again.
      if (!this.#stopping.signal.aborted)
        report.warning("RESULT_STORE", "could not look up earlier runs; the tasks go back to the queue", error);
    }
    this.#count -= executions.length;
    for (const [index, execution] of executions.entries()) {
      const run = runs?.[index];
      if (run?.kind === "final") final(execution, run);
      else if (run) admit(run.checkpoints.length > 0 ? { ...execution, checkpoints: run.checkpoints } : execution);
      else unknown(execution);
    }
    done();
  }

  /** Nothing waits any more. */
  stop(): void {
    this.#stopping.abort(new Error("the worker stops"));
  }
}
