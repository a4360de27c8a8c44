/** Rows on what a call carries: arguments, the values that JSON has and lacks, in both generations of kombu's codec. */

import assert from "node:assert/strict";
import { Decimal, PlainDate, PlainTime, Uuid } from "../../../src/index.ts";
import type { Behaviour } from "../behaviour.ts";
import { patience, type Stage } from "../stage.ts";

const nested = { list: [1, 2.5, null, true, { deep: [[]] }], empty: {}, text: 'quotes " and \\ and \u0007' };
const unicode = "héllo wörld, 日本語, 🌍, \u0000\u2028\ud7ff";

export const values: readonly Behaviour[] = [
  {
    name: "args and kwargs",
    direction: "TypeScript → Python",
    async run(stage) {
      assert.equal(await stage.answer("py.add", [2, 3]), 5);
      assert.equal(await stage.answer("py.add", [], {}, { x: 2, y: 3 }), 5);
      assert.equal(await stage.answer("py.add", [2], {}, { y: 4 }), 6);
      const add = stage.app.remote<(x: number, y?: number) => number>("py.add", { queue: "py" });
      assert.equal(await (await add.delay(1)).get({ timeout: patience }), 11);
      await assert.rejects(stage.answer("py.add", [1, 2, 3]), { type: "TypeError", module: "builtins" });
    },
  },
  {
    name: "args and kwargs",
    direction: "Python → TypeScript",
    async run({ python }) {
      assert.equal(await python.run("send('ts.add', (2, 3)).get(timeout=100)"), 5);
      assert.equal(await python.run("send('ts.add', (), {'x': 2, 'y': 3}).get(timeout=100)"), 5);
      assert.equal(await python.run("send('ts.add', (2,), {'y': 4}).get(timeout=100)"), 6);
      assert.equal(await python.run("send('ts.add', (2,)).get(timeout=100)"), 12);
      const wrong = python.run("send('ts.add', (1, 2, 3)).get(timeout=100)");
      await assert.rejects(wrong, { type: "builtins.TypeError" });
    },
  },
  {
    name: "JSON values, unicode, nesting",
    direction: "TypeScript → Python",
    async run(stage) {
      assert.deepEqual(await stage.answer("py.echo", [nested, unicode], {}, { deep: nested }), {
        args: [nested, unicode],
        kwargs: { deep: nested },
      });
      assert.deepEqual(await stage.answer("py.kinds", [1, 1.5, true, null, "a", [], {}]), [
        "1",
        "1.5",
        "True",
        "None",
        "'a'",
        "[]",
        "{}",
      ]);
    },
  },
  {
    name: "JSON values, unicode, nesting",
    direction: "Python → TypeScript",
    async run({ python }) {
      const same =
        "r = send('ts.echo', (given, 'é🌍'), {'k': given}).get(timeout=100); r == {'args': [given, 'é🌍'], 'kwargs': {'k': given}}";
      assert.equal(await python.run(same, { nested, unicode }), true);
      const kinds = await python.run("send('ts.kinds', (1, 1.5, True, None, 'a', [], {}, 1.0)).get(timeout=100)");
      assert.deepEqual(kinds, ["1", "1.5", "true", "null", "'a'", "[]", "{}", "1"]);
    },
  },
  {
    name: "integers of any size",
    direction: "TypeScript → Python",
    async run(stage) {
      assert.deepEqual(await stage.answer("py.kinds", [2n ** 70n, -(2n ** 63n), 9007199254740991]), [
        "1180591620717411303424",
        "-9223372036854775808",
        "9007199254740991",
      ]);
      assert.equal(await stage.answer("py.make", ["2**53 + 1"]), 2n ** 53n + 1n);
    },
  },
  {
    name: "integers of any size",
    direction: "Python → TypeScript",
    async run({ python }) {
      assert.deepEqual(await python.run("send('ts.kinds', (2**70, 2**53 + 1, 2**53 - 1)).get(timeout=100)"), [
        "bigint 1180591620717411303424",
        "bigint 9007199254740993",
        "9007199254740991",
      ]);
      assert.equal(await python.run("send('ts.make', ('bigint',)).get(timeout=100) == 2**70"), true);
    },
  },
  {
    name: "dates, times, decimals, uuids, bytes",
    direction: "TypeScript → Python",
    async run(stage) {
      const args = [
        new Date("2030-01-02T03:04:05.678Z"),
        new PlainDate("2030-01-02"),
        new PlainTime("03:04:05.678901"),
        new Decimal("1.10"),
        new Uuid("12345678-1234-5678-1234-567812345678"),
        new Uint8Array([255, 0]),
      ];
      assert.deepEqual(await stage.answer("py.kinds", args), isOld(stage) ? taggedAsDicts : pythonKinds);
      for (const [source, old, now] of made) {
        assert.deepEqual(await stage.answer("py.make", [source]), isOld(stage) ? old : now);
      }
    },
  },
  {
    name: "dates, times, decimals, uuids, bytes",
    direction: "Python → TypeScript",
    async run(stage) {
      const { python } = stage;
      await python.run("import datetime, decimal, uuid\nutc = datetime.timezone.utc");
      const call =
        "send('ts.kinds', (datetime.datetime(2030, 1, 2, 3, 4, 5, 678000, tzinfo=utc), datetime.date(2030, 1, 2)," +
        " datetime.time(3, 4, 5, 678901), decimal.Decimal('1.10'), uuid.UUID(int=1))).get(timeout=100)";
      assert.deepEqual(
        await python.run(call),
        isOld(stage)
          ? [
              "'2030-01-02T03:04:05.678000Z'",
              "'2030-01-02T00:00:00'",
              "'03:04:05.678901'",
              "'1.10'",
              "'00000000-0000-0000-0000-000000000001'",
            ]
          : [
              "Date 2030-01-02T03:04:05.678Z",
              "PlainDate 2030-01-02",
              "PlainTime 03:04:05.678901",
              "Decimal 1.10",
              "Uuid 00000000-0000-0000-0000-000000000001",
            ],
      );
      for (const [name, old, now] of returned) {
        assert.equal(
          await python.run("repr(send('ts.make', (given,)).get(timeout=100))", name),
          isOld(stage) ? old : now,
        );
      }
      const bytes = python.run("send('ts.kinds', (b'\\xff\\x00', b'abc')).get(timeout=100)");
      if (isOld(stage)) await assert.rejects(bytes, { type: "kombu.exceptions.EncodeError" });
      else assert.deepEqual(await bytes, ["Uint8Array ff00", "Uint8Array 616263"]);
    },
  },
  {
    name: "NaN and infinity come from Python, and are refused on the way there",
    direction: "TypeScript → Python",
    async run(stage) {
      await assert.rejects(stage.call("py.echo", [Number.NaN]), { code: "NOT_SERIALIZABLE" });
      assert.deepEqual(await stage.answer("py.make", ["[math.nan, -math.inf]"]), [
        Number.NaN,
        Number.NEGATIVE_INFINITY,
      ]);
    },
  },
  {
    name: "NaN and infinity come from Python, and are refused on the way there",
    direction: "Python → TypeScript",
    async run({ python }) {
      const args = "(float('nan'), float('-inf'))";
      assert.deepEqual(await python.run(`send('ts.kinds', ${args}).get(timeout=100)`), ["NaN", "-Infinity"]);
      const echo = python.run(`send('ts.echo', ${args}).get(timeout=100)`);
      await assert.rejects(echo, { name: "PythonError", text: /cannot be written as JSON: it is NaN/ });
    },
  },
];

