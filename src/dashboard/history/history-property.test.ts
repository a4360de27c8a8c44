/** What must hold whatever comes, in whatever order, however often. */

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { VirtualClock } from "../../testing/virtual-clock.ts";
import type { CeleryEvent } from "../../wire/event.ts";
import { Database } from "./database.ts";
import { began, clusterEvents } from "./fixtures/stream.ts";
import { foldSteps } from "./fold.ts";
import { History } from "./history.ts";
import { Retention } from "./retention.ts";
import { addStep, compareSteps, type Step, stepKinds } from "./step.ts";
import { schema } from "./schema.ts";
import { Tally } from "./tally.ts";
import { TaskWriter } from "./task-writer.ts";
import { readTaskEvent, type Saying } from "./reading.ts";
import { Words } from "./words.ts";

const ids = ["a", "b", "00000000-0000-4000-8000-000000000001"];
const types = [
  "task-sent",
  "task-received",
  "task-started",
  "task-succeeded",
  "task-failed",
  "task-retried",
  "task-revoked",
  "task-rejected",
  "task-custom",
  "celeriac-dead",
  "celeriac-returned",
  "celeriac-progress",
  "celeriac-checkpoint",
  "celeriac-log",
];
const some = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(values, { nil: undefined });
/** A root, what it has sent, and a member of a group that nobody's task has sent. */
const family: ReadonlyMap<string, object> = new Map([
  ["a", { root_id: "a" }],
  ["b", { root_id: "a" }],
  [ids[2] ?? "", { root_id: ids[2], group: "g1" }],
]);
/** Few values of everything, so that they meet: same moments, same fences, facts that contradict each other. */
const event: fc.Arbitrary<CeleryEvent> = fc
  .record({
    type: fc.constantFrom(...types),
    uuid: fc.constantFrom(...ids),
    timestamp: fc.integer({ min: 0, max: 12 }).map((step) => (began + step * 700) / 1000),
    hostname: fc.constantFrom("w1@h", "w2@h"),
    fence: some(fc.integer({ min: 1, max: 3 })),
    attempt: some(fc.integer({ min: 1, max: 3 })),
    queue: some(fc.constantFrom("x", "y")),
    name: some(fc.constantFrom("t1", "t2")),
    args: some(fc.constantFrom("(1,)", "(2,)")),
    result: some(fc.constantFrom("1", "2")),
    exception: some(fc.constantFrom("E('1')", "E('2')")),
    parent_id: some(fc.constantFrom(...ids)),
    eta: some(fc.integer({ min: 0, max: 10 }).map((step) => new Date(began + step * 900).toISOString())),
    why: some(fc.constantFrom("shutdown", "was finished before")),
    culprit: some(fc.constant("sure")),
    requeue: some(fc.boolean()),
    done: fc.integer({ min: 0, max: 3 }),
    level: fc.constant("info"),
    text: fc.constantFrom("one", "two"),
    checkpoint: fc.constantFrom("c1", "c2"),
  })
  // Of which workflow a task is never changes: whoever freezes it says so once.
  .map((fields) => ({ ...fields, ...family.get(fields.uuid), utcoffset: 0, pid: 1, clock: 1 }));
const events = fc.array(event, { minLength: 1, maxLength: 25 });
const moments = Array.from({ length: 4 }, (_, index) => began + index * 3_100);

/** Everything that a reader can see of these tasks. */
function seen(history: History): unknown {
  const whole = { from: began, until: began + 20_000, at: began + 20_000 };
  const series = [history.series(whole), history.series({ ...whole, task: "t1" })];
  const shown = moments.map((at) => ({
    page: history.tasks({ at, limit: 200 }).items.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    counts: history.counts({ at }),
    tasks: ids.map((id) => [history.task(id, at), history.log(id, { at }), history.workflow(id, at)]),
  }));
  return { series, shown };
}

function told(batches: readonly (readonly CeleryEvent[])[]): unknown {
  const history = new History({ path: ":memory:", clock: new VirtualClock(began + 3_600_000) });
  try {
    for (const batch of batches) {
      history.ingest({ events: batch, missed: 0 });
      history.flush();
    }
    return seen(history);
  } finally {
    history.close();
  }
}

