/**
 * Schedules by the calendar, as Celery's crontab: fields that must all hold, in a time zone. `docs/schedules.md` has a table of what
 * changes of the clock do to them; here it comes down to the stretches of constant offset in `zone.ts`.
 */

import type { CronSpec, DstPolicy, Schedule } from "../task/schedule.ts";
import { CronCalendar, type CronSets, isPossible } from "./cron-calendar.ts";
import { cronFields, cronValues } from "./cron-field.ts";
import { quoted, scheduleInvalid } from "./schedule-invalid.ts";
import { latest, type Stretch, Zone } from "./zone.ts";

/**
 * How a clock is chosen, and what its changes do.
 *
 * @example
 * ```ts
 * import { cron, type CronOptions } from "celeriac";
 * const inPrague: CronOptions = { timezone: "Europe/Prague", dst: { gap: "skip" } };
 * cron("30 2 * * *", inPrague);
 * ```
 */
export interface CronOptions {
  /** The IANA zone whose clock is meant. Default "UTC". */
  readonly timezone?: string;
  /**
   * Local times that a change of the clock takes away or gives twice. Default `{ gap: "run", overlap: "first" }`: each runs once.
   * What says *every* goes by the real clock instead: with each hour of the day allowed, nothing is made up for after a gap of
   * whole hours; with each hour allowed, or the minutes written with a star, both of two equal hours have their runs.
   */
  readonly dst?: DstPolicy;
}

/** A number, what a field of an expression holds ("1-5", "mon,wed", "0,30"), or a list of numbers. */
export type CronField = number | string | readonly number[];

/**
 * The fields by their names; each is `*` if it is left out. All of them must hold.
 *
 * @example
 * ```ts
 * import { cron, type CronFields } from "celeriac";
 * const workdays: CronFields = { minute: 0, hour: 8, dayOfWeek: "mon-fri", timezone: "Europe/Prague" };
 * cron(workdays);
 * ```
 */
export interface CronFields extends CronOptions {
  /** 0…59. */
  readonly minute?: CronField;
  /** 0…23. */
  readonly hour?: CronField;
  /** 0…6, Sunday is 0; or "sun"…"sat". */
  readonly dayOfWeek?: CronField;
  /** 1…31. */
  readonly dayOfMonth?: CronField;
  /** 1…12, or "jan"…"dec". */
  readonly monthOfYear?: CronField;
}

const macros: ReadonlyMap<string, string> = new Map([
  ["@hourly", "0 * * * *"],
  ["@daily", "0 0 * * *"],
  ["@midnight", "0 0 * * *"],
  ["@weekly", "0 0 * * 0"],
  ["@monthly", "0 0 1 * *"],
  ["@yearly", "0 0 1 1 *"],
  ["@annually", "0 0 1 1 *"],
]);
const hour = 3_600_000;
/** Longer than any date can be away from the same local date. */
const twoDays = 48 * hour;
/**
 * Stretches that a search looks into: two for each date that it tries. Only a policy can make it fail again and again: 02:30 on the
 * last Sunday of March, with its gaps skipped, never comes in Paris.
 */
const mostStretches = 400;
/** Nobody writes more; lists of every minute have 170 characters. */
const longest = 1_000;

/**
 * A schedule by the calendar: minute, hour, day of month, month, day of week, all of which must hold. Throws SCHEDULE_INVALID for
 * an expression that says nothing or names dates that no year has, and for an unknown zone.
 *
 * @example
 * ```ts
 * import { cron } from "celeriac";
 * cron("0 3 * * mon-fri", { timezone: "Europe/Prague" });
 * cron({ minute: [0, 30], hour: "22-2", timezone: "Europe/Prague" }); // the same fields by name; ranges may wrap around
 * cron("30 2 * * *", { timezone: "Europe/Paris", dst: { gap: "skip" } });
 * ```
 */
export function cron(expression: string, options?: CronOptions): Schedule;
export function cron(fields: CronFields): Schedule;
export function cron(what: string | CronFields, options: CronOptions = {}): Schedule {
  if (typeof what === "string") return new Cron(what, options);
  if (typeof what !== "object" || what === null) {
    throw scheduleInvalid(
      `cron: ${quoted(what)} is neither text nor fields.`,
      'Write "0 3 * * *" or { hour: 3, minute: 0 }.',
    );
  }
  const fields = [what.minute, what.hour, what.dayOfMonth, what.monthOfYear, what.dayOfWeek];
  return new Cron(fields.map(fieldText).join(" "), what);
}

/** A field as one word of an expression. */
function fieldText(field: CronField = "*"): string {
  const text = typeof field === "string" ? field : Array.isArray(field) ? field.join(",") : String(field);
  return text.trim().replaceAll(/\s*,\s*/g, ",");
}

