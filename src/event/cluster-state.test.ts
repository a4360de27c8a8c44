/** What events show, in whatever order they come, with some missing, and with more of them than are kept. */

import { readFileSync } from "node:fs";
import {
  array,
  assert,
  constant,
  constantFrom,
  integer,
  nat,
  property,
  record,
  shuffledSubarray,
  string,
} from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeEnvelope } from "../wire/envelope.ts";
import { type CeleryEvent, readEvents } from "../wire/event.ts";
import { ClusterState } from "./cluster-state.ts";
import { isAlive } from "./worker-record.ts";

let clock = 0;
const event = (type: string, timestamp: number, fields: Readonly<Record<string, unknown>> = {}): CeleryEvent => ({
  hostname: "w1@h",
  utcoffset: 0,
  pid: 7,
  clock: ++clock,
  ...fields,
  timestamp,
  type,
});
const stateOf = (...events: readonly CeleryEvent[]): ClusterState => {
  const state = new ClusterState();
  state.apply(events, 1_000_000);
  return state;
};

const uuid = "t1";
const call = { uuid, name: "add", args: "(1, 2)", kwargs: "{}", root_id: "t1", parent_id: null, retries: 0 };
const life = [
  event("task-sent", 100, { ...call, hostname: "gen1@c", queue: "celery", routing_key: "celery" }),
  event("task-received", 101, { ...call, queue: "celery", attempt: 1 }),
  event("task-started", 102, { uuid, child: 12, attempt: 1 }),
  event("celeriac-progress", 103, { uuid, done: 1, total: 2, note: "half" }),
  event("task-retried", 104, { uuid, exception: "Error('x')", traceback: "Error: x" }),
  event("task-received", 110, { ...call, retries: 1, attempt: 2, hostname: "w2@h" }),
  event("task-started", 111, { uuid, child: 13, attempt: 2, hostname: "w2@h" }),
  event("task-succeeded", 112, { uuid, result: "3", runtime: 0.5, attempt: 2, hostname: "w2@h" }),
];

describe("a task", () => {
  test("as its events tell it", () => {
    expect(stateOf(...life).task(uuid)).toEqual({
      uuid,
      state: "SUCCESS",
      name: "add",
      args: "(1, 2)",
      kwargs: "{}",
      rootId: "t1",
      queue: "celery",
      worker: "w2@h",
      child: 13,
      attempt: 2,
      sent: 100,
      received: 110,
      started: 111,
      ended: 112,
      runtime: 0.5,
      result: "3",
      progress: { done: 1, total: 2, note: "half" },
      heard: 112,
    });
  });

  test("at every step of its life", () => {
    const states = life.map((_, index) => stateOf(...life.slice(0, index + 1)).task(uuid)?.state);
    expect(states).toEqual(["PENDING", "RECEIVED", "STARTED", "STARTED", "RETRY", "RECEIVED", "STARTED", "SUCCESS"]);
  });

  test("is the same in any order, repeated or not, whatever is missing", () => {
    const kinds = ["sent", "received", "started", "retried", "rejected", "revoked", "failed", "succeeded"];
    const some = array(
      record({
        kind: constantFrom(...kinds.map((kind) => `task-${kind}`), "celeriac-progress", "celeriac-dead", "task-own"),
        at: integer({ min: 0, max: 20 }),
        host: constantFrom("a@h", "b@h", "c@h"),
        fields: record(
          {
            name: constantFrom("x", "y"),
            args: constantFrom("(1,)", "(2,)", null),
            queue: constantFrom("q1", "q2"),
            result: string(),
            exception: string(),
            attempt: integer({ min: 1, max: 4 }),
            done: nat(),
            reason: constantFrom("crashed", "exhausted"),
          },
          { requiredKeys: [] },
        ),
      }),
      { minLength: 1, maxLength: 12 },
    ).map((all) =>
      all.map(({ kind, at, host, fields }, index) =>
        event(kind, at, { hostname: host, uuid, clock: index, ...fields }),
      ),
    );
    const shuffled = some.chain((events) =>
      record({
        events: constant(events),
        again: shuffledSubarray(events),
        other: shuffledSubarray(events, { minLength: events.length }),
      }),
    );
    assert(
      property(shuffled, ({ events, again, other }) => {
        const seen = stateOf(...events).task(uuid);
        expect(stateOf(...other).task(uuid)).toEqual(seen);
        expect(stateOf(...other, ...again).task(uuid)).toEqual(seen);
      }),
      { numRuns: 500 },
    );
  });

  test("an end outranks what was told of another host a little later", () => {
    const end = event("task-succeeded", 100, { uuid });
    const late = event("task-started", 102, { uuid, hostname: "fast-clock@h" });
    expect(stateOf(end, late).task(uuid)?.state).toBe("SUCCESS");
  });
  test("runs again though its retry is told after that", () => {
    const retried = event("task-retried", 100.01, { uuid, attempt: 1 });
    const received = event("task-received", 100, { uuid, attempt: 2, hostname: "w2@h" });
    expect(stateOf(received, retried).task(uuid)).toMatchObject({ state: "RECEIVED", worker: "w2@h", attempt: 2 });
  });
  test("sent again from the dead letters, it runs again", () => {
    const dead = [event("task-failed", 100, { uuid }), event("celeriac-dead", 100, { uuid, reason: "exhausted" })];
    expect(stateOf(...dead).task(uuid)).toMatchObject({ state: "FAILURE", dead: "exhausted", ended: 100 });
    const again = stateOf(...dead, event("task-received", 160, { uuid })).task(uuid);
    expect(again?.state).toBe("RECEIVED");
    expect(again).not.toHaveProperty("dead");
    expect(again).not.toHaveProperty("ended");
  });
  test("seen only from its end", () => {
    const task = stateOf(event("task-failed", 5, { uuid, exception: "E('x')" })).task(uuid);
    expect(task).toMatchObject({ state: "FAILURE", exception: "E('x')", worker: "w1@h", attempt: 1 });
  });
  test("with fields of the wrong kind", () => {
    const wrong = { uuid, name: 3, args: [], retries: -1, attempt: 1.5, runtime: "x", queue: {}, done: null };
    expect(stateOf(event("task-succeeded", 5, wrong), event("celeriac-progress", 6, wrong)).task(uuid)).toEqual({
      uuid,
      state: "SUCCESS",
      worker: "w1@h",
      attempt: 1,
      ended: 5,
      heard: 6,
    });
    expect([...stateOf(event("task-started", 1), event("task-started", 1, { uuid: 4 })).tasks()]).toEqual([]);
  });
});

