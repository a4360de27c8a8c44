import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { CeleriacError } from "../error/celeriac-error.ts";
import { decodeTaskMeta, encodeTaskMeta, type TaskMetaDraft } from "./outcome.ts";

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const done: TaskMetaDraft = {
  id: "id-1",
  status: "SUCCESS",
  result: { value: 4 },
  traceback: null,
  dateDone: Date.UTC(2030, 0, 2, 3, 4, 5, 678),
};

describe("task meta", () => {
  test("in Celery's order, status first and id last", () => {
    expect(text(encodeTaskMeta(done))).toBe(
      '{"status":"SUCCESS","result":4,"traceback":null,"children":[],"date_done":"2030-01-02T03:04:05.678000+00:00","task_id":"id-1"}',
    );
    const all = { ...done, children: ["c"], group: "g", parent: "p", celeriac: { outcome: "dead", fence: 5 } } as const;
    expect(Object.keys(JSON.parse(text(encodeTaskMeta(all))) as object)).toEqual([
      "status",
      "result",
      "traceback",
      "children",
      "date_done",
      "group_id",
      "parent_id",
      "celeriac",
      "task_id",
    ]);
  });

  test("a result that is JSON already is not touched", () => {
    const json = '{"big": 9007199254740993, "f": 1.0, "é": "\\u00e9"}';
    for (const result of [{ json }, { json: Buffer.from(json) }]) {
      expect(text(encodeTaskMeta({ ...done, result, traceback: "é" }))).toContain(`"result":${json},"traceback":"é"`);
      expect(decodeTaskMeta(encodeTaskMeta({ ...done, result })).result).toEqual({
        big: 9007199254740993n,
        f: 1,
        é: "é",
      });
    }
  });

  test("what is written is read back", () => {
    const unicode = fc.string({ unit: "binary" });
    const id = unicode;
    const meta = fc.record({
      id,
      status: unicode.filter((status) => status !== ""),
      value: fc.oneof(
        unicode,
        fc.constant(null),
        fc.array(fc.integer()),
        fc.bigInt({ min: 2n ** 60n, max: 2n ** 70n }),
      ),
      traceback: fc.option(unicode),
      children: fc.array(id),
      dateDone: fc.option(fc.integer({ min: 0, max: 4e12 })),
      group: fc.option(id, { nil: undefined }),
      parent: fc.option(id, { nil: undefined }),
      celeriac: fc.option(
        fc.record({
          outcome: fc.constantFrom("dead" as const, "expired" as const, undefined),
          fence: fc.option(fc.maxSafeNat(), { nil: undefined }),
        }),
        { nil: undefined },
      ),
    });
    fc.assert(
      fc.property(meta, ({ value, ...sent }) => {
        expect(decodeTaskMeta(encodeTaskMeta({ ...sent, result: { value } }))).toEqual({
          ...sent,
          result: value,
          children: sent.children.map((child) => [[child, null], null]),
          extended: Object.create(null),
        });
      }),
    );
  });

  test("a return of nothing is null, a return of nonsense is named", () => {
    expect(decodeTaskMeta(encodeTaskMeta({ ...done, result: { value: undefined } })).result).toBeNull();
    expect(() => encodeTaskMeta({ ...done, result: { value: { n: [NaN] } } })).toThrow("result.n[0]");
  });

  test("dates with and without a zone", () => {
    const read = (date: string): number | null =>
      decodeTaskMeta(Buffer.from(`{"status":"SUCCESS","date_done":${date}}`)).dateDone;
    expect(read('"2026-11-21T01:20:18.561798"')).toBe(Date.UTC(2026, 10, 21, 1, 20, 18, 561));
    expect(read('"2026-11-21T01:17:36.125702+00:00"')).toBe(Date.UTC(2026, 10, 21, 1, 17, 36, 125));
    expect(read('{"__type__":"datetime","__value__":"2026-11-21T01:17:36+02:00"}')).toBe(
      Date.UTC(2026, 10, 20, 23, 17, 36),
    );
    expect([read("null"), read('"yesterday"'), read("5")]).toEqual([null, null, null]);
  });

  test("groups as children keep their shape; other things are no children", () => {
    const group = [["g", null], [[["a", null], null]]] as const;
    expect(decodeTaskMeta(encodeTaskMeta({ ...done, children: [group] })).children).toEqual([group]);
    expect(decodeTaskMeta(encodeTaskMeta({ ...done, children: null })).children).toBeNull();
    expect(decodeTaskMeta(Buffer.from('{"status":"S","children":[5,[],[["a",null],null]]}')).children).toEqual([
      [["a", null], null],
    ]);
  });

  test("long tables are read, as deep as a task may return them", () => {
    const table = Array.from({ length: 20_000 }, (_, index) => ({ index }));
    expect(decodeTaskMeta(encodeTaskMeta({ ...done, result: { value: table } })).result).toEqual(table);
    let deep: unknown = 1;
    for (let level = 0; level < 64; level += 1) deep = [deep];
    expect(decodeTaskMeta(encodeTaskMeta({ ...done, result: { value: deep } })).result).toEqual(deep);
  });

  test.each([
    "",
    "[]",
    "null",
    "{}",
    '{"status":5}',
    '{"status":""}',
    '{"status":"SUCCESS","result":{"__proto__":{"a":1}}}',
    "[".repeat(5e6),
  ])("what is no task meta is refused (%#)", (raw) => {
    expect(() => decodeTaskMeta(Buffer.from(raw))).toThrow(CeleriacError);
  });

  test("one that is too large is refused for its bytes, before anything of it is read", () => {
    // A text that the reader would take: only its size is wrong.
    const large = Buffer.alloc(128 * 1024 * 1024 + 1, " ");
    large.write('{"status":"SUCCESS","result":1}');
    expect(() => decodeTaskMeta(large)).toThrow(
      expect.objectContaining({ code: "MESSAGE_UNDECODABLE", message: expect.stringMatching(/134217729 bytes/) }),
    );
  });
});
