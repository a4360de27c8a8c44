/** From sound inputs to hostile ones: bits flipped, parts cut, repeated and exchanged, and the words put in that parsers trip over. */

import { type Arbitrary, array, constantFrom, double, integer, oneof, record, uint8Array } from "fast-check";

const words = [
  '"__proto__":{"admin":1},',
  '{"__proto__":null}',
  '"constructor":{"prototype":{}},',
  '"toString":1,',
  '{"__type__":"datetime","__value__":"x"}',
  '{"__type__":"base64","__value__":"####"}',
  '{"__type__":"decimal","__value__":"1e9999999"}',
  "[".repeat(100),
  '{"a":'.repeat(70),
  "]".repeat(80),
  "NaN",
  "-Infinity",
  "1e999",
  "-0",
  "9".repeat(400),
  "null",
  "[]",
  "{}",
  '""',
  ",",
  ":",
  '"',
  "\\",
  "\\ud800",
  "\\u0000",
  "\u0000",
  "\r\n",
  "\u001b[2J",
  "\u202e",
  "😀",
  "__proto__",
  "constructor",
  "../../x",
  "%00",
  "@",
  "//",
  "*/0",
  "%s%n",
  "a".repeat(5000),
].map((word) => Buffer.from(word));

interface Step {
  readonly kind: "flip" | "cut" | "drop" | "repeat" | "put" | "overwrite" | "move" | "graft" | "rename";
  /** Where, as a share of the whole. */
  readonly at: number;
  readonly length: number;
  readonly bytes: Uint8Array;
  /** What a member of a JSON text becomes. */
  readonly value: unknown;
}

const values: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  Number.MAX_SAFE_INTEGER,
  "",
  "x",
  "__proto__",
  "x".repeat(3000),
  "\u0000",
  [],
  {},
  [[]],
  [null],
  [1, [2, [3]]],
  { a: 1 },
  { length: -1 },
  { toJSON: 1, then: 1, toString: 1, valueOf: null },
  { __type__: "bytes", __value__: 1 },
  { __type__: "datetime", __value__: "9999-99-99T99:99:99" },
  { task: 1, args: {}, kwargs: [], options: [], subtask_type: 3 },
];

const share = double({ min: 0, max: 1, noNaN: true });
const step: Arbitrary<Step> = record({
  kind: constantFrom("flip", "cut", "drop", "repeat", "put", "overwrite", "move", "graft", "graft", "rename"),
  at: share,
  length: integer({ min: 1, max: 64 }),
  value: constantFrom(...values),
  bytes: oneof(constantFrom(...words), uint8Array({ minLength: 1, maxLength: 8 })),
});

/** Inputs made from these, some of them left as they are. */
export function hostile(samples: readonly Uint8Array[]): Arbitrary<Uint8Array> {
  const made = record({ sample: constantFrom(...samples), steps: array(step, { maxLength: 6 }) }).map(
    ({ sample, steps }) => steps.reduce<Uint8Array>(changed, sample),
  );
  return oneof({ weight: 9, arbitrary: made }, { weight: 1, arbitrary: uint8Array({ maxLength: 200 }) });
}

/** One member of a JSON text exchanged for another value, or called by another name; what is no JSON stays as it is. */
function grafted(bytes: Uint8Array, at: number, value: unknown, name: string | undefined): Uint8Array {
  let root: unknown;
  try {
    root = JSON.parse(Buffer.from(bytes).toString()) as unknown;
  } catch {
    return bytes;
  }
  const places: [holder: Record<string, unknown>, key: string][] = [];
  const visit = (holder: unknown): void => {
    if (typeof holder !== "object" || holder === null) return;
    for (const key of Object.keys(holder)) {
      places.push([holder as Record<string, unknown>, key]);
      visit((holder as Record<string, unknown>)[key]);
    }
  };
  visit(root);
  const place = places[Math.min(places.length - 1, Math.floor(at * places.length))];
  if (place === undefined) return bytes;
  const [holder, key] = place;
  if (name === undefined || Array.isArray(holder)) holder[key] = value;
  else
    Object.defineProperty(holder, name, { value: holder[key], enumerable: true, configurable: true, writable: true });
  return Buffer.from(JSON.stringify(root));
}

function changed(bytes: Uint8Array, { kind, at, length, bytes: given, value }: Step): Uint8Array {
  const from = Math.floor(at * bytes.length);
  const until = Math.min(bytes.length, from + length);
  const [before, part, after] = [bytes.subarray(0, from), bytes.subarray(from, until), bytes.subarray(until)];
  switch (kind) {
    case "flip":
      return Buffer.concat([before, part.map((byte, index) => byte ^ (given[index % given.length] ?? 1)), after]);
    case "cut":
      return before;
    case "drop":
      return Buffer.concat([before, after]);
    case "repeat":
      return Buffer.concat([before, ...Array.from({ length: Math.min(length, 20) }, () => part), after]);
    case "put":
      return Buffer.concat([before, given, part, after]);
    case "overwrite":
      return Buffer.concat([before, given, after]);
    case "graft":
      return grafted(bytes, at, value, undefined);
    case "rename":
      return grafted(bytes, at, value, ["__proto__", "constructor", "length", "0", "toString", ""][length % 6] ?? "x");
    case "move":
      return Buffer.concat([after, part, before]);
  }
}
