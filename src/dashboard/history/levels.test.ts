/** How full it was, by samples: what each step says, of all queues and of some, how long it is kept, and of a moment in the past. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { VirtualClock } from "../../testing/virtual-clock.ts";
import type { CeleryEvent } from "../../wire/event.ts";
import type { LevelSeries } from "../contract.ts";
import { History } from "./history.ts";
import type { QueueLevel } from "./levels.ts";

/** Where a step of an hour begins. */
const began = 1_789_999_200_000;
const second = 1_000;
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

let close = (): void => {};
afterEach(() => close());

function recorder(options: { readonly path?: string; readonly at?: number; readonly maxAge?: number } = {}) {
  const { at = began, path = ":memory:", ...more } = options;
  const clock = new VirtualClock(at);
  const history = new History({ path, clock, ...more });
  close = () => history.close();
  const sample = async (after: number, ...queues: readonly QueueLevel[]): Promise<void> => {
    await clock.advance(began + after - clock.now());
    history.sample(queues);
  };
  const levels = (from: number, until: number, queues?: readonly string[], then?: number): LevelSeries => {
    const at = then === undefined ? {} : { at: began + then };
    const { levels: told } = history.series({ from: began + from, until: began + until, ...at }, queues);
    if (told === undefined) throw new Error("no levels");
    return told;
  };
  return { clock, history, sample, levels };
}

const queue = (name: string, ready: number, oldest?: number): QueueLevel => ({
  name,
  ready,
  ...(oldest !== undefined && { oldest: began + oldest }),
});

function event(type: string, after: number, fields: object): CeleryEvent {
  return { type, timestamp: (began + after) / 1000, hostname: "w1@h", utcoffset: 0, pid: 1, clock: 1, ...fields };
}

test("a step tells the highest of its samples, and nothing where none was taken", async () => {
  const { sample, levels } = recorder();
  await sample(0, queue("mail", 4, -3 * second), queue("media", 1, -second));
  await sample(5 * second, queue("mail", 2, 4 * second), queue("media", 9, 3 * second));
  await sample(30 * second, queue("mail", 0), queue("media", 0));
  expect(levels(0, 40 * second)).toEqual({
    depth: [11, null, null, 0],
    oldest: [3 * second, null, null, 0],
    running: [0, null, null, 0],
    workers: [0, null, null, 0],
  });
  // An hour is read in wider steps, from what was kept of the minutes.
  expect(levels(0, 4 * hour).depth).toEqual([11, ...Array.from({ length: 239 }, () => null)]);
});

test("of some queues there is nothing of the others in it", async () => {
  const { clock, history, sample, levels } = recorder();
  await sample(0, queue("mail", 4, -3 * second), queue("media", 1, -8 * second), queue("slow", 100, -hour));
  await sample(10 * second, queue("mail", 0), queue("media", 2, 9 * second), queue("slow", 100, -hour));
  expect(levels(0, 20 * second, ["mail"])).toMatchObject({ depth: [4, 0], oldest: [3 * second, 0] });
  expect(levels(0, 20 * second, ["mail", "media"])).toMatchObject({ depth: [5, 2], oldest: [8 * second, second] });
  expect(levels(0, 20 * second, [])).toMatchObject({ depth: [0, 0], oldest: [0, 0], running: [0, 0] });
  expect(levels(0, 20 * second, ["never seen"]).depth).toEqual([0, 0]);
  await clock.advance(10 * second);
  const range = { from: began, until: began + 20 * second };
  expect(history.series({ ...range, queue: "slow" }, ["mail"]).levels?.depth).toEqual([100, 100]);
  expect(history.overview(range, ["mail"]).series.levels?.depth).toEqual([4, 0]);
  expect(history.overview(range).series.levels?.depth).toEqual([105, 102]);
  expect(history.series({ ...range, task: "t" })).not.toHaveProperty("levels");
  expect(history.series({ ...range, worker: "w1@h" })).not.toHaveProperty("levels");
});

test("what runs, and the workers that are there, are those of the events", async () => {
  const { history, sample, levels } = recorder();
  const run = { uuid: "1", name: "t", queue: "mail", args: "()", kwargs: "{}" };
  history.ingest({
    events: [
      event("worker-online", 0, { freq: 2 }),
      event("task-received", 1, run),
      event("task-started", 2, { uuid: "1" }),
    ],
    missed: 0,
  });
  await sample(second, queue("mail", 0), queue("media", 0));
  history.ingest({ events: [event("task-succeeded", 2 * second, { uuid: "1", result: "1" })], missed: 0 });
  // Its beats have ceased.
  await sample(12 * second, queue("mail", 0));
  const all = levels(0, 20 * second);
  expect(all).toMatchObject({ running: [1, 0], workers: [1, 0] });
  expect(levels(0, 20 * second, ["mail"]).running).toEqual([1, 0]);
  expect(levels(0, 20 * second, ["media"]).running).toEqual([0, 0]);
});

test("where the broker cannot tell since when the oldest waits, the events say it", async () => {
  const { history, sample, levels } = recorder();
  const call = { uuid: "1", name: "t", queue: "mail", args: "()", kwargs: "{}", retries: 0, eta: null };
  history.ingest({ events: [event("task-sent", second, call)], missed: 0 });
  await sample(9 * second, queue("mail", 1));
  expect(levels(0, 10 * second).oldest).toEqual([8 * second]);
});

test("of a moment in the past nothing later is told", async () => {
  const { sample, levels } = recorder();
  await sample(0, queue("mail", 1));
  await sample(10 * second, queue("mail", 2));
  await sample(20 * second, queue("mail", 3));
  expect(levels(0, 30 * second, undefined, 20 * second).depth).toEqual([1, 2]);
  expect(levels(0, 30 * second).depth).toEqual([1, 2, 3]);
});

test("fine steps are kept for hours, coarse ones as long as all the rest, in few rows", () => {
  const path = join(mkdtempSync(join(tmpdir(), "celeriac-levels-")), "history.db");
  const { clock, history, levels } = recorder({ path, maxAge: 4 * day });
  const sample = (after: number, ready: number): void => {
    clock.jump(began + after - clock.now());
    history.sample([queue("mail", ready)]);
  };
  for (let after = 0; after < 3 * day; after += 97 * second) sample(after, after === 0 ? 7 : 1);
  history.sweep();
  expect(levels(0, hour).depth).toEqual([7, 1, 1, 1, 1, 1]);
  expect(levels(2 * day, 2 * day + hour).depth).toHaveLength(60);
  expect(levels(3 * day - 5 * minute, 3 * day).depth).toHaveLength(30);
  // Without the fine ones: some 15 000 rows of 30 bytes were it all.
  expect(history.facts().bytes).toBeLessThan(600_000);
  sample(5 * day, 1);
  history.sweep();
  expect(levels(0, hour).depth).toEqual(Array.from({ length: 6 }, () => null));
  expect(levels(2 * day, 2 * day + hour).depth).toEqual(Array.from({ length: 6 }, () => 1));
  close();
  const again = recorder({ path, at: began + 5 * day });
  expect(again.levels(5 * day, 5 * day + 10 * second).depth).toEqual([1]);
  close();
  rmSync(join(path, ".."), { recursive: true });
});
