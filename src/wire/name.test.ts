import { expect, test } from "vitest";

import { CeleriacError } from "../error/celeriac-error.ts";
import { checkQueueName, checkTaskName, isHostileTaskName } from "./name.ts";

test.each(["a", "orders.send_receipt", "proj.tasks:add-1", "_x", "celery.backend_cleanup", "a".repeat(200)])(
  "task %s",
  (name) => {
    expect(isHostileTaskName(name)).toBe(false);
    expect(() => checkTaskName(name)).not.toThrow();
  },
);

test.each<unknown>([
  "constructor",
  "__proto__",
  "prototype",
  "toString",
  "valueOf",
  "hasOwnProperty",
  "__defineGetter__",
  "",
  "1a",
  "../../x",
  "file:///etc/passwd",
  "data:text/javascript,1",
  "a b",
  "a\0",
  "a\n",
  "\u202egnp.exe",
  "é",
  "a".repeat(201),
  "a".repeat(1_000_000),
  null,
  undefined,
  5,
  {},
  ["a"],
])("no task's name (%#)", (name) => {
  expect(isHostileTaskName(name)).toBe(true);
  expect(() => checkTaskName(name)).toThrow(CeleriacError);
});

test.each(["celery", "mail", "w1@host.dq2", "a:b", "{shop}:mail", "a+b%c", "x".repeat(200)])("queue %s", (name) => {
  expect(() => checkQueueName(name)).not.toThrow();
});

test.each<unknown>([
  "",
  "unacked",
  "unacked_index",
  "_kombu.binding.celery",
  "celeriac:lease",
  "celery-task-meta-1",
  "celery-taskset-meta-1",
  "*",
  "a\u0006\u00163",
  "a b",
  "a'; DROP TABLE x",
  "a\n",
  "x".repeat(201),
  "x".repeat(10_000),
  null,
  5,
])("no queue's name (%#)", (name) => {
  expect(() => checkQueueName(name)).toThrow(CeleriacError);
});

test("a refused name is printed safely and briefly", () => {
  const hostile = `\u001b[2J\u202e${"x".repeat(10_000)}`;
  expect(() => checkTaskName(hostile)).toThrow(/^[\x20-\x7e…]{1,400}$/);
});
