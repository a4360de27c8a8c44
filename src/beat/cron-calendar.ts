/**
 * The local minutes that five fields name, on a calendar without zones: all fields must hold (Celery's AND, not the OR of
 * Vixie's cron for the two day fields). Searches by months and days, so that the rarest is found in microseconds.
 */

export interface CronSets {
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly daysOfMonth: readonly number[];
  readonly months: readonly number[];
  /** 0 is Sunday. */
  readonly daysOfWeek: readonly number[];
}

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
/** The longest that each month can be. */
const lengths: readonly number[] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
/** After so many years the calendar is the same to the day of the week. */
const cycle = 400;

export class CronCalendar {
  readonly #minutes: Steps;
  readonly #hours: Steps;
  readonly #months: Steps;
  readonly #daysOfMonth: ReadonlySet<number>;
  readonly #daysOfWeek: ReadonlySet<number>;
  /** Milliseconds from midnight to the first minute of a day. */
  readonly #first: number;

  constructor(sets: CronSets) {
    this.#minutes = steps(sets.minutes, 60);
    this.#hours = steps(sets.hours, 24);
    this.#months = steps(sets.months, 13);
    this.#daysOfMonth = new Set(sets.daysOfMonth);
    this.#daysOfWeek = new Set(sets.daysOfWeek);
    this.#first = (sets.hours[0] ?? 0) * hour + (sets.minutes[0] ?? 0) * minute;
  }

  /** The first minute at or after a local time. */
  next(from: number): number | undefined {
    const at = Math.ceil(from / minute) * minute;
    const today = Math.floor(at / day);
    if (this.#has(today)) {
      const found = this.#inDay(at - today * day);
      if (found !== undefined) return today * day + found;
    }
    const later = this.#dayFrom(today + 1);
    return later === undefined ? undefined : later * day + this.#first;
  }

  /** From a time of day to the first minute at or after it in the same day; both in ms from midnight. */
  #inDay(from: number): number | undefined {
    const hourNow = Math.floor(from / hour);
    if (this.#hours[hourNow] === hourNow) {
      const found = this.#minutes[(from - hourNow * hour) / minute];
      if (found !== undefined) return hourNow * hour + found * minute;
    }
    const later = this.#hours[hourNow + 1];
    return later === undefined ? undefined : later * hour + (this.#minutes[0] ?? 0) * minute;
  }

  /** Days since 1970, as all days here. */
  #has(days: number): boolean {
    const date = new Date(days * day);
    return this.#months[date.getUTCMonth() + 1] === date.getUTCMonth() + 1 && this.#hasDay(date.getUTCDate(), days);
  }

  #hasDay(dayOfMonth: number, days: number): boolean {
    return this.#daysOfMonth.has(dayOfMonth) && this.#daysOfWeek.has((((days + 4) % 7) + 7) % 7);
  }

  #dayFrom(days: number): number | undefined {
    const date = new Date(days * day);
    let dayOfMonth = date.getUTCDate();
    let month = date.getUTCMonth() + 1;
    const year = date.getUTCFullYear();
    for (let y = year; y <= year + cycle; y++) {
      for (let m = this.#months[month]; m !== undefined; m = this.#months[m + 1]) {
        if (m !== month) dayOfMonth = 1;
        const first = Date.UTC(y, m - 1) / day;
        const length = Date.UTC(y, m) / day - first;
        for (let d = dayOfMonth; d <= length; d++) {
          if (this.#hasDay(d, first + d - 1)) return first + d - 1;
        }
      }
      dayOfMonth = 1;
      month = 1;
    }
    return undefined;
  }
}

/** False for a date that no year has, such as 30 February. Every date there is falls on every day of the week in some year. */
export function isPossible({ months, daysOfMonth }: CronSets): boolean {
  return months.some((month) => daysOfMonth.some((date) => date <= (lengths[month - 1] ?? 0)));
}

/** For each number, the first value that is not smaller. */
type Steps = readonly (number | undefined)[];

function steps(values: readonly number[], size: number): Steps {
  return Array.from({ length: size }, (_, from) => values.find((value) => value >= from));
}
