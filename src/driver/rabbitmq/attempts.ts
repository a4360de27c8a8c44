/** Records of failed attempts travel with the task, in a header: the last 20, cut so that all of them fit beside Celery's own headers. */

import type { AttemptRecord } from "../../port/queue-admin.ts";

export const attemptsHeader = "celeriac.attempts";
const mostRecords = 20;
/** Characters of all of them. A content header must fit into one frame of 128 KiB, with up to 32 KiB of the sender's. */
const mostText = 12 * 1024;
/** Characters of an error that is kept when everything is too much. */
const shortError = 200;
/** Characters of a worker's name. */
const longestName = 200;

export function attemptsText(records: readonly AttemptRecord[]): string {
  return JSON.stringify(cutAttempts(records));
}

/** First the oldest tails of stderr go, then the ends of errors. */
export function cutAttempts(records: readonly AttemptRecord[]): readonly AttemptRecord[] {
  const kept = records.slice(-mostRecords);
  let size = JSON.stringify(kept).length;
  for (const cut of [withoutTail, withShortError])
    for (let index = 0; index < kept.length && size > mostText; index += 1) {
      const record = kept[index];
      if (record === undefined) continue;
      const shorter = cut(record);
      size -= JSON.stringify(record).length - JSON.stringify(shorter).length;
      kept[index] = shorter;
    }
  return kept;
}

/** Text that this driver did not write reads as none. */
export function readAttempts(text: unknown): readonly AttemptRecord[] {
  if (typeof text !== "string") return [];
  try {
    return recordsOf(JSON.parse(text));
  } catch {
    return [];
  }
}

/** What is no record is left out. */
export function recordsOf(records: unknown): readonly AttemptRecord[] {
  return Array.isArray(records) ? records.filter(isRecord).slice(-mostRecords).map(completed) : [];
}

function isRecord(value: unknown): value is AttemptRecord {
  return typeof value === "object" && value !== null && "attempt" in value && "worker" in value;
}

/** JSON drops members that are undefined; and whoever may send a message may write anything here. */
function completed(record: { readonly [member in keyof AttemptRecord]: unknown }): AttemptRecord {
  const { attempt, worker, pid, started, ended, exit, stderrTail, error } = record;
  return {
    attempt: numberOf(attempt) ?? 0,
    worker: textOf(worker)?.slice(0, longestName) ?? "",
    pid: numberOf(pid),
    started: numberOf(started) ?? 0,
    ended: numberOf(ended),
    exit: exitOf(exit),
    stderrTail: textOf(stderrTail) ?? "",
    error: textOf(error),
  };
}

function exitOf(exit: unknown): AttemptRecord["exit"] {
  if (typeof exit !== "object" || exit === null) return undefined;
  const { code, signal } = exit as { readonly code?: unknown; readonly signal?: unknown };
  return { code: numberOf(code) ?? null, signal: textOf(signal)?.slice(0, longestName) ?? null };
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function withoutTail(record: AttemptRecord): AttemptRecord {
  return { ...record, stderrTail: "" };
}

function withShortError(record: AttemptRecord): AttemptRecord {
  return { ...record, error: record.error?.slice(0, shortError) };
}