test("the same events in any order, in any batches, any of them twice, are the same history", () => {
  fc.assert(
    fc.property(
      events.chain((list) =>
        fc.tuple(
          fc.constant(list),
          fc.shuffledSubarray([...list, ...list.slice(0, 8)], { minLength: list.length + Math.min(8, list.length) }),
          fc.integer({ min: 1, max: 25 }),
        ),
      ),
      ([list, mixed, size]) => {
        const batches: CeleryEvent[][] = [];
        for (let index = 0; index < mixed.length; index += size) batches.push(mixed.slice(index, index + size));
        expect(told(batches)).toEqual(told([list]));
      },
    ),
    { numRuns: 40 },
  );
});

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(...stepKinds),
  at: fc.integer({ min: 0, max: 10_000 }),
  worker: some(fc.constantFrom("w1", "w2")),
  fence: some(fc.integer({ min: 1, max: 3 })),
  attempt: some(fc.integer({ min: 1, max: 3 })),
  due: some(fc.integer({ min: 0, max: 12_000 })),
  queue: some(fc.constantFrom("x", "y")),
});

test("stretches follow each other without holes, and what they say of a moment is what the steps until then say", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), fc.integer({ min: 0, max: 12_000 }), (list, at) => {
      const steps: Step[] = [];
      for (const each of list) addStep(steps, each);
      expect(steps).toEqual(steps.toSorted(compareSteps));
      const { spans, seen: first } = foldSteps(steps);
      for (const [index, span] of spans.entries()) {
        expect(span.until).toBeGreaterThan(span.from);
        expect(span.from).toBe(index === 0 ? first : spans[index - 1]?.until);
      }
      expect(spans.at(-1)?.until).toBe(Infinity);
      const then = foldSteps(steps, at).spans.findLast(({ from }) => from <= at);
      const now = spans.find(({ from, until }) => from <= at && at < until);
      expect({ ...then, until: 0 }).toEqual({ ...now, until: 0 });
    }),
    { numRuns: 500 },
  );
});

/** Rows of a history, without the numbers that the file gives. */
function contents(database: Database): Readonly<Record<string, unknown>> {
  const all = (text: string): readonly unknown[] => database.query(text).all();
  return {
    past: all("SELECT count(*), sum(until - start) FROM past"),
    orphans: all("SELECT count(*) FROM past WHERE task NOT IN (SELECT id FROM task)"),
    lines: all("SELECT count(*) FROM log WHERE task NOT IN (SELECT id FROM task)"),
    levels: all("SELECT count(*) FROM past WHERE until - start < (1 << level) OR until - start >= (2 << level)"),
    doubles: all("SELECT count(*) FROM past p JOIN past q USING (task) WHERE p.start < q.start AND p.until > q.start"),
    flows: all("SELECT count(*) FROM task WHERE flow IS NOT NULL AND flow NOT IN (SELECT id FROM flow)"),
  };
}

test("forgetting leaves nothing of what is forgotten and all of the rest", () => {
  const database = new Database(":memory:", false);
  database.exec(schema);
  const words = new Words(database);
  const writer = new TaskWriter(database, words, new Tally(database, words));
  const byTask = Map.groupBy(
    clusterEvents(900, 3).flatMap((each) => readTaskEvent(each) ?? []),
    ({ id }: Saying) => id,
  );
  for (const [id, sayings] of byTask) writer.write(id, sayings);
  const total = database.number("SELECT count(*) FROM task");
  expect(total).toBe(byTask.size);
  const age = 30_000;
  const now = began + 60_000;
  const retention = new Retention(database, words, age, Infinity);
  while (retention.sweep(now).more);
  const left = database.number("SELECT count(*) FROM task");
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThan(total);
  expect(database.number("SELECT min(since) FROM task")).toBeGreaterThanOrEqual(now - age);
  expect(contents(database)).toMatchObject({
    orphans: [[0]],
    lines: [[0]],
    levels: [[0]],
    doubles: [[0]],
    flows: [[0]],
  });
  const horizon = database.number("SELECT value FROM fact WHERE key = 'horizon'");
  expect(horizon).toBeGreaterThan(began);
  expect(horizon).toBeLessThan(now - age);
  database.close();
});
