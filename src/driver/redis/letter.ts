/** A dead letter as text. The server puts the stored attempts in the middle, so it is written in two halves. */

import type { AttemptRecord, DeadLetter } from "../../port/queue-admin.ts";

/** Text before and after the attempts. */
export function letterText(letter: DeadLetter): readonly [head: string, tail: string] {
  const { key, id, task, queue, reason, at, detail } = letter;
  const facts = JSON.stringify({ key, id, task, queue, reason, at, detail });
  const raw = Buffer.from(letter.raw).toString("base64");
  return [`${facts.slice(0, -1)},"attempts":[`, `],"raw":"${raw}"}`];
}

/** Undefined for text that this driver did not write. */
export function readLetter(text: string): DeadLetter | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || !("raw" in value)) return undefined;
  const letter = value as Omit<DeadLetter, "raw" | "attempts"> & { raw: string; attempts: (AttemptRecord & object)[] };
  return {
    key: letter.key,
    id: letter.id,
    task: letter.task,
    queue: letter.queue,
    reason: letter.reason,
    at: letter.at,
    detail: letter.detail,
    raw: Buffer.from(letter.raw, "base64"),
    attempts: letter.attempts.slice(-20).map((record) => ({
      attempt: record.attempt,
      worker: record.worker,
      pid: record.pid,
      started: record.started,
      ended: record.ended,
      exit: record.exit,
      stderrTail: record.stderrTail,
      error: record.error,
    })),
  };
}
