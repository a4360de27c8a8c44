import { expect, test } from "vitest";
import type { Signature } from "../wire/signature.ts";
import { answeringTo, chainOf, chordParts, gathered, groupOf } from "./composite.ts";

function call(task: string, options: Signature["options"] = {}): Signature {
  return { task, args: [], kwargs: {}, options, subtask_type: null, immutable: false };
}

test("what gathers a group goes where the first of its tasks goes, however deep that stands", () => {
  const group = groupOf([chainOf([call("t.a", { queue: "mail" }), call("t.b")]), call("t.c", { queue: "slow" })]);
  expect(chordParts(gathered(group)).body.options).toEqual({ queue: "mail" });
  expect(chordParts(gathered(groupOf([call("t.a")]))).body.options).toEqual({});
});

test("every task of a workflow answers to whoever started it, and so do its callbacks, unless they say otherwise", () => {
  const link = chainOf([call("t.next"), call("t.own", { reply_to: "other" })]);
  const told = answeringTo(call("t.first", { link: [link] }), "asker");
  const { link: links } = told.options as { readonly link: readonly Signature[] };
  const steps = links[0]?.kwargs["tasks"] as readonly Signature[];
  expect(told.options["reply_to"]).toBe("asker");
  expect(steps.map(({ options }) => options["reply_to"])).toEqual(["asker", "other"]);
});
