/** Records of failed attempts as they come back from a server, where whoever may write to it may have written anything. */

import type { AttemptRecord } from "./queue-admin.ts";

/** Of one task or dead letter; the latest are kept. */
export const mostRecords = 20;
/** Characters of a worker's name. */
const longestName = 200;

/** What is no record is left out. */
export function recordsOf(records: unknown): readonly AttemptRecord[] {
  return Array.isArray(records) ? records.filter(isRecord).slice(-mostRecords).map(completed) : [];
}

function isRecord(value: unknown): value is AttemptRecord {
  return typeof value === "object" && value !== null && "attempt" in value && "worker" in value;
}

/** JSON drops members that are undefined. */
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