/** kombu before 5.3 knows no tags: it sends such values as text, and sees ours as the dicts that they are in JSON. */
function isOld(stage: Stage): boolean {
  return stage.place.release.name === "5.2";
}

const pythonKinds = [
  "datetime.datetime(2030, 1, 2, 3, 4, 5, 678000, tzinfo=datetime.timezone.utc)",
  "datetime.date(2030, 1, 2)",
  "datetime.time(3, 4, 5, 678901)",
  "Decimal('1.10')",
  "UUID('12345678-1234-5678-1234-567812345678')",
  "b'\\xff\\x00'",
];
const taggedAsDicts = [
  "{'__type__': 'datetime', '__value__': '2030-01-02T03:04:05.678000+00:00'}",
  "{'__type__': 'date', '__value__': '2030-01-02'}",
  "{'__type__': 'time', '__value__': '03:04:05.678901'}",
  "{'__type__': 'decimal', '__value__': '1.10'}",
  "{'__type__': 'uuid', '__value__': {'hex': '12345678123456781234567812345678'}}",
  "{'__type__': 'base64', '__value__': '/wA='}",
];
/** What a Python task returns, and what a caller here gets of it from kombu 5.2 and from newer ones. */
const made: readonly (readonly [source: string, old: unknown, now: unknown])[] = [
  [
    "datetime.datetime(2030, 1, 2, 3, 4, 5, 678000, tzinfo=datetime.timezone.utc)",
    "2030-01-02T03:04:05.678000Z",
    new Date("2030-01-02T03:04:05.678Z"),
  ],
  ["datetime.date(2030, 1, 2)", "2030-01-02T00:00:00", new PlainDate("2030-01-02")],
  ["datetime.time(3, 4, 5)", "03:04:05", new PlainTime("03:04:05")],
  ["decimal.Decimal('1.10')", "1.10", new Decimal("1.10")],
  [
    "uuid.UUID('12345678-1234-5678-1234-567812345678')",
    "12345678-1234-5678-1234-567812345678",
    new Uuid("12345678-1234-5678-1234-567812345678"),
  ],
];
/** What `ts.make` returns, and what Python prints of it. */
const returned: readonly (readonly [name: string, old: string, now: string])[] = [
  "datetime",
  "date",
  "time",
  "decimal",
  "uuid",
  "bytes",
].map((name, index) => [name, taggedAsDicts[index] ?? "", pythonKinds[index] ?? ""] as const);
