/** Lists in a query string: repeated, so that a name may have any character. */

import { expect, test } from "vitest";
import { coreOf } from "../../app/app.ts";
import { eventMessage } from "../../wire/event.ts";
import type { Session, TaskPage } from "../contract.ts";
import { Stage } from "../fixtures/stage.ts";
import { Query } from "./query.ts";

const byName = (a: string, b: string): number => (a < b ? -1 : 1);
const of = (text: string): Query => new Query(new URLSearchParams(text));

test("names are repeated, and each is taken as it stands", () => {
  expect(of("task=a,b&task=c&task=").names("task")).toEqual(["a,b", "c"]);
  expect(of("other=a").names("task")).toBeUndefined();
  expect(() => of("task=a&".repeat(51)).names("task")).toThrow(/at most 50/);
  expect(() => of(`task=${"a".repeat(513)}`).names("task")).toThrow(/too long/);
});

test("words of a list may stand between commas too, for none has one", () => {
  expect(of("state=x,y&state=z").someOf("state", ["x", "y", "z"])).toEqual(["x", "y", "z"]);
  expect(() => of("state=x,w").someOf("state", ["x"])).toThrow(/state/);
});

test("tasks whose names have commas, as Python's may, are found by them, and no others", async () => {
  await using stage = new Stage();
  await stage.page.start();
  await stage.until<Session>("/api/session", ({ broker }) => broker.connected);
  const { bus } = await coreOf(stage.app).connect();
  const common = {
    type: "task-received",
    timestamp: Date.now() / 1000,
    hostname: "w@h",
    utcoffset: 0,
    pid: 1,
    clock: 1,
  };
  const [both, one] = ["report(eu, us)", "report(eu"];
  const events = [both, one].map((name, index) => ({ ...common, uuid: String(index), name }));
  await bus.publish({ kind: "event", type: "task.multi" }, eventMessage(events));
  await stage.until<TaskPage>("/api/tasks", ({ items }) => items.length === 2);
  const found = async (...names: readonly string[]): Promise<readonly unknown[]> => {
    const query = new URLSearchParams(names.map((name): [string, string] => ["task", name]));
    return (await stage.get<TaskPage>(`/api/tasks?${query.toString()}`)).items
      .map(({ task = "" }) => task)
      .toSorted(byName);
  };
  expect(await found(both)).toEqual([both]);
  expect(await found(one, both)).toEqual([one, both]);
});
