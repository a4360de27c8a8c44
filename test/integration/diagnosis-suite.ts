/** "Why is this not running?", asked in situations that real workers are in: each with the whole chain that is to be told. */

import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { coreOf } from "../../src/app/app.ts";
import {
  type App,
  chain,
  chord,
  createApp,
  cron,
  type Explanation,
  type Reason,
  type WorkOptions,
} from "../../src/index.ts";
import type { SuiteBroker } from "./worker-suite.ts";

const hour = 3_600_000;
const main = "main@suite";

/** The facts of a chain, without the words. */
const factsOf = ({ reasons }: Explanation): unknown[] =>
  reasons.map(({ text: _text, remedy: _remedy, ...fact }: Reason) => fact);

export class Stage {
  readonly app: App;
  readonly #gate = Promise.withResolvers<void>();
  readonly ids = new Map<string, string>();
  readonly told = new Map<string, Explanation>();

  constructor(broker: SuiteBroker) {
    this.app = createApp({
      name: "diagnosis",
      broker: broker.url,
      defaultQueue: "main",
      ...(broker.results !== undefined && { results: broker.results }),
    });
  }

  get core() {
    return coreOf(this.app);
  }

  /** Tasks of the stage; `block` runs until the end. */
  readonly tasks = () => {
    const { app } = this;
    return {
      ok: app.task("t.ok", (_: { n?: number }) => 1),
      block: app.task("t.block", async () => {
        await this.#gate.promise;
        return 1;
      }),
      fail: app.task("t.fail", (): number => {
        throw new RangeError("too far");
      }),
      again: app.task("t.again", { retry: { limit: 3, delay: "1h", jitter: 0 } }, (): void => {
        throw new RangeError("not yet");
      }),
      exhausted: app.task("t.exhausted", { retry: { limit: 0 } }, (): void => {
        throw new RangeError("no more");
      }),
      rare: app.task("t.rare", { rate: "1/h" }, () => 1),
      sum: app.task("t.sum", { raw: true }, ({ args }) => args.length),
    };
  };

  work(name: string, queues: readonly string[], concurrency: number, rest: WorkOptions = {}) {
    return this.app.work({ name, queues, concurrency, pool: "inline", grace: "1s", lease: "30s", ...rest });
  }

  /** Polls: what is waited for is a state of the broker, which tells nobody of it. */
  async until(what: string, ready: () => Promise<boolean>): Promise<void> {
    const end = performance.now() + 120_000;
    while (!(await ready())) {
      if (performance.now() > end) throw new Error(`never came: ${what}`);
      await pause(25);
    }
  }

  async untilDelayed(id: string | undefined): Promise<void> {
    const { broker } = await this.core.connect();
    await this.until(`${String(id)} put back`, async () => {
      const held = await broker.queues.find("main", id ?? "");
      return held?.state === "delayed";
    });
  }

  async untilRunning(id: string): Promise<void> {
    const { broker } = await this.core.connect();
    await this.until(
      `${id} running`,
      async () =>
        (await broker.queues.list()).some(({ leased = 0 }) => leased > 0) &&
        (await broker.queues.find("main", id))?.state === "leased",
    );
  }

