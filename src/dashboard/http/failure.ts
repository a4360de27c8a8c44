/** Answers that are not 2xx, thrown where they are found out. What nobody foresaw is told without its text: that may hold secrets. */

import { CeleriacError } from "../../error/celeriac-error.ts";
import type { ErrorCode } from "../../error/error-codes.ts";

export class ApiError extends Error {
  override readonly name: string = "ApiError";
  readonly status: number;
  readonly code: string;
  readonly field: string | undefined;

  constructor(status: number, code: string, text: string, field?: string) {
    super(text);
    this.status = status;
    this.code = code;
    this.field = field;
  }
}

export function badRequest(text: string, field?: string): ApiError {
  return new ApiError(400, "BAD_REQUEST", text, field);
}

export function notFound(text = "There is nothing of this name."): ApiError {
  return new ApiError(404, "NOT_FOUND", text);
}

export function forbidden(text: string): ApiError {
  return new ApiError(403, "FORBIDDEN", text);
}

export function shuttingDown(): ApiError {
  return new ApiError(503, "BUSY", "The dashboard is shutting down.");
}

/** Nobody hears it. What its leaving broke off is no failure of ours. */
export function clientGone(): ApiError {
  return new ApiError(503, "BUSY", "Whoever asked has gone.");
}

/** Coded errors that say something of the request; all others are the server's. */
const statuses: Readonly<Partial<Record<ErrorCode, number>>> = {
  BACKEND_CLOSED: 503,
  BACKEND_REFUSED: 503,
  BACKEND_UNREACHABLE: 503,
  CONFIG_INVALID: 400,
  DEAD_LETTER_UNKNOWN: 404,
  DELAY_NOT_SUPPORTED: 501,
  DURATION_INVALID: 400,
  MESSAGE_TOO_LARGE: 413,
  MESSAGE_UNDECODABLE: 422,
  NAME_INVALID: 400,
  NOT_SERIALIZABLE: 400,
  NOT_SUPPORTED: 501,
  QUEUE_FULL: 503,
  SCHEDULE_TAKEN: 409,
  SCHEDULE_UNKNOWN: 404,
  TASK_UNKNOWN: 404,
  UNROUTABLE: 422,
};

export function apiErrorOf(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof CeleriacError) return new ApiError(statuses[error.code] ?? 500, error.code, error.message);
  return new ApiError(500, "INTERNAL", "The dashboard failed to answer. Its process has printed a warning.");
}
