import { describe, expect, test } from "vitest";

import { CeleriacError } from "../error/celeriac-error.ts";
import { applyPartial, readSignature } from "./signature.ts";

const signature = readSignature({
  task: "a.b",
  args: [3],
  kwargs: { x: 1, y: 1 },
  options: { queue: "q", group_id: "g", tenant: "t1", stamped_headers: ["tenant"] },
});

describe("reading", () => {
  test("missing members have Celery's defaults", () => {
    const bare = { task: "a.b", args: [], kwargs: {}, options: {}, subtask_type: null, immutable: false };
    expect(readSignature({ task: "a.b" })).toEqual(bare);
    expect(readSignature({ task: "a.b", args: null, kwargs: null, options: null, extra: 1 })).toEqual(bare);
    expect(
      readSignature({ task: "celery.chord", subtask_type: "chord", immutable: true, chord_size: 2 }),
    ).toMatchObject({
      subtask_type: "chord",
      immutable: true,
      chord_size: 2,
    });
  });

  test.each([
    null,
    5,
    "a.b",
    [],
    {},
    { task: "" },
    { task: 5 },
    { task: "a", args: {} },
    { task: "a", kwargs: [] },
    { task: "a", options: 5 },
    { task: "a", kwargs: new Date() },
  ])("refuses %j", (value) => {
    expect(() => readSignature(value)).toThrow(CeleriacError);
  });
});

describe("applying", () => {
  test("arguments go in front, keywords over its own", () => {
    const applied = applyPartial(signature, [1, 2], { y: 2, z: 2 });
    expect(applied).toMatchObject({ args: [1, 2, 3], kwargs: { x: 1, y: 2, z: 2 } });
    expect(signature).toMatchObject({ args: [3], kwargs: { x: 1, y: 1 } });
  });

  test("an immutable one takes options only", () => {
    const immutable = readSignature({ ...signature, immutable: true });
    expect(applyPartial(immutable, [1], { y: 2 }, { queue: "r" })).toMatchObject({
      args: [3],
      kwargs: { x: 1, y: 1 },
      options: { queue: "r" },
    });
  });

  test("group and stamps do not change once set", () => {
    const { options } = applyPartial(signature, [], {}, { queue: "r", group_id: "h", tenant: "t2", priority: 1 });
    expect(options).toEqual({ queue: "r", group_id: "g", tenant: "t1", stamped_headers: ["tenant"], priority: 1 });
    expect(applyPartial(readSignature({ task: "a" }), [], {}, { group_id: "h" }).options).toEqual({ group_id: "h" });
  });
});