describe.each(["5.2.6", "5.6.3"])("Celery %s's events", (version) => {
  const file = new URL(`../wire/fixtures/celery-${version}-events.json`, import.meta.url);
  const { redis } = JSON.parse(readFileSync(file, "utf8")) as { redis: Record<string, { raw: string }> };
  test("are understood", () => {
    const state = new ClusterState();
    for (const { raw } of Object.values(redis)) {
      const message = decodeEnvelope(raw);
      if (!("malformed" in message)) state.apply(readEvents(message), 1_000_000);
    }
    expect(state.workers.map(({ hostname, software }) => [hostname, software])).toEqual([
      ["w1@cap", `py-celery ${version}`],
    ]);
    expect([...state.tasks()].map(({ state }) => state)).toEqual(
      expect.arrayContaining(["SUCCESS", "FAILURE", "RETRY", "REVOKED"]),
    );
  });
});

describe("tasks are bounded", () => {
  test("those that ended first go first, whatever still runs", () => {
    const state = new ClusterState({ tasks: 3 });
    const tell = (type: string, id: string, at: number): void =>
      state.apply([event(type, at, { uuid: id })], at * 1000);
    tell("task-started", "running", 1);
    tell("task-succeeded", "first", 2);
    tell("task-succeeded", "second", 3);
    tell("task-started", "third", 4);
    expect([...state.tasks()].map((task) => task.uuid)).toEqual(["running", "second", "third"]);
    tell("task-started", "fourth", 5);
    tell("task-started", "fifth", 6);
    expect([...state.tasks()].map((task) => task.uuid)).toEqual(["third", "fourth", "fifth"]);
    expect(state.size).toBe(3);
  });
});

describe("a worker", () => {
  const beat = {
    freq: 2,
    active: 1,
    processed: 5,
    loadavg: [0.1, 0.2, 0.3],
    sw_ident: "celeriac",
    sw_ver: "1.0",
    sw_sys: "Linux",
  };

  test("is alive for two beats, and gone when it says so", () => {
    const state = new ClusterState();
    state.apply([event("worker-online", 10, beat)], 10_000);
    const [worker] = state.workers;
    expect(worker).toMatchObject({ hostname: "w1@h", active: 1, processed: 5, freq: 2, software: "celeriac 1.0" });
    expect(worker && isAlive(worker, 13_999)).toBe(true);
    expect(worker && isAlive(worker, 14_000)).toBe(false);
    state.apply([event("worker-heartbeat", 12, beat)], 12_000);
    expect(state.alive(15_000)).toHaveLength(1);
    state.apply([event("worker-offline", 13, beat)], 13_000);
    expect(state.alive(13_001)).toEqual([]);
    state.apply([event("worker-heartbeat", 12.5, beat)], 13_100);
    expect(state.alive(13_200)).toEqual([]);
    state.apply([event("worker-online", 14, beat)], 14_000);
    expect(state.alive(14_001)).toHaveLength(1);
  });
  test("whose answer to a monitor tells nothing of its tasks keeps what was known", () => {
    const state = new ClusterState();
    state.apply([event("worker-heartbeat", 10, beat), event("worker-heartbeat", 11, { freq: 5 })], 11_000);
    expect(state.workers[0]).toMatchObject({ active: 1, processed: 5, freq: 2 });
  });
  test("one too many pushes out the one that was heard of longest ago", () => {
    const state = new ClusterState({ workers: 2 });
    for (const hostname of ["a", "b", "a", "c"]) state.apply([event("worker-heartbeat", ++clock, { hostname })], clock);
    expect(state.workers.map(({ hostname }) => hostname)).toEqual(["a", "c"]);
  });
});

describe("counts", () => {
  test("of all, and of the last seconds", () => {
    const state = new ClusterState({ seconds: 10 });
    for (let second = 1; second <= 30; second++) {
      state.apply([event("task-succeeded", second, { uuid: `s${String(second)}` })], second * 1000);
      if (second % 3 === 0) state.apply([event("task-failed", second, { uuid: `f${String(second)}` })], second * 1000);
    }
    expect(state.counts).toMatchObject({ succeeded: 30, failed: 10, received: 0 });
    expect(state.within(5, 31_000)).toMatchObject({ succeeded: 5, failed: 2 });
    expect(state.within(60, 31_000)).toMatchObject({ succeeded: 10 });
  });
  test("what was missed is counted, until nobody knows how many", () => {
    const state = new ClusterState();
    state.miss(3);
    state.miss(4);
    expect(state.missed).toBe(7);
    state.miss(undefined);
    state.miss(1);
    expect(state.missed).toBeUndefined();
  });
});
