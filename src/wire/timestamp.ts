/**
 * Times as Celery writes and reads them. Written with exactly six fraction digits and `+00:00`, because Celery < 5.3.5 takes
 * `.678Z` for 678 microseconds. Read in every form Python emits; without a zone it is UTC.
 */

const iso =
  /^(\d{4})-?(\d{2})-?(\d{2})(?:[T ](\d{2})(?::?(\d{2})(?::?(\d{2})(?:[.,](\d{1,12}))?)?)?\s?(Z|z|[+-]\d{2}(?::?\d{2}(?::?\d{2}(?:\.\d{1,6})?)?)?)?)?$/;
/** Python's datetime.min and datetime.max. */
const first = -62_135_596_800_000;
const last = 253_402_300_799_999;

/** Throws RangeError for a moment outside the years 1…9999, which no Python datetime can hold. */
export function formatTimestamp(ms: number): string {
  if (!(ms >= first && ms <= last)) throw new RangeError(`not a moment between the years 1 and 9999: ${ms}`);
  return `${new Date(ms).toISOString().slice(0, 23)}000+00:00`;
}

/** Unix milliseconds, cut (not rounded) to whole ones; `undefined` if the text is no valid time. */
export function parseTimestamp(text: string): number | undefined {
  const match = text.length <= 50 ? iso.exec(text) : null;
  if (match === null) return undefined;
  const [, years, months, days, hours = "0", minutes = "0", seconds = "0", fraction = "", zone = "Z"] = match;
  const year = Number(years);
  const month = Number(months);
  const day = Number(days);
  const hour = Number(hours);
  const minute = Number(minutes);
  const second = Number(seconds);
  if (year < 1 || hour > 23 || minute > 59 || second > 59) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1) return undefined; // a day beyond its month runs into another
  const millis = Number(fraction.slice(0, 3).padEnd(3, "0"));
  const offset = offsetMillis(zone);
  if (offset === undefined) return undefined;
  return date.getTime() + ((hour * 60 + minute) * 60 + second) * 1000 + millis - offset;
}

function offsetMillis(zone: string): number | undefined {
  if (zone === "Z" || zone === "z") return 0;
  const digits = zone.slice(1).replaceAll(":", "");
  const hours = Number(digits.slice(0, 2));
  const minutes = Number(digits.slice(2, 4) || "0");
  const seconds = Number(digits.slice(4) || "0");
  if (hours > 23 || minutes > 59 || seconds >= 60) return undefined;
  const size = Math.trunc(((hours * 60 + minutes) * 60 + seconds) * 1000);
  return zone.startsWith("-") ? -size : size;
}
