/** What is noticed of final results, on a store written by hand. */

import { expect, it } from "vitest";
import type { StoredOutcome } from "../../src/port/result-store.ts";
import { encodeTaskMeta } from "../../src/wire/outcome.ts";
import { Finals } from "./finals.ts";

const stored = (state: string, value: unknown, fence = 1): StoredOutcome => {
  const meta = { id: "a", status: state, result: { value }, traceback: null, dateDone: 5, celeriac: { fence } };
  return { state, meta: encodeTaskMeta(meta as Parameters<typeof encodeTaskMeta>[0]) } as StoredOutcome;
};

async function watched(...looks: (StoredOutcome | undefined)[]): Promise<Finals> {
  const finals = new Finals();
  finals.expect(["a"]);
  for (const look of looks) await finals.look(() => Promise.resolve([look]));
  return finals;
}

it("knows a result from the first time it was final on", async () => {
  const finals = await watched(undefined, stored("STARTED", null), stored("SUCCESS", { by: 7 }, 3));
  expect([finals.open, finals.has("a"), finals.changed.size]).toEqual([0, true, 0]);
  expect(finals.seen.get("a")).toEqual({ state: "SUCCESS", result: '{"by":7}', fence: 3, at: 5 });
});

it.each<[string, StoredOutcome]>([
  ["another value", stored("SUCCESS", "x".repeat(5000) + "b")],
  ["another final state", stored("FAILURE", "x".repeat(5000) + "a")],
  ["a state that is not final", stored("STARTED", null)],
])("sees that a final result became %s", async (_what, later) => {
  const first = stored("SUCCESS", "x".repeat(5000) + "a");
  expect((await watched(first, first)).changed).toEqual(new Set());
  expect((await watched(first, later)).changed).toEqual(new Set(["a"]));
});

it("keeps a digest of what is long", async () => {
  const { seen } = await watched(stored("SUCCESS", "x".repeat(5000)));
  expect(seen.get("a")?.result).toMatch(/^\{"characters":5002,"sha256":"[0-9a-f]{64}"\}$/);
});

it("asks for so many at once, and for all in turn", async () => {
  const finals = new Finals();
  const ids = Array.from({ length: 12_000 }, (_, n) => `job-${String(n)}`);
  finals.expect(ids);
  const asked = new Set<string>();
  const ask = (some: readonly string[]): Promise<readonly undefined[]> => {
    for (const id of some) asked.add(id);
    return Promise.resolve(some.map(() => undefined));
  };
  await finals.look(ask);
  expect(asked.size).toBe(5000);
  await finals.look(ask);
  await finals.look(ask);
  expect(asked.size).toBe(12_000);
});
