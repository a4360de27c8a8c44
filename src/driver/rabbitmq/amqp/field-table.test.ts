import {
  array,
  assert,
  bigInt,
  boolean,
  constant,
  date,
  dictionary,
  double,
  letrec,
  maxSafeInteger,
  nat,
  oneof,
  property,
  string,
} from "fast-check";
import { expect, test } from "vitest";
import { CeleriacError } from "../../../error/celeriac-error.ts";
import { ByteReader, SyntaxFault } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import type { FieldTable } from "./client.ts";
import { deepest, readTable, writeTable } from "./field-table.ts";

function encode(table: FieldTable): Buffer {
  const out = new ByteWriter();
  out.limit = 1024 * 1024;
  writeTable(out, table);
  return Buffer.concat(out.take());
}

function decode(bytes: Buffer): Record<string, unknown> {
  const reader = new ByteReader().use(bytes, 0, bytes.length);
  const table = readTable(reader);
  expect(reader.at).toBe(bytes.length);
  return table;
}

/** A table of one field `v`, its tag and value as hex. */
function field(hex: string): Buffer {
  const value = Buffer.from(hex.replaceAll(" ", ""), "hex");
  const head = Buffer.alloc(4);
  head.writeUInt32BE(2 + value.length);
  return Buffer.concat([head, Buffer.from("\x01v", "latin1"), value]);
}

const text = (text: string): string => {
  const bytes = Buffer.from(text);
  return `53 ${bytes.length.toString(16).padStart(8, "0")} ${bytes.toString("hex")}`;
};

/** What py-amqp writes for the same value, byte for byte. */
const written: readonly [unknown, string][] = [
  ["tasks.add", text("tasks.add")],
  ["é", text("é")],
  ["", "53 00000000"],
  [true, "74 01"],
  [false, "74 00"],
  [0, "49 00000000"],
  [5, "49 00000005"],
  [-1, "49 ffffffff"],
  [300, "49 0000012c"],
  [70_000, "49 00011170"],
  [2 ** 31 - 1, "49 7fffffff"],
  [-(2 ** 31) + 1, "49 80000001"],
  [2 ** 31, "4c 0000000080000000"],
  [-(2 ** 31), "4c ffffffff80000000"],
  [2 ** 40, "4c 0000010000000000"],
  [Number.MAX_SAFE_INTEGER, "4c 001fffffffffffff"],
  [Number.MIN_SAFE_INTEGER, "4c ffe0000000000001"],
  [7n, "49 00000007"],
  [2n ** 63n - 1n, "4c 7fffffffffffffff"],
  [-(2n ** 63n), "4c 8000000000000000"],
  [1.5, "64 3ff8000000000000"],
  [1e300, "64 7e37e43c8800759c"],
  [new Date("2026-08-22T10:00:00.900Z"), "54 000000006a897320"],
  [null, "56"],
  [[300, null], "41 00000006 49 0000012c 56"],
  [[], "41 00000000"],
  [{ a: 1 }, "46 00000007 01 61 49 00000001"],
  [{}, "46 00000000"],
  [Buffer.from([1, 255]), "78 00000002 01ff"],
];

test.each(written)("%o is written as Python would", (value, hex) => {
  expect(encode({ v: value }).toString("hex")).toBe(field(hex).toString("hex"));
});

/** Each tag of the specification and of RabbitMQ, at its borders. */
const read: readonly [string, unknown][] = [
  ["74 01", true],
  ["74 00", false],
  ["62 05", 5],
  ["62 ff", -1],
  ["42 ff", 255],
  ["73 012c", 300],
  ["73 ffff", -1],
  ["55 8000", -32_768],
  ["75 ffff", 65_535],
  ["49 ffffffff", -1],
  ["69 ffffffff", 4_294_967_295],
  ["6c 0000010000000000", 2 ** 40],
  ["6c ffffffffffffffff", -1],
  ["4c ffffffff7fffffff", -(2 ** 31) - 1],
  ["4c 001fffffffffffff", Number.MAX_SAFE_INTEGER],
  ["4c 0020000000000000", 2n ** 53n],
  ["4c 8000000000000000", -(2n ** 63n)],
  ["66 3fc00000", 1.5],
  ["64 3ff8000000000000", 1.5],
  ["44 02 0000007b", 1.23],
  ["44 00 ffffffff", -1],
  [text("ü"), "ü"],
  ["41 00000005 73 012c 56 56", [300, null, null]],
  ["54 000000006a897320", new Date("2026-08-22T10:00:00Z")],
  ["46 00000003 01 61 56", { a: null }],
  ["56", null],
  ["78 00000002 01ff", Buffer.from([1, 255])],
];

test.each(read)("tag and value %s are read", (hex, value) => {
  expect({ ...decode(field(hex)) }).toEqual({ v: value });
});

