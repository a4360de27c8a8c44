/** Calls with a key, through app and worker: what callers are told, what runs, and with which input. On a broker that knows no keys: the refusal. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type App, createApp, type TaskOptions, type WorkerHandle } from "../../src/index.ts";
import type { SuiteBroker } from "./worker-suite.ts";

interface Doc {
  readonly doc: string;
  readonly text: string;
}

const key = ({ doc }: Doc): string => doc;

/** Runs wait in their handler until they are let go, and say when they have come there. */
class Gate {
  readonly runs: string[] = [];
  #open: (() => void)[] = [];
  #came: (() => void)[] = [];

  async enter(run: string): Promise<void> {
    this.runs.push(run);
    for (const tell of this.#came.splice(0)) tell();
    await new Promise<void>((resolve) => void this.#open.push(resolve));
  }

  async entered(n: number): Promise<void> {
    while (this.runs.length < n) await new Promise<void>((resolve) => void this.#came.push(resolve));
  }

  open(): void {
    for (const go of this.#open.splice(0)) go();
  }
}

export function callsSuite(name: string, makeBroker: () => Promise<SuiteBroker>): void {
  describe(`calls with a key on ${name}`, () => {
    let broker: SuiteBroker;
    let apps: App[];
    let gate: Gate;
    const knows = !name.includes("RabbitMQ");

    beforeEach(async () => {
      broker = await makeBroker();
      apps = [];
      gate = new Gate();
    });
    afterEach(async () => {
      gate.open();
      for (const app of apps) await app.close();
      await broker.close();
    });

    const open = (): App => {
      const { url, results } = broker;
      const app = createApp({ name: `calls-${apps.length}`, broker: url, ...(results !== undefined && { results }) });
      apps.push(app);
      return app;
    };
    const declare = (app: App, options: TaskOptions) =>
      app.task("doc.index", options, async ({ text }: Doc, ctx) => {
        await gate.enter(`${text}#${String(ctx.attempt)}`);
        if (text === "fails once" && ctx.attempt === 1) throw new Error("once");
        return text;
      });
    const work = (app: App): Promise<WorkerHandle> =>
      app.work({ name: `w@${app.name}`, pool: "inline", concurrency: 4, lease: "60s", sweep: "100ms", grace: "1s" });

    it("says that it knows none, and sends nothing", async ({ skip }) => {
      skip(knows, "the broker knows keys of calls");
      const app = open();
      const task = declare(app, { unique: { key } });
      await expect(task.delay({ doc: "a", text: "1" })).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
    });

    it("queues one of a key at a time, and of two who try at once tells both of the same task", async ({ skip }) => {
      skip(!knows, "the broker knows no keys of calls");
      const [app, other] = [open(), open()];
      const options: TaskOptions = { unique: { key } };
      const [task, same] = [declare(app, options), declare(other, options)];
      const [one, two] = await Promise.all([task.delay({ doc: "a", text: "1" }), same.delay({ doc: "a", text: "2" })]);
      expect(one.id).toBe(two.id);
      expect([one.became, two.became].toSorted()).toEqual(["joined", "sent"]);
      expect((await task.delay({ doc: "b", text: "3" })).became).toBe("sent");
      await work(app);
      await gate.entered(2);
      expect((await task.delay({ doc: "a", text: "4" })).became).toBe("joined");
      gate.open();
      expect(await one.get({ timeout: "60s" })).toBe(await two.get({ timeout: "60s" }));
      expect((await task.delay({ doc: "a", text: "5" })).became).toBe("sent");
      await gate.entered(3);
    });

    it("keeps the key over a retry, and gives it up with a revoke", async ({ skip }) => {
      skip(!knows, "the broker knows no keys of calls");
      const app = open();
      const task = declare(app, { unique: { key }, retry: { limit: 1, delay: () => 300 } });
      const one = await task.delay({ doc: "a", text: "fails once" });
      await work(app);
      await gate.entered(1);
      gate.open();
      const between = async (): Promise<void> => {
        for await (const { state } of one.watch()) if (state === "RETRY") break;
      };
      // Where it was not seen in between, it has begun again.
      await Promise.race([between(), gate.entered(2)]);
      expect(await task.delay({ doc: "a", text: "2" })).toMatchObject({ id: one.id, became: "joined" });
      await gate.entered(2);
      gate.open();
      expect(await one.get({ timeout: "60s" })).toBe("fails once");
      const late = await task.enqueue({ doc: "late", text: "l" }, { delay: "1h" });
      expect(await task.delay({ doc: "late", text: "m" })).toMatchObject({ id: late.id, became: "joined" });
      await late.revoke();
      const next = await task.delay({ doc: "late", text: "n" });
      expect(next.became).toBe("sent");
      expect(gate.runs.slice(0, 2)).toEqual(["fails once#1", "fails once#2"]);
    });

    it("replaces what waits, and every caller gets the result of what ran", async ({ skip }) => {
      skip(!knows, "the broker knows no keys of calls");
      const app = open();
      const task = declare(app, { unique: { key, for: "queued", whenConflict: "replace" } });
      const sent = await task.enqueueMany([
        { doc: "a", text: "1" },
        { doc: "a", text: "2" },
        { doc: "b", text: "x" },
        { doc: "a", text: "3" },
      ]);
      expect(sent.map(({ became }) => became)).toEqual(["sent", "replaced", "sent", "replaced"]);
      expect(new Set(sent.map(({ id }) => id)).size).toBe(2);
      await work(app);
      await gate.entered(2);
      expect(gate.runs.toSorted()).toEqual(["3#1", "x#1"]);
      const next = await task.delay({ doc: "a", text: "4" });
      expect(next.became).toBe("sent");
      await gate.entered(3);
      gate.open();
      expect(await sent[0]?.get({ timeout: "60s" })).toBe("3");
      expect(await next.get({ timeout: "60s" })).toBe("4");
    });

    it("runs once more with the latest after the run that was on", async ({ skip }) => {
      skip(!knows, "the broker knows no keys of calls");
      const app = open();
      const task = declare(app, { unique: { key, whenConflict: "queueLatest" } });
      const one = await task.delay({ doc: "a", text: "1" });
      await work(app);
      await gate.entered(1);
      const [two, three] = [await task.delay({ doc: "a", text: "2" }), await task.delay({ doc: "a", text: "3" })];
      expect([two.became, three.became]).toEqual(["sent", "replaced"]);
      expect(two.id).toBe(three.id);
      expect(two.id).not.toBe(one.id);
      const { state, reasons } = await app.explain(two.id);
      expect([state, reasons[0]]).toMatchObject([
        "delayed",
        {
          kind: "waits-for-calls",
          by: "queueLatest",
          key: "a",
          text: expect.stringContaining("the run before it") as string,
        },
      ]);
      gate.open();
      await gate.entered(2);
      gate.open();
      expect(await one.get({ timeout: "60s" })).toBe("1");
      expect(await two.get({ timeout: "60s" })).toBe("3");
      expect(gate.runs).toEqual(["1#1", "3#1"]);
    });

    it("debounces: runs with the last input when calls have ceased", async ({ skip }) => {
      skip(!knows, "the broker knows no keys of calls");
      const app = open();
      const task = declare(app, { debounce: { key, wait: "300ms", maxWait: "10s" } });
      const texts = ["1", "2", "3", "4"];
      const sent = [];
      for (const text of texts) sent.push(await task.delay({ doc: "a", text }));
      await work(app);
      expect(sent.map(({ became }) => became)).toEqual(["sent", "replaced", "replaced", "replaced"]);
      await gate.entered(1);
      gate.open();
      expect(await sent[0]?.get({ timeout: "60s" })).toBe("4");
      expect(gate.runs).toEqual(["4#1"]);
      await expect(task.enqueue({ doc: "a", text: "5" }, { delay: "1s" })).rejects.toMatchObject({
        code: "CONFIG_INVALID",
      });
    });

    it("throttles: the first of a period, and the last when it is over", async ({ skip }) => {
      skip(!knows, "the broker knows no keys of calls");
      const app = open();
      const task = declare(app, { throttle: { key, period: "1s", trailing: true } });
      await work(app);
      const sent = await task.enqueueMany(["1", "2", "3"].map((text) => ({ doc: "a", text })));
      expect(sent.map(({ became }) => became)).toEqual(["sent", "sent", "replaced"]);
      await gate.entered(1);
      gate.open();
      await gate.entered(2);
      gate.open();
      expect(await sent[0]?.get({ timeout: "60s" })).toBe("1");
      expect(await sent[1]?.get({ timeout: "60s" })).toBe("3");
      expect(gate.runs).toEqual(["1#1", "3#1"]);
    });
  });
}
