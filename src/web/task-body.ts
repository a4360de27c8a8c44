/** A stored outcome as HTTP clients read it: plain JSON without Celery's tags, and without tracebacks. */

import { progressOf } from "../app/outcome-reading.ts";
import type { StoredOutcome } from "../port/result-store.ts";
import { readException } from "../wire/exception.ts";
import { decodeTaskMeta, isFinal } from "../wire/outcome.ts";
import { Decimal, PlainDate, PlainTime, Uuid } from "../wire/tagged.ts";

export interface TaskProgress {
  readonly done: number;
  readonly total: number | null;
  readonly note: string | null;
}

export interface TaskFailure {
  /** Class name, such as "Error" or "WorkerLostError". */
  readonly type: string;
  readonly message: string;
}

/** The body of `GET /tasks/:id` and the data of each event. */
export interface TaskBody {
  readonly id: string;
  /** PENDING, STARTED, PROGRESS, RETRY, SUCCESS, FAILURE, REVOKED, or a state of the task's own. */
  readonly state: string;
  /** While it runs; null until the task reports any. */
  readonly progress?: TaskProgress | null;
  /** Of a SUCCESS. */
  readonly result?: unknown;
  /** Of a FAILURE or REVOKED; of a RETRY, why. */
  readonly error?: TaskFailure;
  /** "dead": out of crashes, its message lies in the dead letters. "expired": too late to start. */
  readonly outcome?: string;
}

export function bodyOf(stored: StoredOutcome): TaskBody {
  const { id, state } = stored;
  if (!isFinal(state) && state !== "RETRY") return { id, state, progress: progressIn(stored) };
  const meta = decodeTaskMeta(stored.meta);
  if (state === "SUCCESS") return { id, state, result: plain(meta.result) };
  if (state === "RETRY") return { id, state, progress: null, error: failureOf(meta.result) };
  const outcome = meta.celeriac?.outcome;
  return { id, state, error: failureOf(meta.result), ...(outcome === undefined ? {} : { outcome }) };
}

function failureOf(result: unknown): TaskFailure {
  const { type, message } = readException(result);
  return { type, message };
}

function progressIn(stored: StoredOutcome): TaskProgress | null {
  const progress = progressOf(stored);
  if (progress === undefined) return null;
  return { done: progress.done, total: progress.total ?? null, note: progress.note ?? null };
}

/**
 * Dates as ISO text, bytes as base64, decimals and uuids as their text, NaN and infinities (Python writes them) as null, which is
 * what JSON has for them. A bigint stays: the writer prints it as an integer.
 */
function plain(value: unknown): unknown {
  if (typeof value === "number" && !Number.isFinite(value)) return null;
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof PlainDate || value instanceof PlainTime || value instanceof Decimal || value instanceof Uuid)
    return value.text;
  const copy: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [key, member] of Object.entries(value)) copy[key] = plain(member);
  return copy;
}