test("what was written is read again, whatever it is", () => {
  const leaf = oneof(
    string({ unit: "grapheme" }),
    boolean(),
    maxSafeInteger(),
    bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }),
    double({ noNaN: true, noDefaultInfinity: true }),
    constant(null),
    date({ min: new Date(0), noInvalidDate: true }).map((date) => new Date(Math.floor(date.getTime() / 1000) * 1000)),
  );
  const { table } = letrec<{ value: unknown; table: Record<string, unknown> }>((tie) => ({
    value: oneof({ depthSize: "small" }, leaf, array(tie("value")), tie("table")),
    table: dictionary(string({ maxLength: 60, unit: "grapheme-ascii" }), tie("value"), {
      noNullPrototype: false,
    }),
  }));
  assert(
    property(table, (value) => {
      expect(decode(encode(value))).toEqual(withoutPrototypes(value));
    }),
  );
});

/** As the reader makes tables; -0 has no place among integers. */
function withoutPrototypes(value: unknown): unknown {
  if (Object.is(value, -0)) return 0;
  if (Array.isArray(value)) return value.map(withoutPrototypes);
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  const table = Object.create(null) as Record<string, unknown>;
  for (const [key, item] of Object.entries(value)) table[key] = withoutPrototypes(item);
  return table;
}

test("a key named __proto__ is a key", () => {
  const hostile = Buffer.from(
    "0000001b095f5f70726f746f5f5f46000000 0c 05 61646d696e 74 01 01 61 74 01".replaceAll(" ", ""),
    "hex",
  );
  hostile.writeUInt32BE(hostile.length - 4);
  const table = decode(hostile);
  expect(Object.getPrototypeOf(table)).toBeNull();
  expect(Object.keys(table)).toEqual(["__proto__"]);
  expect((table as { admin?: unknown }).admin).toBeUndefined();
  expect(({} as { admin?: unknown }).admin).toBeUndefined();
});

test("undefined is left out of a table", () => {
  expect(encode({ a: undefined, v: null })).toEqual(field("56"));
});

test.each([
  ["an unknown tag", field("3f 00"), /unknown type 0x3f/],
  ["a string longer than what follows", field("53 ffffffff 61"), /4294967295 bytes should follow, but only 1 do/],
  ["a string past its table", field("46 00000007 01 61 53 00000009 62"), /9 bytes should follow/],
  ["a table longer than what follows", field("46 7fffffff"), /a table of 2147483647 bytes/],
  ["an array longer than what follows", field("41 00000002 56"), /a table of 2 bytes/],
  ["an integer cut short", field("49 0000"), /4 bytes should follow, but only 2 do/],
  ["a date beyond all dates", field("54 ffffffffffffffff"), /beyond what a date can hold/],
  ["a key without a value", Buffer.from("000000020176", "hex"), /1 bytes should follow, but only 0 do/],
  ["a key longer than its table", Buffer.from("00000002ff76", "hex"), /255 bytes should follow/],
  ["nothing", Buffer.alloc(0), /4 bytes should follow/],
])("%s is a fault", (_name, bytes, message) => {
  expect(() => decode(bytes)).toThrow(SyntaxFault);
  expect(() => decode(bytes)).toThrow(message);
});

function attempt(run: () => unknown): unknown {
  try {
    run();
    return "read";
  } catch (error) {
    return error;
  }
}

test("no cut and no flipped byte does more than fault", () => {
  const whole = encode({ task: "tasks.add", timelimit: [300, null], stamps: { a: [1n << 60n, 1.5] }, at: new Date(0) });
  assert(
    property(nat(whole.length - 1), nat(255), boolean(), (at, byte, cut) => {
      const bytes = Buffer.from(cut ? whole.subarray(0, at) : whole);
      if (!cut) bytes[at] = byte;
      const reader = new ByteReader().use(bytes, 0, bytes.length);
      const ending = attempt(() => readTable(reader));
      expect(ending === "read" || ending instanceof SyntaxFault).toBe(true);
    }),
  );
});

test.each([
  ["tables", "46"],
  ["lists", "41"],
])("%s in each other are read to a depth, and no deeper", (_name, tag) => {
  const nest = (depth: number): Buffer => {
    let inner = Buffer.alloc(0);
    for (let level = 0; level < depth; level++) {
      const head = Buffer.from(`${tag}00000000`, "hex");
      head.writeUInt32BE(inner.length, 1);
      inner = Buffer.concat([Buffer.from(tag === "46" ? "0161" : "", "hex"), head, inner]);
    }
    const bytes = tag === "46" ? inner : Buffer.concat([Buffer.from("0161", "hex"), inner]);
    const size = Buffer.alloc(4);
    size.writeUInt32BE(bytes.length);
    return Buffer.concat([size, bytes]);
  };
  expect(() => decode(nest(deepest))).not.toThrow();
  expect(() => decode(nest(deepest + 1))).toThrow(/deep/);
  expect(() => decode(nest(1000))).toThrow(SyntaxFault);
});

test("what has no place in a table is refused by name", () => {
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  for (const value of [
    () => 1,
    Symbol("s"),
    2n ** 63n,
    circle,
    new Date(Number.NaN),
    new Date(-1),
    Number.NaN,
    Infinity,
  ])
    expect(() => encode({ v: value })).toThrow(CeleriacError);
  expect(() => encode({ ["k".repeat(256)]: 1 })).toThrow(/header name/);
  expect(() => encode({ ["é".repeat(128)]: 1 })).toThrow(/255 bytes/);
  expect(() => encode({ v: "x".repeat(2 ** 20 + 1) })).toThrow(/one frame/);
});
