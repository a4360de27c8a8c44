/** What a message says of the steps after it. */

import { expect, test } from "vitest";
import type { Signature } from "../wire/signature.ts";
import { type Embed, noEmbed } from "../wire/task-body.ts";
import { plannedSteps } from "./planned.ts";

const task = { id: "t", group: undefined };

function call(name: string, options: Signature["options"] = {}, more: Partial<Signature> = {}): Signature {
  return {
    task: name,
    args: [],
    kwargs: {},
    options: { task_id: name, ...options },
    subtask_type: null,
    immutable: false,
    ...more,
  };
}
const groupOf = (id: string, tasks: readonly Signature[]): Signature =>
  call("celery.group", { task_id: id }, { subtask_type: "group", kwargs: { tasks } });

const shown = (embed: Partial<Embed>, of: { id: string; group: string | undefined } = task): readonly string[] =>
  plannedSteps(of, { ...noEmbed, ...embed }).map(
    ({ id, after, joins, group }) =>
      `${id} after ${after.join("+")}${joins === undefined ? "" : ` joins ${joins}`}${group === undefined ? "" : ` in ${group}`}`,
  );

test("a task by itself plans nothing", () => {
  expect(shown({})).toEqual([]);
  expect(shown({ callbacks: [], chain: [], errbacks: [call("failed")] })).toEqual([]);
});

test("the rest of a chain comes last first, callbacks beside it", () => {
  expect(shown({ chain: [call("c"), call("b")], callbacks: [call("told")] })).toEqual([
    "told after t",
    "b after t",
    "c after b",
  ]);
});

test("a member tells of the body of its chord, and of what comes after that", () => {
  expect(shown({ chord: call("body", { chain: [call("end")] }) }, { id: "t", group: "g" })).toEqual([
    "body after  joins g",
    "end after body",
  ]);
});

test("a group and a chord in the middle", () => {
  const members = [call("m1", { group_id: "g" }), call("m2", { group_id: "g" })];
  expect(shown({ chain: [call("end"), groupOf("g", members)] })).toEqual([
    "m1 after t in g",
    "m2 after t in g",
    "end after m1+m2",
  ]);
  const inner = call(
    "celery.chord",
    {},
    {
      subtask_type: "chord",
      kwargs: { header: groupOf("g", members), body: call("body") },
    },
  );
  expect(shown({ chain: [inner] })).toEqual(["m1 after t in g", "m2 after t in g", "body after  joins g"]);
});

test("what nobody has given an id, and what nobody can read, is left out; many are cut", () => {
  expect(shown({ chain: [call("late"), call("x", { task_id: undefined })] })).toEqual(["late after t"]);
  const broken = call("celery.chord", {}, { subtask_type: "chord", kwargs: { header: 3, body: 4 } });
  expect(shown({ chain: [broken, call("b")] })).toEqual(["b after t"]);
  const many = Array.from({ length: 500 }, (_, index) => call(`s${String(index)}`));
  expect(shown({ chain: many }).length).toBe(50);
});
