/** What became of an action that was done to many: how many it was done to, and to whom it was not, and why. */

import type { ActionResult } from "../contract.ts";
import { apiErrorOf } from "../http/failure.ts";

/** Told one by one; all are counted. */
const mostTold = 100;

export interface Outcome extends Pick<ActionResult, "done" | "failures" | "failed"> {
  readonly id?: string;
  readonly replies?: NonNullable<ActionResult["replies"]>;
}

export class Outcomes {
  #done = 0;
  #failed = 0;
  readonly #failures: { readonly subject: string; readonly code: string; readonly text: string }[] = [];

  done(count = 1): void {
    this.#done += count;
  }

  fail(subject: string, code: string, text: string): void {
    this.#failed++;
    if (this.#failures.length < mostTold) this.#failures.push({ subject, code, text });
  }

  failWith(subject: string, error: unknown): void {
    const { code, message } = apiErrorOf(error);
    this.fail(subject, code, message);
  }

  get result(): Outcome {
    return { done: this.#done, failed: this.#failed, failures: this.#failures };
  }
}
