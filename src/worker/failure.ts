/** Why a run failed, in the words that are stored, and whether the task's policy tries it again. */

import type { WireError } from "../pool/pool-message.ts";
import type { DeadLetter } from "../port/queue-admin.ts";
import type { RetryPolicy } from "../task/definition.ts";
import { celeryException, exceptionOf, readException, type WireException } from "../wire/exception.ts";
import { tracebackOf } from "./traceback.ts";

export interface Failure {
  readonly exception: WireException;
  readonly traceback: string | null;
  readonly retryable: boolean | null;
  readonly matches: readonly string[];
}

const softLimit = "SOFT_TIME_LIMIT";

export function failureOf(error: WireError): Failure {
  return {
    exception: isSoftLimit(error)
      ? { ...celeryException("SoftTimeLimitExceeded"), exc_code: softLimit }
      : exceptionOf({
          name: error.name,
          message: error.message,
          code: error.code,
          args: error.args,
          module: error.module,
        }),
    traceback: tracebackOf(error),
    retryable: error.retryable,
    matches: error.matches,
  };
}

/** The signal's own reason, or what Node's functions make of an aborted signal: an `AbortError` with the reason as its cause. */
function isSoftLimit({ code, cause }: WireError): boolean {
  return code === softLimit || (code === "ABORT_ERR" && cause?.code === softLimit);
}

/** Why no run can ever begin with this input; `undefined` if one did. Its bytes are kept then, for its sender may not be ours. */
export function unusableInput(error: WireError): DeadLetter["reason"] | undefined {
  if (error.ran !== false) return undefined;
  return error.code === "MESSAGE_UNDECODABLE" ? "undecodable" : "invalid-input";
}

/** The pool ended it: Celery stores the limit in seconds as the only argument. */
export function hardLimit(ms: number): Failure {
  return {
    exception: celeryException("TimeLimitExceeded", ms / 1000),
    traceback: null,
    retryable: null,
    matches: ["TimeLimitExceeded"],
  };
}

/** What no policy has a say in: the error that is stored, without a traceback, and not tried again. */
export function verdict(exception: WireException): Failure {
  return { exception, traceback: null, retryable: false, matches: [] };
}

export function isRetried(policy: RetryPolicy, failure: Failure): boolean {
  if (failure.retryable !== null) return failure.retryable;
  const names = [failure.exception.exc_type, ...failure.matches];
  if (names.some((name) => policy.never.includes(name))) return false;
  return policy.on === undefined || names.some((name) => policy.on?.includes(name));
}

/** One line for logs and dead letters. */
export function describe(exception: WireException): string {
  const { message } = readException(exception);
  return message === "" ? exception.exc_type : `${exception.exc_type}: ${message}`;
}
