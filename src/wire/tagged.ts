/**
 * Values that JSON lacks, as kombu ≥ 5.3 tags them: `{"__type__": "date", "__value__": "2030-01-02"}`. Older peers send
 * plain strings instead, which stay strings. Unknown tags stay the objects they are.
 */

import { Buffer } from "node:buffer";

import { formatTimestamp, parseTimestamp } from "./timestamp.ts";

const dateText = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/;
const timeText =
  /^(?:[01]\d|2[0-3])(?::[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?)?(?:Z|[+-]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)?$/;
const decimalText = /^[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|Infinity|s?NaN\d*)$/;
const uuidText = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const base64Text = /^[A-Za-z0-9+/\s]*={0,2}\s*$/;

/**
 * A calendar day without time or zone: Python's `datetime.date`. `text` is `2030-01-02`. Throws RangeError for other texts.
 *
 * @example
 * ```ts
 * import { PlainDate } from "celeriac";
 * const report = app.task("report.write", async (input: { day: PlainDate }) => String(input.day));
 * await report.delay({ day: new PlainDate("2030-01-02") }); // Python gets a datetime.date
 * ```
 */
export class PlainDate {
  readonly text: string;
  constructor(text: string) {
    if (!dateText.test(text)) throw new RangeError(`not a date: ${quoted(text)}; expected YYYY-MM-DD`);
    this.text = text;
  }
  toString(): string {
    return this.text;
  }
}

/**
 * A time of day: Python's `datetime.time`. `text` is `03:04:05.678901`, perhaps with an offset. Throws RangeError for other texts.
 *
 * @example
 * ```ts
 * import { PlainTime } from "celeriac";
 * const remind = app.task("remind", async (input: { at: PlainTime }) => String(input.at));
 * await remind.delay({ at: new PlainTime("08:30:00") }); // Python gets a datetime.time
 * ```
 */
export class PlainTime {
  readonly text: string;
  constructor(text: string) {
    if (!timeText.test(text)) throw new RangeError(`not a time of day: ${quoted(text)}; expected HH:MM:SS.ffffff`);
    this.text = text;
  }
  toString(): string {
    return this.text;
  }
}

/**
 * An exact decimal number: Python's `decimal.Decimal`. `text` keeps every digit, `1.10` included. Throws RangeError for other texts.
 *
 * @example
 * ```ts
 * import { Decimal } from "celeriac";
 * const pay = app.task("card.pay", async (bill: { amount: Decimal }) => String(bill.amount));
 * await pay.delay({ amount: new Decimal("1.10") }); // Python gets Decimal("1.10")
 * ```
 */
export class Decimal {
  readonly text: string;
  constructor(text: string) {
    if (!decimalText.test(text)) throw new RangeError(`not a decimal number: ${quoted(text)}`);
    this.text = text;
  }
  toString(): string {
    return this.text;
  }
}

/**
 * Python's `uuid.UUID`. `text` is lower case with dashes; given with or without them. Throws RangeError for other texts.
 *
 * @example
 * ```ts
 * import { Uuid } from "celeriac";
 * const close = app.task("account.close", async (input: { account: Uuid }) => String(input.account));
 * await close.delay({ account: new Uuid("0190c2d2-7f00-7000-8000-000000000001") });
 * ```
 */
export class Uuid {
  readonly text: string;
  constructor(text: string) {
    const lower = text.toLowerCase();
    const dashed = /^[0-9a-f]{32}$/.test(lower)
      ? `${lower.slice(0, 8)}-${lower.slice(8, 12)}-${lower.slice(12, 16)}-${lower.slice(16, 20)}-${lower.slice(20)}`
      : lower;
    if (!uuidText.test(dashed)) throw new RangeError(`not a UUID: ${quoted(text)}`);
    this.text = dashed;
  }
  toString(): string {
    return this.text;
  }
}

export interface TaggedValue {
  readonly __type__: string;
  readonly __value__: unknown;
}

/** The tagged form of a value that has one. Throws RangeError for a date that no Python datetime can hold. */
export function tagValue(value: object): TaggedValue | undefined {
  if (value instanceof Date) return { __type__: "datetime", __value__: formatTimestamp(value.getTime()) };
  if (value instanceof Uint8Array) {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    return { __type__: "base64", __value__: bytes.toString("base64") };
  }
  if (value instanceof PlainDate) return { __type__: "date", __value__: value.text };
  if (value instanceof PlainTime) return { __type__: "time", __value__: value.text };
  if (value instanceof Decimal) return { __type__: "decimal", __value__: value.text };
  if (value instanceof Uuid) return { __type__: "uuid", __value__: { hex: value.text.replaceAll("-", "") } };
  return undefined;
}

/** The value behind a tag; `undefined` for a tag that is not kombu's own. Throws RangeError if it does not fit its tag. */
export function reviveTagged(type: unknown, value: unknown): object | undefined {
  switch (type) {
    case "datetime": {
      const time = parseTimestamp(string(type, value));
      if (time === undefined) throw new RangeError(`not a datetime: ${quoted(string(type, value))}`);
      return new Date(time);
    }
    case "date":
      return new PlainDate(string(type, value));
    case "time":
      return new PlainTime(string(type, value));
    case "decimal":
      return new Decimal(string(type, value));
    case "uuid": {
      const hex = typeof value === "object" && value !== null && "hex" in value ? value.hex : value;
      return new Uuid(string(type, hex));
    }
    case "bytes":
      return new TextEncoder().encode(string(type, value));
    case "base64": {
      const text = string(type, value);
      if (!base64Text.test(text)) throw new RangeError("not base64");
      // A plain Uint8Array: Buffer compares, prints and serialises differently, and may share its memory with others.
      return new Uint8Array(Buffer.from(text, "base64"));
    }
    default:
      return undefined;
  }
}

function string(type: string, value: unknown): string {
  if (typeof value !== "string") throw new RangeError(`a tagged ${type} needs text`);
  return value;
}
function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
