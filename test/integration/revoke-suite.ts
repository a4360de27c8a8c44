/** What a revoke promises, whatever the broker: one suite, inline pool. A worker that waits is waited for by what it tells. */

import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { coreOf } from "../../src/app/app.ts";
import { ask } from "../../src/control/ask.ts";
import {
  type App,
  type AsyncResult,
  chord,
  createApp,
  type GroupResult,
  type RevokeOptions,
  systemClock,
  type WorkerEvent,
  type WorkerHandle,
  type WorkOptions,
} from "../../src/index.ts";
import type { SuiteBroker } from "./worker-suite.ts";

/** `lasting`: a control state keeps facts there; else a revoke reaches those alone who listen. */
export function revokeSuite(name: string, makeBroker: () => Promise<SuiteBroker>, lasting = true): void {
  describe(`a revoke on ${name}`, () => {
    let broker: SuiteBroker;
    let apps: App[];
    let app: App;
    let events: WorkerEvent[];
    let ran: string[];
    let gate: PromiseWithResolvers<void>;

    beforeEach(async () => {
      broker = await makeBroker();
      apps = [];
      events = [];
      ran = [];
      gate = Promise.withResolvers();
      app = makeApp();
    });
    afterEach(async () => {
      gate.resolve();
      for (const one of apps) await one.close();
      await broker.close();
    });

    const makeApp = (): App => {
      const made = createApp({
        name: "revoked",
        broker: broker.url,
        ...(broker.results !== undefined && { results: broker.results }),
      });
      apps.push(made);
      return made;
    };
    const tasks = (of: App) => ({
      note: of.task("r.note", ({ text }: { text: string }) => {
        ran.push(text);
        return text;
      }),
      wait: of.task("r.wait", async ({ text }: { text: string }, ctx) => {
        ran.push(text);
        await Promise.race([
          gate.promise,
          new Promise((resolve) => ctx.signal.addEventListener("abort", resolve, { once: true })),
        ]);
        ctx.signal.throwIfAborted();
        return text;
      }),
      deaf: of.task("r.deaf", async ({ text }: { text: string }) => {
        ran.push(text);
        await gate.promise;
        return text;
      }),
      flaky: of.task("r.flaky", { retry: { limit: 5, delay: "2s" } }, ({ text }: { text: string }) => {
        ran.push(text);
        throw new Error("not yet");
      }),
    });
    const work = (of: App, options: WorkOptions = {}): Promise<WorkerHandle> =>
      of.work({
        pool: "inline",
        concurrency: 4,
        lease: "60s",
        sweep: "100ms",
        grace: "1s",
        onEvent: (event) => events.push(event),
        ...options,
      });
    const seen = async (type: string, id?: string): Promise<void> => {
      await expect
        .poll(() => events.some((event) => event.type === type && (id === undefined || event.id === id)), {
          timeout: 60_000,
          interval: 10,
        })
        .toBe(true);
    };
    /** Every worker that listens knows of it by now. */
    const heard = async (...ids: readonly string[]): Promise<void> => {
      const { bus } = await coreOf(app).connect();
      const never = new AbortController().signal;
      await expect
        .poll(
          async () => {
            const answers = await ask(bus, { method: "revoked", timeout: 2_000, limit: 1 }, systemClock, never);
            return [...answers.values()].flat();
          },
          { timeout: 60_000, interval: 10 },
        )
        .toEqual(expect.arrayContaining([...ids]));
    };
    const revoked = (sent: AsyncResult<unknown>, why: string): Promise<void> =>
      expect(sent.get({ timeout: "60s" })).rejects.toMatchObject({
        code: "TASK_REVOKED",
        message: expect.stringContaining(why),
      });

    it("stops a task that runs, where that is wanted, and what follows it", async () => {
      const { wait, note } = tasks(app);
      await work(app);
      const sent = await app.delay(wait.s({ text: "first" }).link(note.si({ text: "after" })));
      await seen("task:started", sent.id);
      await sent.revoke({ terminate: true, reason: "not wanted" });
      await revoked(sent, "terminated");
      await seen("task:revoked", sent.id);
      expect(ran).toEqual(["first"]);
      // It is done with: nothing of it comes back.
      await expect.poll(async () => (await app.queues.list()).reduce((sum, { leased = 0 }) => sum + leased, 0)).toBe(0);
      expect((await app.dead.list({}, undefined, 10)).items).toEqual([]);
    });

    it("lets a task that runs go on, where it is not", async () => {
      const { deaf } = tasks(app);
      await work(app);
      const sent = await deaf.delay({ text: "first" });
      await seen("task:started", sent.id);
      await sent.revoke();
      gate.resolve();
      expect(await sent.get({ timeout: "60s" })).toBe("first");
    });

    it("keeps a task in a worker's hands from starting", async () => {
      const { deaf, note } = tasks(app);
      await work(app, { concurrency: 1 });
      const first = await deaf.delay({ text: "first" });
      await seen("task:started", first.id);
      const second = await note.delay({ text: "second" });
      await second.revoke();
      await heard(second.id);
      gate.resolve();
      await revoked(second, "revoked");
      expect(await first.get({ timeout: "60s" })).toBe("first");
      expect(ran).toEqual(["first"]);
    });

    it("keeps a task between two tries from being tried again", async () => {
      const { flaky, deaf } = tasks(app);
      const sent = await flaky.delay({ text: "try" });
      const other = await deaf.delay({ text: "other" });
      // It has the only place meanwhile: the revoke is heard before there is one for another try.
      await work(app, { concurrency: 1 });
      await seen("task:retried", sent.id);
      await seen("task:started", other.id);
      await sent.revoke();
      await heard(sent.id);
      gate.resolve();
      await revoked(sent, "revoked");
      expect(ran).toEqual(["try", "other"]);
    });

    it("counts a revoked member of a chord as failed", async () => {
      if (coreOf(app).config.results === "rpc:") return;
      const { deaf, note } = tasks(app);
      const total = app.task("r.total", (values: unknown[]) => values.length);
      await work(app);
      const sent = await app.delay(chord([deaf.s({ text: "one" }), note.s({ text: "two" })], total.s()));
      await seen("task:succeeded");
      await sent.parent?.revoke({ terminate: true });
      await heard(...((sent.parent as GroupResult<unknown[]> | undefined)?.results ?? []).map(({ id }) => id));
      gate.resolve();
      await expect(sent.get({ timeout: "60s" })).rejects.toMatchObject({ code: expect.stringMatching(/^TASK_/) });
    });

    it("means all of a group, and tasks by their stamps", async () => {
      const { wait, note } = tasks(app);
      await work(app);
      const mine = await app.enqueue(wait.s({ text: "mine" }), { stamps: { tenant: ["t0", "t1"] } });
      const other = await app.enqueue(wait.s({ text: "other" }), { stamps: { tenant: "t2" } });
      await seen("task:started", mine.id);
      await seen("task:started", other.id);
      await app.revokeByStamps({ tenant: "t1" }, { terminate: true });
      await revoked(mine, "terminated");
      const late = await app.enqueue(note.si({ text: "late" }), { stamps: { tenant: "t1" } });
      await revoked(late, "revoked");
      gate.resolve();
      expect(await other.get({ timeout: "60s" })).toBe("other");
      expect(ran.toSorted()).toEqual(["mine", "other"]);
    });

    it.skipIf(!lasting)("outlasts every worker: in the queue, before its time, and between two tries", async () => {
      const { note, flaky } = tasks(app);
      const worker = await work(app);
      const retried = await flaky.delay({ text: "try" });
      await seen("task:retried", retried.id);
      await worker.stop();
      const queued = await note.delay({ text: "queued" });
      const delayed = await note.enqueue({ text: "delayed" }, { delay: "400ms" });
      const wanted = await note.delay({ text: "wanted" });
      const sender = makeApp();
      await sender.revoke([queued.id, delayed.id, retried.id], { reason: "a mistake" });
      await sender.close();
      ran = [];
      const later = makeApp();
      tasks(later);
      await work(later);
      for (const { id } of [queued, delayed, retried]) await revoked(later.result(id), "revoked");
      expect(await wanted.get({ timeout: "60s" })).toBe("wanted");
      expect(ran).toEqual(["wanted"]);
    });

    it.skipIf(!lasting)("by a stamp outlasts every worker, for what waits and for what is sent later", async () => {
      const { note } = tasks(app);
      const stamped = (text: string, tenant: string, delay = 0) =>
        app.enqueue(note.s({ text }), { stamps: { tenant }, delay });
      const queued = await stamped("queued", "t1");
      const delayed = await stamped("delayed", "t1", 400);
      const other = await stamped("other", "t2");
      const sender = makeApp();
      await sender.revokeByStamps({ tenant: "t1" }, { reason: "has left" });
      await sender.close();
      const first = await work(app, { queues: ["elsewhere"] });
      await first.stop();
      const later = makeApp();
      const { note: again } = tasks(later);
      await work(later);
      for (const { id } of [queued, delayed]) await revoked(later.result(id), "revoked");
      const late = await later.enqueue(again.s({ text: "late" }), { stamps: { tenant: ["t0", "t1"] } });
      await revoked(late, "revoked");
      expect(await later.result(other.id).get({ timeout: "60s" })).toBe("other");
      expect(ran).toEqual(["other"]);
    });

    it.skipIf(!lasting)("is obeyed within a second by a worker that no broadcast reaches", async () => {
      const { wait } = tasks(app);
      await work(app);
      const sent = await wait.delay({ text: "first" });
      await seen("task:started", sent.id);
      const { control } = await coreOf(app).connect();
      const options: RevokeOptions = { terminate: true };
      const { revokedFact } = await import("../../src/control/facts.ts");
      const at = Date.now();
      await control?.set([
        revokedFact(sent.id, { terminate: options.terminate === true, signal: "SIGTERM", at }, 60_000),
      ]);
      await revoked(sent, "terminated");
    });

    it("says no for what is no id", async () => {
      await expect(app.revoke("")).rejects.toMatchObject({ code: "NAME_INVALID" });
      await expect(app.revoke("x", { signal: "SIGHUP" as "SIGTERM" })).rejects.toMatchObject({
        code: "CONFIG_INVALID",
      });
      await app.revoke([]);
      await turn();
    });
  });
}
