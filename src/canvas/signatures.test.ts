import { describe, expect, it } from "vitest";
import type { CeleriacError } from "../error/celeriac-error.ts";
import { type AnySignature, Signature, type SignatureParts } from "../task/signature.ts";
import { chain } from "./chain.ts";
import { chord } from "./chord.ts";
import { group } from "./group.ts";
import { chunksOf, mapOf, starmapOf } from "./map.ts";
import { signatureOf } from "./rebuild.ts";

const call = (task: string, parts: Partial<SignatureParts> = {}): Signature<unknown, unknown> =>
  new Signature({ task, args: [], kwargs: {}, immutable: false, ...parts });
const a = call("a");
const b = call("b");
const c = call("c");
const dict = (task: string, options: object = {}): object => ({
  task,
  args: [],
  kwargs: {},
  options,
  subtask_type: null,
  immutable: false,
});
const codeOf = (run: () => unknown): string => {
  try {
    return JSON.stringify(run());
  } catch (error) {
    return (error as CeleriacError).code;
  }
};
/** All options in it, with the tasks they belong to. */
const optionsIn = (signature: AnySignature): [task: string, options: Readonly<Record<string, unknown>>][] => {
  const found: [string, Record<string, unknown>][] = [];
  JSON.stringify(signature, (_, value: { task: string; options?: Record<string, unknown> }) => {
    if (typeof value === "object" && value !== null && value.options !== undefined)
      found.push([value.task, value.options]);
    return value;
  });
  return found;
};

describe("a composite", () => {
  it("keeps its shape", () => {
    const shape = (signature: AnySignature): string => {
      const { task, kwargs } = signature.toJSON();
      const inner = (value: unknown): string => shape(signatureOf(value));
      const { tasks, header, body } = kwargs as { tasks?: unknown[]; header?: unknown[]; body?: unknown };
      if (tasks) return `${task.slice(7)}(${tasks.map(inner).join(" ")})`;
      return header ? `chord(${header.map(inner).join(" ")} | ${inner(body)})` : task;
    };
    expect(shape(chain(a))).toBe("chain(a)");
    expect(shape(chain(chain(a, b), c))).toBe("chain(chain(a b) c)");
    expect(shape(group(group(a, b), c))).toBe("group(group(a b) c)");
    expect(shape(group([]))).toBe("group()");
    expect(shape(chain(group(a, b), c))).toBe("chain(group(a b) c)");
    expect(shape(chord([chord([a], b), c], chain(a, group(b, c))))).toBe("chord(chord(a | b) c | chain(a group(b c)))");
    expect(shape(chunksOf("a", [[1], [2], [3]], 2, {}))).toBe("group(celery.starmap celery.starmap)");
  });

  it("is what Celery writes", () => {
    expect(chain(a, b).toJSON()).toEqual({
      ...dict("celery.chain"),
      kwargs: { tasks: [dict("a"), dict("b")] },
      subtask_type: "chain",
    });
    expect(chord(group(a), b).toJSON()).toEqual({
      ...dict("celery.chord"),
      kwargs: { kwargs: {}, header: [dict("a")], body: dict("b") },
      subtask_type: "chord",
    });
    expect(mapOf("a", [1, { x: 2 }], { queue: "q" }).toJSON()).toEqual({
      ...dict("celery.map", { queue: "q" }),
      kwargs: { task: dict("a"), it: [1, { x: 2 }] },
      immutable: true,
    });
    expect(starmapOf("a", [[1, 2]], {}).toJSON()).toMatchObject({ task: "celery.starmap", kwargs: { it: [[1, 2]] } });
    for (const size of [0, 1.5, Number.NaN])
      expect(codeOf(() => chunksOf("a", [[1]], size, {}))).toBe("CONFIG_INVALID");
  });

  it("is known by its end", () => {
    const named = [chain(a, b), chord([a], b), group(a, b), chain(a, chord([b], c)), chord([a], chain(b, c))].map(
      (each: AnySignature) => each.set({ id: "end", queue: "q" }),
    );
    expect(named.map((each) => each.id)).toEqual(["end", "end", "end", "end", "end"]);
    expect(named.map((each) => optionsIn(each).filter((entry) => JSON.stringify(entry).includes("end")))).toEqual([
      [["b", { task_id: "end" }]],
      [["b", { task_id: "end" }]],
      [["celery.group", { task_id: "end", queue: "q" }]],
      [["c", { task_id: "end" }]],
      [["c", { task_id: "end" }]],
    ]);
    expect(named.map((each) => each.toJSON().options["queue"])).toEqual(["q", "q", "q", "q", "q"]);
    expect(
      [chain(a, group(b)), chord([a], group(b)), chain(group(a), b), chord([a], b)].map((each) => each.endsInGroup),
    ).toEqual([true, true, false, false]);
    // A header with a word of its own is written as a group, or its id would be lost.
    expect(chord(group(a).set({ id: "g" }), b).toJSON().kwargs["header"]).toMatchObject({ options: { task_id: "g" } });
  });

  it("puts callbacks where Celery puts them", () => {
    const e = call("e");
    expect(optionsIn(chain(a, b).link(c).linkError(e))[0]).toEqual([
      "celery.chain",
      { link: [dict("c")], link_error: [dict("e")] },
    ]);
    expect(optionsIn(group(a, b).linkError(e)).filter(([task]) => task !== "e")).toEqual([
      ["celery.group", {}],
      ["a", { link_error: [dict("e")] }],
      ["b", { link_error: [dict("e")] }],
    ]);
    expect(chord([a], b).link(c).linkError(e).toJSON()).toEqual(chord([a], b.link(c).linkError(e)).toJSON());
    const refused = [
      group(a) as AnySignature,
      chain(a, group(b)) as AnySignature,
      chord([a], group(b)) as AnySignature,
    ];
    expect(refused.map((each) => codeOf(() => each.link(c as never)))).toEqual(Array(3).fill("CONFIG_INVALID"));
  });

  it("is stamped through and through", () => {
    const linked = a.link(c).linkError(call("e"));
    const all = chord([linked, chain(b, group(a))], b)
      .stamp({ tenant: 1 })
      .stamp({ tenant: 2, trace: ["x"] });
    const stamped = optionsIn(all).filter(([, options]) => options["stamped_headers"] !== undefined);
    expect(stamped).toHaveLength(6);
    for (const [, options] of stamped)
      expect(options).toMatchObject({ tenant: 2, trace: ["x"], stamped_headers: ["tenant", "trace"] });
    const byTask = group(a, b).stamp(({ task }) => ({ of: task }));
    expect(optionsIn(byTask).slice(1)).toEqual([
      ["a", { of: "a", stamped_headers: ["of"] }],
      ["b", { of: "b", stamped_headers: ["of"] }],
    ]);
    for (const name of ["queue", "task_id", "link", ""])
      expect(codeOf(() => a.stamp({ [name]: 1 }))).toBe("CONFIG_INVALID");
  });

  it("is frozen with all that is in it", () => {
    let made = 0;
    const frozen = chord([a.link(c), chain(a, b.set({ id: "kept" }))], group(b)).freeze(() => `id-${++made}`);
    const ids = optionsIn(signatureOf(frozen)).map(([task, options]) => [task, options["task_id"]]);
    expect(ids).toEqual([
      ["celery.chord", undefined],
      ["celery.group", "id-1"],
      ["a", "id-2"],
      ["c", "id-3"],
      ["celery.chain", undefined],
      ["a", "id-4"],
      ["b", "kept"],
      ["celery.group", "id-5"],
      ["b", "id-6"],
    ]);
  });

  it("never changes what it is made of", () => {
    const before = JSON.stringify([a, b]);
    const made = chain(a, group(b));
    const text = JSON.stringify(made);
    made.set({ id: "x", queue: "q" });
    made.linkError(c);
    made.stamp({ tenant: 1 });
    made.freeze(() => "y");
    expect([JSON.stringify(made), JSON.stringify([a, b])]).toEqual([text, before]);
  });
});

