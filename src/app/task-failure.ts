/** Why a result is no value: the task failed, was revoked, or did not end in time. Carries what the other side stored. */

import { CeleriacError } from "../error/celeriac-error.ts";

/** What the failed task threw, as it was stored. */
export interface StoredFailure {
  /** Class name, such as "ValueError". */
  readonly type: string;
  /** Module of the class, such as "builtins"; `undefined` where none was stored. */
  readonly module: string | undefined;
  /** Constructor arguments. */
  readonly args: readonly unknown[];
  readonly message: string;
  readonly traceback: string | undefined;
  /** The error's own `code`, such as "RESULT_TOO_LARGE"; `undefined` where it had none. */
  readonly code: string | undefined;
}

/**
 * The task failed for good. `cause` is an Error with the remote name, message, code and traceback.
 *
 * @example
 * ```ts
 * import { TaskFailedError } from "celeriac";
 * try {
 *   await sent.get({ timeout: "10s" });
 * } catch (error) {
 *   if (!(error instanceof TaskFailedError && error.type === "OutOfStock")) throw error;
 *   console.log("sold out");
 * }
 * ```
 */
export class TaskFailedError extends CeleriacError {
  override readonly name: string = "TaskFailedError";
  readonly id: string;
  readonly type: string;
  readonly module: string | undefined;
  readonly args: readonly unknown[];
  /** Python's or Node's text, as the worker stored it. */
  readonly traceback: string | undefined;
  /** The message lies in the dead letters: crashed too often, could not be read, or was refused. */
  readonly dead: boolean;

  constructor(id: string, failure: StoredFailure, dead = false) {
    super("TASK_FAILED", `Task ${id} failed: ${failure.type}${failure.message === "" ? "" : `: ${failure.message}`}`, {
      cause: remoteError(failure),
      details: {
        id,
        type: failure.type,
        module: failure.module,
        dead,
        ...(failure.code !== undefined && { code: failure.code }),
      },
    });
    this.id = id;
    this.type = failure.type;
    this.module = failure.module;
    this.args = failure.args;
    this.traceback = failure.traceback;
    this.dead = dead;
  }
}

/**
 * The task was revoked, or expired before a worker could start it; it has no result and will not have one.
 *
 * @example
 * ```ts
 * import { TaskRevokedError } from "celeriac";
 * const late = await sent.get().then(
 *   () => false,
 *   (error: unknown) => error instanceof TaskRevokedError && error.reason === "expired",
 * );
 * ```
 */
export class TaskRevokedError extends CeleriacError {
  override readonly name: string = "TaskRevokedError";
  readonly id: string;
  /** "revoked", "terminated" or "expired". */
  readonly reason: string;

  constructor(id: string, reason: string) {
    super("TASK_REVOKED", `Task ${id} was not run to its end: ${reason}.`, { details: { id, reason } });
    this.id = id;
    this.reason = reason;
  }
}

function remoteError(failure: StoredFailure): Error {
  const error = new Error(failure.message);
  error.name = failure.type;
  if (failure.code !== undefined) Object.assign(error, { code: failure.code });
  if (failure.traceback !== undefined) error.stack = failure.traceback;
  return error;
}
