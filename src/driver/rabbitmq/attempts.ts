/** Records of failed attempts travel with the task, in a header: the last 20, cut so that all of them fit beside Celery's own headers. */

import { mostRecords, recordsOf } from "../../port/attempt-records.ts";
import type { AttemptRecord } from "../../port/queue-admin.ts";

export const attemptsHeader = "celeriac.attempts";
/** Characters of all of them. A content header must fit into one frame of 128 KiB, with up to 32 KiB of the sender's. */
const mostText = 12 * 1024;
/** Characters of an error that is kept when everything is too much. */
const shortError = 200;

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

function withoutTail(record: AttemptRecord): AttemptRecord {
  return { ...record, stderrTail: "" };
}

function withShortError(record: AttemptRecord): AttemptRecord {
  return { ...record, error: record.error?.slice(0, shortError) };
}