class Cron implements Schedule {
  readonly kind = "cron";
  readonly timezone: string;
  readonly #expression: string;
  readonly #dst: DstPolicy;
  readonly #calendar: CronCalendar;
  readonly #zone: Zone;
  /** Allows each hour of the day. */
  readonly #hourly: boolean;
  readonly #overlap: NonNullable<DstPolicy["overlap"]>;

  constructor(expression: string, { timezone = "UTC", dst = {} }: CronOptions) {
    const words = wordsOf(expression);
    const sets = setsOf(words, expression);
    this.#expression = words.join(" ");
    this.#calendar = new CronCalendar(sets);
    this.#zone = new Zone(timezone);
    this.timezone = timezone;
    this.#dst = checkedDst(dst);
    this.#hourly = sets.hours.length === 24;
    const interval = this.#hourly || (words[0] ?? "").includes("*");
    this.#overlap = dst.overlap ?? (interval ? "both" : "first");
  }

  next(after: number): number | undefined {
    // Planned times are whole milliseconds.
    const from = Math.max(Math.floor(after) + 1, 0);
    for (let at = from, looked = 0; at <= latest && looked < mostStretches; looked++) {
      const stretch = this.#zone.at(at);
      const found = this.#firstIn(stretch, from);
      if (found !== undefined) return found <= latest ? found : undefined;
      // Nothing here. On to the next stretch, or near the next local time: there is none between, and a time that a later change
      // repeats has been met before.
      const ahead = this.#calendar.next(stretch.end + Math.min(stretch.offset, stretch.after));
      if (ahead === undefined) return undefined;
      at = Math.max(stretch.end, ahead - twoDays);
    }
    return undefined;
  }

  /** The first planned time of a stretch, at or after an instant. */
  #firstIn(stretch: Stretch, from: number): number | undefined {
    const { start, end, offset, before } = stretch;
    if (start >= from && this.#missed(stretch)) return start;
    const repeats = this.#overlap === "first" ? start + Math.max(offset, before) : start + offset;
    const stops = this.#overlap === "second" ? end + Math.min(offset, stretch.after) : end + offset;
    const local = this.#calendar.next(Math.max(from + offset, repeats));
    return local !== undefined && local < stops ? local - offset : undefined;
  }

  /** Did the change of the clock at the start of this stretch jump over a time that is to be made up for? */
  #missed({ start, offset, before }: Stretch): boolean {
    if (before >= offset || this.#dst.gap === "skip") return false;
    if (this.#dst.gap === undefined && this.#hourly && (offset - before) % hour === 0) return false;
    const missed = this.#calendar.next(start + before);
    return missed !== undefined && missed < start + offset;
  }

  toString(): string {
    const zone = this.timezone === "UTC" ? [] : [this.timezone];
    const dst = Object.entries(this.#dst).map(([name, choice]) => `${name}=${choice}`);
    return [this.#expression, ...zone, ...dst].join(" ");
  }

  toJSON(): CronSpec {
    const dst = Object.keys(this.#dst).length === 0 ? {} : { dst: this.#dst };
    return { kind: "cron", expression: this.#expression, timezone: this.timezone, ...dst };
  }
}

function wordsOf(expression: string): readonly string[] {
  if (expression.length > longest) {
    throw scheduleInvalid(
      `cron: an expression of ${String(expression.length)} characters.`,
      `At most ${String(longest)}.`,
    );
  }
  const text = expression.trim().toLowerCase();
  return (macros.get(text) ?? text).split(/\s+/);
}

function setsOf(words: readonly string[], expression: string): CronSets {
  if (words.length !== cronFields.length) {
    throw scheduleInvalid(
      `cron: ${quoted(expression)} has not five fields.`,
      `Write minute, hour, day of month, month and day of week, such as "0 3 * * mon-fri", or one of ${[...macros.keys()].join(", ")}.`,
    );
  }
  const [minutes = [], hours = [], daysOfMonth = [], months = [], daysOfWeek = []] = cronFields.map((field, index) =>
    cronValues(words[index] ?? "", field),
  );
  const sets = { minutes, hours, daysOfMonth, months, daysOfWeek };
  if (isPossible(sets)) return sets;
  throw scheduleInvalid(
    `cron: ${quoted(expression)} names dates that no year has.`,
    "Change the day of month or the month.",
  );
}

/** Only what was chosen, in one order. */
function checkedDst({ gap, overlap }: DstPolicy): DstPolicy {
  if (gap !== undefined && gap !== "run" && gap !== "skip") {
    throw scheduleInvalid(`cron: dst.gap: ${quoted(gap)}.`, 'Write "run" or "skip".');
  }
  if (overlap !== undefined && overlap !== "first" && overlap !== "second" && overlap !== "both") {
    throw scheduleInvalid(`cron: dst.overlap: ${quoted(overlap)}.`, 'Write "first", "second" or "both".');
  }
  return { ...(gap === undefined ? {} : { gap }), ...(overlap === undefined ? {} : { overlap }) };
}
