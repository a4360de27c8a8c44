/**
 * A time zone as stretches of constant offset, taken from Node's own zone data. Local times are milliseconds too: those of a
 * clock in UTC that shows the same. Only offsets count; a change of the abbreviation alone is no change.
 */

import { quoted, scheduleInvalid } from "./schedule-invalid.ts";

/** The last millisecond that a schedule plans: the end of the year 9999, as far as Python's datetime goes. */
export const latest = 253_402_300_799_999;

/** A time without a change of the clock; `start` and `end` may be mere turns of the year, where the offsets are equal. */
export interface Stretch {
  /** Unix ms; the first instant of it. */
  readonly start: number;
  /** Unix ms; the first instant after it. */
  readonly end: number;
  /** Local time minus UTC, in milliseconds; `before` and `after`: that of the neighbours. */
  readonly offset: number;
  readonly before: number;
  readonly after: number;
}

const day = 86_400_000;
/** Two changes of one zone are never closer than this: Morocco's around Ramadan are four weeks apart. */
const step = 7 * day;
/** Years that are kept. Sixty looks at the zone data, some 0.2 ms, make one. */
const kept = 4;
const forever: Stretch = {
  start: Number.NEGATIVE_INFINITY,
  end: Number.POSITIVE_INFINITY,
  offset: 0,
  before: 0,
  after: 0,
};

export class Zone {
  readonly name: string;
  readonly #years = new Map<number, readonly Stretch[]>();

  /** Throws SCHEDULE_INVALID for a zone that Node does not know. */
  constructor(name: string) {
    this.name = name;
    if (!isUtc(name)) offsets(name);
  }

  /** The stretch that an instant of 1970…9999 lies in. */
  at(instant: number): Stretch {
    if (isUtc(this.name)) return forever;
    const year = new Date(instant).getUTCFullYear();
    const found = this.#stretches(year).find(({ end }) => instant < end);
    if (found === undefined) throw new RangeError(`no instant: ${String(instant)}`);
    return found;
  }

  /** When a clock there first shows this local time; where it never does, the first instant after the gap. */
  instant(local: number): number {
    // No zone is farther from UTC than 26 hours, and the earlier of two stretches is met first.
    for (let at = local - 26 * 3_600_000; ;) {
      const stretch = this.at(at);
      if (local < stretch.end + stretch.offset) return Math.max(local - stretch.offset, stretch.start);
      at = stretch.end;
    }
  }

  #stretches(year: number): readonly Stretch[] {
    const known = this.#years.get(year);
    if (known !== undefined) return known;
    const made = stretchesOf(this.name, Date.UTC(year, 0), Date.UTC(year + 1, 0));
    const [oldest] = this.#years.keys();
    if (this.#years.size >= kept && oldest !== undefined) this.#years.delete(oldest);
    this.#years.set(year, made);
    return made;
  }
}

function isUtc(name: string): boolean {
  return name === "UTC" || name === "Etc/UTC";
}

function stretchesOf(name: string, from: number, to: number): readonly Stretch[] {
  const offset = offsets(name);
  const changes: number[] = [];
  for (let at = from; at < to; at += step) {
    const next = Math.min(at + step, to - 1);
    if (offset(at) !== offset(next)) changes.push(changeBetween(at, next, offset));
  }
  const starts = [from, ...changes];
  return starts.map((start, index) => {
    const end = starts[index + 1] ?? to;
    return { start, end, offset: offset(start), before: offset(start - 1), after: offset(end) };
  });
}

/** The first instant of the new offset. */
function changeBetween(before: number, after: number, offset: (instant: number) => number): number {
  let [low, high] = [before, after];
  const old = offset(low);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offset(middle) === old) low = middle;
    else high = middle;
  }
  return high;
}

/** Asks Node's zone data. Made anew for each year that is looked at: a formatter that is kept holds kilobytes for every schedule. */
function offsets(name: string): (instant: number) => number {
  const format = formatter(name);
  return (instant) => {
    const [, sign, hours, minutes, seconds = "0"] =
      /GMT(?:([+-])(\d+):(\d+)(?::(\d+))?)?$/.exec(format.format(instant)) ?? [];
    if (sign === undefined) return 0;
    const size = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
    return sign === "-" ? -size : size;
  };
}

function formatter(name: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat("en-US", { timeZone: name, timeZoneName: "longOffset" });
  } catch (error) {
    throw scheduleInvalid(
      `${quoted(name)} is no time zone that Node knows.`,
      'Write one of the IANA names, such as "Europe/Prague" or "UTC"; Intl.supportedValuesOf("timeZone") lists them.',
      error,
    );
  }
}