  async explainAll(): Promise<void> {
    await Promise.all([...this.ids].map(async ([name, id]) => this.told.set(name, await this.#explain(name, id))));
  }

  /** What is put back is taken again each time it is due, and looked at by its worker for a moment; asked then, it waits or is that worker's. */
  async #explain(name: string, id: string): Promise<Explanation> {
    const told = await this.app.explain(id);
    if (told.state === "delayed" || !putBack.has(name)) return told;
    await this.untilDelayed(id);
    return this.#explain(name, id);
  }

  explanation(name: string): Explanation {
    const told = this.told.get(name);
    if (told === undefined) throw new Error(`nobody asked about ${name}`);
    return told;
  }

  async close(): Promise<void> {
    this.#gate.resolve();
    await this.app.close();
  }
}

const putBack: ReadonlySet<string> = new Set(["no task", "rate"]);

export function diagnosisSuite(name: string, makeBroker: () => Promise<SuiteBroker>): void {
  describe(`why a task is not running, on ${name}`, () => {
    let broker: SuiteBroker;
    let stage: Stage;
    const id = (of: string): string => stage.ids.get(of) ?? "";

    beforeAll(async () => {
      broker = await makeBroker();
      stage = new Stage(broker);
      await setScene(stage);
      await stage.explainAll();
    }, 240_000);
    afterAll(async () => {
      await stage.close();
      await broker.close();
    });

    const expectChain = (of: string, state: Explanation["state"], ...facts: unknown[]): void => {
      const told = stage.explanation(of);
      expect(told.id).toBe(id(of));
      expect([told.state, factsOf(told)]).toEqual([state, facts]);
      for (const { text } of told.reasons) expect(text).not.toMatch(/undefined|NaN|\[object/);
    };
    const soon = expect.any(Number) as number;
    const inAnHour = (of: string): unknown => {
      const [fact] = factsOf(stage.explanation(of)) as [{ until: number }];
      expect(Math.abs(fact.until - Date.now() - hour)).toBeLessThan(120_000);
      return fact.until;
    };

    it("nobody knows it", () => {
      expectChain("unknown", "unknown", {
        kind: "not-found",
        looked: expect.arrayContaining(["queue main", "results"]),
      });
    });

    it("it has ended", () => {
      expectChain("succeeded", "succeeded", { kind: "ended", state: "succeeded", at: soon });
      expectChain("failed", "failed", { kind: "ended", state: "failed", at: soon, error: "RangeError: too far" });
    });

    it("it runs", () => {
      expectChain("running", "running", { kind: "running", worker: main, since: soon, until: soon });
      expect(stage.explanation("running")).toMatchObject({ task: "t.block", queue: "main", attempt: 1 });
    });

    it("it is delayed", () => {
      expectChain("delayed", "delayed", { kind: "delayed", until: inAnHour("delayed") });
    });

    it("it is delayed, and nobody will take it then either", () => {
      expectChain(
        "delayed in vain",
        "delayed",
        { kind: "delayed", until: inAnHour("delayed in vain") },
        { kind: "no-worker", queue: "nobody" },
      );
    });

    it("it waits for its next attempt", () => {
      const until = inAnHour("retrying");
      expectChain("retrying", "retrying", { kind: "retry-wait", attempt: 2, until, error: "RangeError: not yet" });
    });

    it("its queue is paused", () => {
      expectChain("paused", "queued", { kind: "queue-paused", queue: "paused" });
      expect(stage.explanation("paused").reasons[0]?.remedy).toBe('app.queues.resume("paused")');
    });

    it("no worker takes its queue", () => {
      expectChain("no worker", "queued", { kind: "no-worker", queue: "nobody" });
    });

    it("no worker knows its task", () => {
      expectChain("no task", "delayed", {
        kind: "no-worker-for-task",
        queue: "main",
        task: "t.other",
        workers: [main],
      });
    });

    it("it is over its rate", () => {
      const [fact] = factsOf(stage.explanation("rate")) as [{ until: number }];
      expect(fact.until - Date.now()).toBeLessThanOrEqual(60_000);
      expectChain("rate", "delayed", { kind: "rate-limited", limit: "1/h", until: soon });
    });

    it("all workers are busy, and others come first", () => {
      const oldest = { id: id("busy first"), since: soon };
      const full = { kind: "workers-busy", queue: "busy", busy: 1, slots: 1, oldest };
      expectChain("busy second", "queued", full);
      expectChain("busy last", "queued", full, { kind: "behind", queue: "busy", ahead: 2 });
    });

    it("a message of another priority comes first too", () => {
      expectChain(
        "low",
        "queued",
        { kind: "no-worker", queue: "ranked" },
        { kind: "behind", queue: "ranked", ahead: 3, priority: 9 },
      );
    });

    it("a worker that is silent has it", () => {
      expectChain("ghost", "running", { kind: "leased", worker: "ghost@suite", until: soon, alive: false });
      expect(stage.explanation("ghost").reasons[0]?.text).toMatch(
        /^ghost@suite has it and is silent; unless it speaks/,
      );
    });

    it("it is revoked, by its id or by a stamp", () => {
      const nobody = { kind: "no-worker", queue: "nobody" };
      expectChain("revoked", "queued", { kind: "revoked", by: "id", at: soon }, nobody, {
        kind: "behind",
        queue: "nobody",
        ahead: 1,
      });
      const [fact] = factsOf(stage.explanation("revoked by stamp"));
      expect(fact).toEqual({ kind: "revoked", by: "stamp", at: soon });
    });

    it("it has expired in its queue", () => {
      const [fact] = factsOf(stage.explanation("expired"));
      expect(fact).toEqual({ kind: "expired", at: soon });
    });

    it("the step before it runs still", () => {
      const parent = id("first step");
      expectChain(
        "last step",
        "queued",
        { kind: "waits-for", ids: [parent], states: { running: 1 } },
        { kind: "running", worker: main, since: soon, until: soon },
      );
    });

    it("the step before it is stuck itself: the chain is followed", () => {
      const parent = id("stuck step");
      expectChain(
        "after stuck step",
        "queued",
        { kind: "waits-for", ids: [parent], states: { queued: 1 } },
        { kind: "queue-paused", queue: "paused" },
        { kind: "behind", queue: "paused", ahead: 1 },
      );
    });

    it("members of its chord have not ended", () => {
      expectChain(
        "body",
        "queued",
        { kind: "waits-for-group", group: expect.any(String), arrived: 1, size: 2 },
        { kind: "running", worker: main, since: soon, until: soon },
      );
      const [fact] = factsOf(stage.explanation("failing body")) as [{ failed: string[] }];
      expect(fact).toMatchObject({ kind: "waits-for-group", arrived: 1, size: 2, failed: [expect.any(String)] });
    });

    it("it is a dead letter", () => {
      expectChain("dead", "dead", {
        kind: "dead",
        reason: "exhausted",
        detail: expect.stringContaining("no more"),
        at: soon,
      });
    });

    it("the schedule that should send it is paused", () => {
      expectChain("nightly", "unknown", { kind: "schedule-paused", schedule: "nightly" });
    });
  });
}

async function setScene(stage: Stage): Promise<void> {
  const { app, ids } = stage;
  const { ok, block, fail, again, exhausted, rare, sum } = stage.tasks();
  const { broker } = await stage.core.connect();
  await app.queues.pause("paused");
  await stage.work(main, ["main", "paused"], 20);
  await stage.work("busy@suite", ["busy"], 1);

  ids.set("unknown", crypto.randomUUID());
  const succeeded = await ok.delay({});
  const failed = await fail.delay();
  const first = await rare.delay();
  await Promise.all([succeeded.get(), first.get(), failed.get().catch(() => {})]);
  ids.set("succeeded", succeeded.id).set("failed", failed.id);
  ids.set("running", (await block.delay()).id);
  ids.set("delayed", (await ok.enqueue({}, { delay: "1h" })).id);
  ids.set("delayed in vain", (await ok.enqueue({}, { delay: "1h", queue: "nobody" })).id);
  const retrying = await again.delay();
  ids.set("retrying", retrying.id);
  ids.set("paused", (await ok.enqueue({}, { queue: "paused" })).id);
  const stuck = await app.delay(chain(ok.si({}).set({ queue: "paused" }), ok.si({})));
  ids.set("after stuck step", stuck.id).set("stuck step", stuck.parent?.id ?? "");
  ids.set("no worker", (await ok.enqueue({}, { queue: "nobody" })).id);
  ids.set("revoked", (await ok.enqueue({}, { queue: "nobody" })).id);
  await app.revoke(id("revoked"));
  const stamped = await app.delay(ok.si({}).set({ queue: "nobody" }).stamp({ tenant: "t1" }));
  ids.set("revoked by stamp", stamped.id);
  await app.revokeByStamps({ tenant: "t1" });
  ids.set("expired", (await ok.enqueue({}, { queue: "nobody", expires: "1ms" })).id);
  ids.set("no task", (await app.remote("t.other", { queue: "main" }).enqueue([])).id);
  ids.set("rate", (await rare.delay()).id);
  for (const name of ["busy first", "busy second", "busy third", "busy last"]) {
    ids.set(name, (await block.enqueue(undefined, { queue: "busy" })).id);
    if (name === "busy first")
      await stage.until(
        "busy first runs",
        async () => (await broker.queues.find("busy", id(name)))?.state === "leased",
      );
  }
  await ok.enqueueMany([{}, {}, {}], { queue: "ranked", priority: 0 });
  ids.set("low", (await ok.enqueue({}, { queue: "ranked", priority: 9 })).id);
  ids.set("ghost", (await ok.enqueue({}, { queue: "ghost" })).id);
  const steps = await app.delay(chain(block.si(), ok.si({})));
  ids.set("last step", steps.id).set("first step", steps.parent?.id ?? "");
  ids.set("body", (await app.delay(chord([ok.si({}), block.si()], sum.s()))).id);
  ids.set("failing body", (await app.delay(chord([fail.si(), block.si()], sum.s()))).id);
  const dead = await exhausted.delay();
  ids.set("dead", dead.id);
  await app.schedules.add("nightly", cron("0 3 * * *"), ok.si({}));
  await app.schedules.pause("nightly");
  ids.set("nightly", "nightly");

  await dead.get().catch(() => {});
  await stage.until("a retry", async () => (await retrying.state()) === "RETRY");
  await Promise.all([retrying.id, id("no task"), id("rate")].map((each) => stage.untilDelayed(each)));
  await Promise.all([id("running"), id("first step")].map((each) => stage.untilRunning(each)));
  await ghost();
  await Promise.all(
    ["body", "failing body"].map((body) =>
      stage.until(`a member of the ${body}`, async () => {
        const [group] = (await app.explain(id(body))).reasons;
        return group?.kind === "waits-for-group" && group.arrived === 1;
      }),
    ),
  );

  function id(name: string): string {
    return ids.get(name) ?? "";
  }

  /** A worker that holds a message and answers nobody. */
  async function ghost(): Promise<void> {
    const got = Promise.withResolvers<void>();
    const consumer = await broker.consume(
      {
        queues: ["ghost"],
        worker: "ghost@suite/4711/0a1b2c3d",
        lease: 60_000,
        sweep: 5_000,
        maxClaimBytes: 1 << 20,
        userCodeHere: false,
        stallLimit: 60_000,
      },
      (batch) => {
        consumer.started(batch, "suspect");
        got.resolve();
      },
    );
    consumer.want(1, 1);
    await got.promise;
  }
}
