/** A dead letter as text. The server puts the stored attempts in the middle, so it is written in two halves. */

import { recordsOf } from "../../port/attempt-records.ts";
import type { DeadLetter } from "../../port/queue-admin.ts";

/** Text before and after the attempts. */
export function letterText(letter: DeadLetter): readonly [head: string, tail: string] {
  const { key, id, task, queue, reason, at, detail } = letter;
  const facts = JSON.stringify({ key, id, task, queue, reason, at, detail });
  const raw = Buffer.from(letter.raw).toString("base64");
  return [`${facts.slice(0, -1)},"attempts":[`, `],"raw":"${raw}"}`];
}

/** Undefined for text that this driver did not write. What is no record of an attempt is left out. */
export function readLetter(text: string): DeadLetter | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isLetter(value)
    ? {
        key: value.key,
        id: textOf(value.id),
        task: textOf(value.task),
        queue: value.queue,
        reason: value.reason,
        at: value.at,
        detail: value.detail,
        raw: Buffer.from(value.raw, "base64"),
        attempts: recordsOf(value.attempts),
      }
    : undefined;
}

type Written = Omit<DeadLetter, "raw" | "attempts"> & { readonly raw: string; readonly attempts: readonly unknown[] };

/** Whoever may write to the server may have written it. */
function isLetter(value: unknown): value is Written {
  if (typeof value !== "object" || value === null) return false;
  const { key, queue, reason, at, detail, raw, attempts } = value as {
    readonly [member in keyof DeadLetter]?: unknown;
  };
  const texts = [key, queue, reason, detail, raw];
  return texts.every((each) => typeof each === "string") && typeof at === "number" && Array.isArray(attempts);
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
