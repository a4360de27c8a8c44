import { describe, expect, it } from "vitest";
import type { Signature } from "../wire/signature.ts";
import { chainOf, chordOf, groupOf, partsOf } from "./composite.ts";
import { freeze } from "./freeze.ts";
import { type Plan, planOf } from "./plan.ts";
import { childrenIn } from "./result-node.ts";

const call = (id: string, options: Signature["options"] = {}): Signature => ({
  task: `t.${id}`,
  args: [],
  kwargs: {},
  options: { task_id: id, ...options },
  subtask_type: null,
  immutable: false,
});
const newId = (role: string): string => `<${role}>`;
const plan = (signature: Signature, rest: readonly Signature[] = []): Plan =>
  planOf(freeze(signature, newId, "w"), { newId, role: "w", rest });
const errback = call("told");
const ids = (signatures: readonly Signature[]): readonly unknown[] =>
  signatures.map(({ options }) => options["task_id"]);
const errorsIn = (signature: Signature | undefined): unknown => signature?.options["link_error"];

describe("what follows a chord", () => {
  const members = groupOf([call("a"), call("b")], { task_id: "g" });

  it.each([
    ["in a chain with it", plan(chainOf([chordOf(members, call("body")), call("x"), call("y")]))],
    ["in a chain with its group", plan(chainOf([members, call("body"), call("x"), call("y")]))],
    ["in the rest of a chain", plan(chordOf(members, call("body")), [call("y"), call("x")])],
    ["in the rest, for a part", plan(chordOf(members, chainOf([call("body"), call("x")])), [call("y")])],
  ])("is a part of its body, %s: who fails that fails it too", (_, { steps, joins }) => {
    expect(steps.map(({ id, chain }) => [id, chain])).toEqual([
      ["a", []],
      ["b", []],
    ]);
    const [join] = joins;
    expect([join?.group, join?.size, join?.body.task, join?.body.options["task_id"]]).toEqual([
      "g",
      2,
      "celery.chain",
      "y",
    ]);
    expect(ids(partsOf(join?.body ?? call("none")))).toEqual(["body", "x", "y"]);
    expect(steps[0]?.chord).toEqual(join?.body);
  });

  it("leaves the chord's own names, links and error callbacks where they were", () => {
    const named = chordOf(
      groupOf([call("a")]),
      { ...call("body"), options: {} },
      { task_id: "known", link_error: [errback] },
    );
    const { joins } = plan(chainOf([named, call("x")]));
    const [body, x] = partsOf(joins[0]?.body ?? call("none"));
    expect([body?.options, errorsIn(x)]).toEqual([{ task_id: "known", link_error: [errback] }, undefined]);
    const group = chordOf(groupOf([call("a")]), call("body"), { task_id: "known", link: [call("next")] });
    const [join] = plan(chainOf([group, call("x")])).joins;
    expect([join?.group, partsOf(join?.body ?? call("none"))[0]?.options["link"]]).toEqual(["known", [call("next")]]);
  });
});

describe("the error callbacks of a body that is a chain", () => {
  const body = chainOf([call("body", { link_error: [errback] }), call("x")]);

  it("are said by the chain, where Celery's workers look for them", () => {
    const [join] = plan(chordOf(groupOf([call("a"), call("b")]), body)).joins;
    expect(errorsIn(join?.body)).toEqual([errback]);
    // Our own sender gives them to the step that had them, once.
    const { steps } = planOf(join?.body ?? call("none"), { newId, role: "body" });
    expect([errorsIn(steps[0]?.signature), errorsIn(steps[0]?.chain[0])]).toEqual([[errback], undefined]);
  });

  it("go to each step of a chain that alone has them", () => {
    const { steps } = planOf(chainOf([call("a"), call("x")], { link_error: [errback] }), { newId, role: "w" });
    expect([errorsIn(steps[0]?.signature), errorsIn(steps[0]?.chain[0])]).toEqual([[errback], [errback]]);
  });
});

describe("the children of who sends", () => {
  const of = (signature: Signature): readonly unknown[] => {
    const { result } = plan(signature);
    return result === undefined ? [] : childrenIn(result).map((node) => [node.kind, node.id, node.parent]);
  };

  it("are the first task of a chain, a group, and of a chord the members and the body", () => {
    const members = groupOf([call("a"), call("b")], { task_id: "g" });
    expect(of(call("a"))).toEqual([["task", "a", undefined]]);
    expect(of(chainOf([call("a"), call("b"), call("c")]))).toEqual([["task", "a", undefined]]);
    expect(of(chainOf([call("first"), members, call("c")]))).toEqual([["task", "first", undefined]]);
    expect(of(members)).toEqual([["group", "g", undefined]]);
    expect(of(chainOf([members, call("body"), call("x")]))).toEqual([
      ["group", "g", undefined],
      ["task", "body", undefined],
    ]);
  });
});
