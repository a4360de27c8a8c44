/** One base class with a code and a cause. Every code stands in `error-codes.ts` and in `docs/errors.md`; a test compares them. */

import type { ErrorCode } from "./error-codes.ts";

export interface CeleriacErrorOptions extends ErrorOptions {
  /** Facts for programs: names, limits, paths. Never secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * An error of this library. `message` says what happened, why, and what to do.
 *
 * @example
 * ```ts
 * import { CeleriacError } from "celeriac";
 * server.post("/receipts", async (_request, reply) => {
 *   try {
 *     await sendReceipt.delay({ order: 7 });
 *   } catch (error) {
 *     if (error instanceof CeleriacError && error.code === "QUEUE_FULL") return reply.code(503).send();
 *     throw error;
 *   }
 * });
 * ```
 */
export class CeleriacError extends Error {
  override readonly name: string = "CeleriacError";
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: CeleriacErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.details = options.details ?? {};
  }

  /** Where this code is explained. */
  get help(): string {
    return `docs/errors.md#${this.code.toLowerCase()}`;
  }
}