describe("a signature from JSON", () => {
  it("is the same again, with what has no name here", () => {
    const strange = {
      ...dict("a", {
        task_id: "i",
        queue: "q",
        priority: 3,
        countdown: 1.5,
        expires: "2030-01-01T00:00:00+00:00",
        time_limit: 9,
        ignore_result: false,
        reply_to: "r",
        exchange: "x",
        headers: { own: 1 },
        tenant: "t",
        stamped_headers: ["tenant"],
        link: [dict("b")],
        link_error: [dict("c", { link: [dict("d")] })],
      }),
      args: [1, { deep: [2n] }],
      kwargs: { key: "value" },
      subtask_type: "own.kind",
      immutable: true,
    };
    expect(signatureOf(strange).toJSON()).toEqual(strange);
    const shapes = [
      chain(a, b),
      group(a, group(b)),
      chord([a, chain(b)], group(c)),
      mapOf("a", [1], {}),
      a.link(b).stamp({ t: 1 }),
    ];
    for (const shape of shapes) expect(signatureOf(JSON.parse(JSON.stringify(shape))).toJSON()).toEqual(shape.toJSON());
    const chunks = { ...dict("celery.chunks"), kwargs: { task: dict("a"), it: [[1]], n: 1 }, immutable: true };
    expect(signatureOf(chunks).toJSON()).toEqual(chunks);
  });

  it("can be changed as any other", () => {
    const again = signatureOf<ReturnType<typeof chain>>(JSON.parse(JSON.stringify(chain(a, b))));
    expect(again.set({ id: "x" }).linkError(c).toJSON()).toEqual(chain(a, b).set({ id: "x" }).linkError(c).toJSON());
    expect(
      signatureOf(dict("a", { countdown: 2 }))
        .set({ delay: "1s" })
        .toJSON().options,
    ).toEqual({ countdown: 1 });
  });

  it("is refused if it is none", () => {
    for (const wrong of [
      null,
      3,
      "a",
      [],
      {},
      { task: 1 },
      dict(""),
      { ...dict("celery.chain"), kwargs: { tasks: [{}] } },
    ]) {
      expect(codeOf(() => signatureOf(wrong))).toBe("MESSAGE_UNDECODABLE");
    }
    let deep: object = dict("a");
    for (let level = 0; level < 100; level++) deep = { ...dict("celery.group"), kwargs: { tasks: [deep] } };
    expect(codeOf(() => signatureOf(deep))).toBe("MESSAGE_UNDECODABLE");
  });
});
