/** What the stream tells goes into the answers for now, and into no others. */

import { QueryClient } from "@tanstack/react-query";
import { expect, test } from "vitest";
import type { TaskRow } from "../../../src/dashboard/contract.ts";
import { applyEvent, live, patchNamed } from "./stream-cache.ts";

const row = (id: string, state: TaskRow["state"], since: number): TaskRow => ({
  id,
  state,
  since,
  seen: 1,
  attempts: 0,
});
const pages = (...items: readonly TaskRow[]) => ({ pages: [{ at: 1, gaps: [], items }], pageParams: [""] });
const ids = (client: QueryClient, key: readonly unknown[]): readonly string[] =>
  client
    .getQueryData<ReturnType<typeof pages>>(key)
    ?.pages.flatMap(({ items }) => items.map(({ id, state }) => `${id} ${state}`)) ?? [];

test("rows change in their places; the past does not change", () => {
  const client = new QueryClient();
  client.setQueryData(["tasks", live, {}], pages(row("a", "running", 5), row("b", "queued", 5)));
  client.setQueryData(["tasks", 1_000, {}], pages(row("a", "running", 5)));
  applyEvent(client, { type: "tasks", rows: [row("a", "failed", 6), row("new", "queued", 7)], more: 0 });
  expect(ids(client, ["tasks", live, {}])).toEqual(["a failed", "b queued"]);
  expect(ids(client, ["tasks", 1_000, {}])).toEqual(["a running"]);
});

test("what is older than what is shown is not taken", () => {
  const client = new QueryClient();
  client.setQueryData(["tasks", live, {}], pages(row("a", "succeeded", 9)));
  applyEvent(client, { type: "tasks", rows: [row("a", "running", 8)], more: 0 });
  expect(ids(client, ["tasks", live, {}])).toEqual(["a succeeded"]);
});

test("new names come where they belong", () => {
  const named = (name: string, count: number) => ({ name, count });
  expect(patchNamed([named("a", 1), named("c", 1)], [named("c", 2), named("b", 3)])).toEqual([
    named("a", 1),
    named("b", 3),
    named("c", 2),
  ]);
});

test("a reset makes everything stale that is of now, and nothing of the past", () => {
  const client = new QueryClient();
  for (const key of [
    ["queues", live],
    ["tasks", live, {}],
    ["task", live, "x"],
    ["queues", 1_000],
  ])
    client.setQueryData(key, {});
  applyEvent(client, { type: "reset", why: "gap" });
  const stale = (key: readonly unknown[]): boolean => client.getQueryState(key)?.isInvalidated ?? false;
  expect([
    stale(["queues", live]),
    stale(["tasks", live, {}]),
    stale(["task", live, "x"]),
    stale(["queues", 1_000]),
  ]).toEqual([true, true, true, false]);
});
