/**
 * One field of a cron expression, read as Celery's crontab reads it: numbers, names, ranges that may wrap around, steps, lists.
 * `?`, `L`, `W`, `#` and a 7 for Sunday are refused.
 */

import { quoted, scheduleInvalid } from "./schedule-invalid.ts";

export interface FieldKind {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** In order, the first for `min`. Three letters will do. */
  readonly words: readonly string[];
}

/** In the order of a five-field expression. */
export const cronFields: readonly [FieldKind, FieldKind, FieldKind, FieldKind, FieldKind] = [
  { name: "minute", min: 0, max: 59, words: [] },
  { name: "hour", min: 0, max: 23, words: [] },
  { name: "day of month", min: 1, max: 31, words: [] },
  {
    name: "month",
    min: 1,
    max: 12,
    words: [
      "january",
      "february",
      "march",
      "april",
      "may",
      "june",
      "july",
      "august",
      "september",
      "october",
      "november",
      "december",
    ],
  },
  {
    name: "day of week",
    min: 0,
    max: 6,
    words: ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"],
  },
];

const item = /^(?:\*|([a-z\d]+)(?:-([a-z\d]+))?)(?:\/(\d{1,9}))?$/;

/** The values that a field allows, ascending. Throws SCHEDULE_INVALID. */
export function cronValues(text: string, field: FieldKind): readonly number[] {
  const values = new Set(text.split(",").flatMap((part) => itemValues(part, field)));
  return [...values].toSorted((a, b) => a - b);
}

function itemValues(part: string, field: FieldKind): readonly number[] {
  const found = item.exec(part);
  if (found === null) {
    throw scheduleInvalid(
      `cron: ${quoted(part)} is nothing that the field ${field.name} can hold.`,
      `Write ${forms(field)}. The signs ?, L, W and # are not known.`,
    );
  }
  const [, from, to, steps] = found;
  const step = steps === undefined ? 1 : Number(steps);
  if (step === 0) throw scheduleInvalid(`cron: ${field.name}: the step of ${quoted(part)} is 0.`, "Write at least 1.");
  if (from !== undefined && to === undefined && steps !== undefined) {
    throw scheduleInvalid(
      `cron: ${field.name}: ${quoted(part)} steps from one value to nowhere.`,
      `Write "${from}-${String(field.max)}/${steps}".`,
    );
  }
  const first = from === undefined ? field.min : valueOf(from, field);
  const last = from === undefined ? field.max : to === undefined ? first : valueOf(to, field);
  return range(first, last, field).filter((_, index) => index % step === 0);
}

/** From `first` to `last`, around the end of the field where `last` is the smaller. */
function range(first: number, last: number, { min, max }: FieldKind): readonly number[] {
  const size = max - min + 1;
  const length = ((last - first + size) % size) + 1;
  return Array.from({ length }, (_, index) => min + ((first - min + index) % size));
}

function valueOf(word: string, field: FieldKind): number {
  const number = /^\d{1,9}$/.test(word) ? Number(word) : nameOf(word, field);
  if (number !== undefined && number >= field.min && number <= field.max) return number;
  const sunday = number === 7 && field.max === 6 ? " Sunday is 0." : "";
  throw scheduleInvalid(`cron: ${quoted(word)} is no ${field.name}.${sunday}`, `Write ${forms(field)}.`);
}

function nameOf(word: string, { words, min }: FieldKind): number | undefined {
  const index = words.findIndex((name) => word === name || word === name.slice(0, 3));
  return index === -1 ? undefined : index + min;
}

function forms({ min, max, words }: FieldKind): string {
  const [name = ""] = words;
  const names = name === "" ? "" : ` or names (${name.slice(0, 3)})`;
  return `${String(min)} to ${String(max)}${names}, ranges a-b, steps */n or a-b/n, or a list of them`;
}
