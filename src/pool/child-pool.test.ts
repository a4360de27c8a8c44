import { beforeEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../testing/virtual-clock.ts";
import { ChildPool } from "./child-pool.ts";
import { FrameDraft } from "./frame.ts";
import type { ControlToChild, Link, LinkEnd, LinkEvents } from "./link.ts";
import type { Call } from "./pool-message.ts";
import type { ChildEvent, PoolOptions } from "./pool-options.ts";
import type { PoolOutcome } from "./pool.ts";

const tasks = [{ name: "t", shape: "1" }];

/** A child that does only what the test says. */
class FakeLink implements Link {
  readonly draft = new FrameDraft();
  readonly id: number;
  readonly pid: number;
  readonly events: LinkEvents;
  readonly probes: number[] = [];
  killed = false;
  bytes = 0;

  constructor(id: number, events: LinkEvents) {
    this.id = id;
    this.pid = id;
    this.events = events;
  }

  wake(): void {}

  control(message: ControlToChild): void {
    if (message.t === "probe") this.probes.push(message.n);
  }

  kill(): void {
    this.killed = true;
    this.end({ code: null, signal: "SIGKILL" });
  }

  async memory(): Promise<number> {
    return this.bytes;
  }

  ready(): void {
    this.events.control({ t: "ready", protocol: 1, tasks, pid: this.id });
  }

  refuse(): void {
    this.events.control({ t: "unready", code: "APP_LOAD_FAILED", message: "no", stack: "" });
  }

  alive(): void {
    const n = this.probes.at(-1) ?? 0;
    this.events.control({ t: "alive", n, lag: 0, rss: this.bytes, heap: 0, active: [] });
  }

  began(...slots: number[]): void {
    this.events.framed({ t: "began", slots });
  }

  done(slot: number): void {
    this.events.framed({ t: "done", replies: [{ slot, k: "value", bytes: Buffer.from("1"), ms: 1 }] });
  }

  end(end: Pick<LinkEnd, "code" | "signal">): void {
    this.events.ended({ ...end, stderrTail: "tail" });
  }
}

function call(slot: number, changes: Partial<Call> = {}): Call {
  const id = `id-${slot}`;
  const lineage = { root: id, parent: null, group: null, stamps: null, trace: null };
  const input = { contentType: "application/json", bytes: Buffer.from("[[],{}]") };
  return { slot, task: "t", id, attempt: 1, fence: 0, input, soft: null, hard: null, checkpoints: [], lineage, isolated: false, queue: "q", headers: "{}", ...changes }; // prettier-ignore
}

let clock: VirtualClock;
let links: FakeLink[];
let events: ChildEvent[];
const never = new AbortController().signal;

beforeEach(() => {
  clock = new VirtualClock();
  links = [];
  events = [];
});

function link(index: number): FakeLink {
  const found = links.at(index);
  if (!found) throw new Error(`no child ${index}; there are ${links.length}`);
  return found;
}

/** What is due by then, and what follows from it through the event loop. */
async function pass(ms: number): Promise<void> {
  await clock.advance(ms);
  await new Promise((resolve) => setImmediate(resolve));
  await clock.advance(0);
}

async function open(options: Partial<PoolOptions> = {}): Promise<ChildPool> {
  const pool = new ChildPool(
    {
      app: { url: "file:///app.ts", export: "app" },
      slots: 4,
      children: 1,
      hooks: { began() {}, progress() {}, log() {}, ask: async () => null },
      maxResultBytes: 1000,
      drain: 30_000,
      env: [],
      clock,
      expectedTasks: tasks,
      onChild: (event) => events.push(event),
      ...options,
    },
    async () => (heard) => {
      const made = new FakeLink(links.length + 1, heard);
      links.push(made);
      return made;
    },
  );
  const opened = pool.open();
  await pass(0);
  for (const each of links) each.ready();
  await opened;
  return pool;
}

describe("refilling", () => {
  it("tries again ever more slowly, and takes what waits back", async () => {
    const pool = await open();
    link(0).end({ code: 1, signal: null });
    expect(links).toHaveLength(1);
    await pass(1000);
    expect(links).toHaveLength(2);
    const waiting = pool.run(call(1), never);
    expect(pool.room({ isolated: false })).toBe(0);
    link(1).refuse();
    expect(await waiting).toMatchObject({ k: "lost", began: false, culprit: "bystander" });
    await pass(1999);
    expect(links).toHaveLength(2);
    await pass(1);
    expect(links).toHaveLength(3);
    link(2).ready();
    expect(pool.room({ isolated: false })).toBe(4);
    expect(events.filter((event) => event.kind === "failed").map((event) => event.retryIn)).toEqual([1000, 2000]);
  });

  it("replaces one that dies at work at once", async () => {
    const pool = await open();
    const outcome = pool.run(call(1), never);
    link(0).began(1);
    link(0).end({ code: null, signal: "SIGABRT" });
    expect(await outcome).toEqual({
      slot: 1,
      k: "lost",
      began: true,
      culprit: "sure",
      code: null,
      signal: "SIGABRT",
      stderrTail: "tail",
    });
    expect(links).toHaveLength(2);
  });

  it("does not count what never began", async () => {
    const pool = await open();
    const outcomes = [pool.run(call(1), never), pool.run(call(2), never)];
    link(0).began(1);
    link(0).end({ code: 1, signal: null });
    const culprits = (await Promise.all(outcomes)).map(
      (outcome) => outcome.k === "lost" && [outcome.began, outcome.culprit],
    );
    expect(culprits).toEqual([[true, "sure"], [false, "bystander"]]); // prettier-ignore
  });

  it("has places for suspects in half of its slots at most, and for one at least", async () => {
    const places: number[] = [];
    for (const [slots, children] of [
      [1, 1],
      [3, 3],
      [4, 4],
      [100, 4],
    ] as const) {
      links = [];
      const pool = await open({ slots, children });
      places.push(pool.room({ isolated: true }));
      void pool.run(call(1, { isolated: true }), never);
      expect(pool.room({ isolated: true })).toBe((places.at(-1) ?? 0) - 1);
      expect(pool.room({ isolated: false })).toBe(slots - 1);
    }
    expect(places).toEqual([1, 1, 2, 4]);
  });

  it("gives a suspect back whose own child does not come up", async () => {
    const pool = await open();
    const outcome = pool.run(call(1, { isolated: true }), never);
    link(1).refuse();
    expect(await outcome).toMatchObject({ k: "lost", began: false, culprit: "bystander" });
    expect(pool.room({ isolated: false })).toBe(4);
  });
});

describe("hard limits", () => {
  async function overdue(): Promise<{ pool: ChildPool; neighbour: Promise<PoolOutcome> }> {
    const pool = await open();
    const late = pool.run(call(1, { hard: 100 }), never);
    const neighbour = pool.run(call(2, { hard: 5000 }), never);
    link(0).began(1, 2);
    await pass(100);
    expect(await late).toEqual({ slot: 1, k: "hard-limit", limit: 100 });
    return { pool, neighbour };
  }

  it("kills a loop that does not answer within 250 ms", async () => {
    const { neighbour } = await overdue();
    await pass(249);
    expect(link(0).killed).toBe(false);
    await pass(1);
    expect(link(0).killed).toBe(true);
    expect(await neighbour).toMatchObject({ k: "lost", culprit: "bystander" });
  });

  it("abandons the slot of a loop that answers, ignores its late reply, and lets the others end", async () => {
    const { pool, neighbour } = await overdue();
    link(0).alive();
    await pass(1000);
    expect(link(0).killed).toBe(false);
    expect(links).toHaveLength(2);
    expect(pool.room({ isolated: false })).toBe(0);
    link(0).done(2);
    expect(await neighbour).toMatchObject({ k: "value" });
    // Only abandoned code is left in there: nothing to wait for.
    expect(link(0).killed).toBe(true);
  });

  it("waits for the drain, not longer", async () => {
    const { neighbour } = await overdue();
    link(0).alive();
    await pass(4900);
    expect(await neighbour).toMatchObject({ k: "hard-limit" });
    expect(link(0).killed).toBe(true);
    expect(events).toContainEqual({ kind: "killed", child: 1, why: "hard-limit" });
  });

  it("hears the answers of two probes apart", async () => {
    const pool = await open();
    const outcomes = [pool.run(call(1, { hard: 100 }), never), pool.run(call(2, { hard: 200 }), never)];
    void pool.run(call(3), never);
    link(0).began(1, 2, 3);
    await pass(100);
    await pass(100);
    expect((await Promise.all(outcomes)).map((outcome) => outcome.k)).toEqual(["hard-limit", "hard-limit"]);
    link(0).alive();
    await pass(1000);
    expect(link(0).killed).toBe(false);
    await pass(29_000);
    expect(link(0).killed).toBe(true);
    expect(events).toContainEqual({ kind: "killed", child: 1, why: "drain" });
  });

  it("counts from the start of the handler, not from the wait before it", async () => {
    const pool = await open();
    const outcome = pool.run(call(1, { hard: 100 }), never);
    await pass(1000);
    link(0).began(1);
    await pass(99);
    link(0).done(1);
    expect(await outcome).toMatchObject({ k: "value" });
  });
});

describe("the pulse", () => {
  it("reports a silent loop once, and not one that a limit will end", async () => {
    const pool = await open({ children: 2 });
    const outcomes = [pool.run(call(1), never), pool.run(call(2, { hard: 60_000 }), never)];
    link(0).began(1);
    link(1).began(2);
    await pass(9000);
    expect(events.filter((event) => event.kind === "stalled")).toEqual([{ kind: "stalled", child: 1, ms: 5000 }]);
    link(0).alive();
    await pass(5000);
    expect(events.filter((event) => event.kind === "stalled")).toHaveLength(2);
    expect(outcomes).toHaveLength(2);
  });

  it("kills a child over the memory limit, and suspects all that ran there", async () => {
    const pool = await open({ killRss: 1000 });
    const outcomes = [pool.run(call(1), never), pool.run(call(2), never)];
    link(0).began(1, 2);
    link(0).bytes = 1001;
    await pass(250);
    const culprits = (await Promise.all(outcomes)).map((outcome) => outcome.k === "lost" && outcome.culprit);
    expect(culprits).toEqual(["suspect", "suspect"]);
  });

  it("lets a grown child work until its successor is ready", async () => {
    const pool = await open({ recycleRss: 1000 });
    link(0).bytes = 1001;
    await pass(1000);
    expect(links).toHaveLength(2);
    const before = pool.run(call(1), never);
    expect(pool.size.children[0]?.slots).toEqual([1]);
    link(1).ready();
    void pool.run(call(2), never);
    expect(pool.size.children.map((child) => child.slots)).toEqual([[1], [2]]);
    link(0).done(1);
    expect(await before).toMatchObject({ k: "value" });
  });
});

describe("restarting", () => {
  it("keeps the old child when its successor does not come up", async () => {
    const pool = await open();
    const restarted = pool.restart();
    link(1).refuse();
    await expect(restarted).rejects.toMatchObject({ code: "APP_LOAD_FAILED" });
    expect(pool.room({ isolated: false })).toBe(4);
    expect(link(0).killed).toBe(false);
  });

  it("does one child after the other", async () => {
    const pool = await open({ children: 2 });
    const restarted = pool.restart();
    expect(links).toHaveLength(3);
    link(2).ready();
    await pass(0);
    expect(links).toHaveLength(3);
    link(0).end({ code: 0, signal: null });
    await pass(0);
    expect(links).toHaveLength(4);
    link(3).ready();
    link(1).end({ code: 0, signal: null });
    await restarted;
    expect(pool.size.children.map((child) => child.pid)).toEqual([3, 4]);
  });
});

it("kills a child that hangs while it loads the app", async () => {
  const pool = new ChildPool(
    {
      app: { url: "file:///app.ts", export: "app" },
      slots: 1,
      children: 1,
      hooks: { began() {}, progress() {}, log() {}, ask: async () => null },
      maxResultBytes: 1000,
      drain: 1000,
      env: [],
      clock,
      expectedTasks: tasks,
    },
    async () => (heard) => {
      links.push(new FakeLink(1, heard));
      return link(-1);
    },
  );
  const opened = pool.open().catch((error: unknown) => error);
  await pass(0);
  await pass(60_000);
  expect(await opened).toMatchObject({ code: "APP_LOAD_FAILED" });
  expect(String(await opened)).toContain("60 s");
});

it("kills at once what does not stop when it is told to", async () => {
  const pool = await open();
  const closed = pool.close(1000);
  await pass(4999);
  expect(link(0).killed).toBe(false);
  await pass(1);
  expect(link(0).killed).toBe(true);
  expect(await closed).toEqual([]);
});
