/** Events that are written by hand are those that an object would have made, whatever came before them. */

import { expect, test } from "vitest";
import type { TaskHeaders } from "../wire/task-message.ts";
import { EventText } from "./event-text.ts";

function headersOf(own: Partial<TaskHeaders>): TaskHeaders {
  const id = own.id ?? "7c41fbd8-36b9-3d75-9d5a-3f6d3c8f0b51";
  return { id, task: "shop.mail", rootId: id, retries: 0, ...own } as TaskHeaders;
}
const read = (json: string): unknown => JSON.parse(`{${json}}`);

test("the ends that tasks have in common are not those of another queue, try, claim or child", () => {
  const states = [0, 1].flatMap((retries) =>
    [1, 2].flatMap((fence) =>
      [undefined, 41].flatMap((child) => ["celery", "mail"].map((queue) => ({ retries, fence, child, queue }))),
    ),
  );
  const text = new EventText();
  const check = ({ retries, fence, child, queue }: (typeof states)[number]): void => {
    const headers = headersOf({ retries });
    const [uuid, attempt] = [headers.id, retries + 1];
    expect(read(text.started(headers, fence, child))).toEqual({ uuid, attempt, fence, child: child ?? null });
    const succeeded = { uuid, result: "3", runtime: 0.0125, attempt, child: child ?? null };
    expect(read(text.succeeded(headers, "3", 12.5, child))).toEqual(succeeded);
    const about = { name: "shop.mail", args: null, kwargs: null, root_id: uuid, parent_id: null };
    const rest = { retries, eta: null, expires: null, queue, attempt, fence };
    expect(read(text.received(headers, undefined, queue, fence))).toEqual({ uuid, ...about, ...rest });
  };
  for (const one of states)
    for (const other of states) {
      check(one);
      check(other);
    }
});

test("a parent, a group or a time of one task is not told of the next", () => {
  const text = new EventText();
  const eta = Date.UTC(2026, 0, 2);
  const told = (own: Partial<TaskHeaders>): unknown => read(text.received(headersOf(own), undefined, "celery", 1));
  const bare = { parent_id: null, eta: null, expires: null };
  expect(told({})).toMatchObject(bare);
  expect(told({ parentId: "p1" })).toMatchObject({ ...bare, parent_id: "p1" });
  expect(told({})).toMatchObject(bare);
  expect(told({ group: "g1" })).toMatchObject({ ...bare, group: "g1" });
  expect(told({})).not.toHaveProperty("group");
  expect(told({ eta })).toMatchObject({ ...bare, eta: expect.stringContaining("2026-01-02") as string });
  expect(told({ expires: eta })).toMatchObject({ ...bare, expires: expect.stringContaining("2026-01-02") as string });
  expect(told({})).toMatchObject(bare);
});

test("ids, names and results of others are quoted as JSON wants it", () => {
  const text = new EventText();
  for (const odd of ["", '"', "\\", "\n", "\u0000", "ä☃", "\u2028", "\ud800", 'a","pid":1', "plain-1.2_(3)@h:4"]) {
    const headers = headersOf({ id: odd, task: odd });
    const told = odd.toWellFormed();
    const uuid: unknown = JSON.parse(JSON.stringify(odd));
    expect(read(text.started(headers, 1, undefined)), told).toMatchObject({ uuid });
    expect(read(text.succeeded(headers, odd, 1, undefined)), told).toMatchObject({ uuid, result: uuid });
    const received = { uuid, name: uuid, root_id: uuid, queue: uuid };
    expect(read(text.received(headers, undefined, odd, 1)), told).toMatchObject(received);
  }
});
