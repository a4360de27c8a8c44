/** Runs of one key that three workers count together, whatever the broker: never too many, in order, and nobody is forgotten. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { coreOf } from "../../src/app/app.ts";
import { type App, createApp, type WorkerEvent, type WorkerHandle } from "../../src/index.ts";
import type { SuiteBroker } from "./worker-suite.ts";

interface Job {
  readonly who: string;
  readonly n: number;
  readonly fails?: boolean;
}

interface Member {
  readonly app: App;
  readonly task: ReturnType<typeof declare>;
}

/** What the handlers saw. */
class Watch {
  readonly order: Job[] = [];
  readonly running: Record<string, number> = {};
  readonly most: Record<string, number> = {};
  /** Ends the runs of a key. */
  readonly gates: Record<string, Promise<void>> = {};
  readonly begun: Record<string, () => void> = {};

  async run(job: Job): Promise<number> {
    const { who, n } = job;
    this.order.push(job);
    this.running[who] = (this.running[who] ?? 0) + 1;
    this.most[who] = Math.max(this.most[who] ?? 0, this.running[who]);
    this.begun[who]?.();
    await (this.gates[who] ?? new Promise((resolve) => setImmediate(resolve)));
    this.running[who] -= 1;
    return n;
  }

  of(who: string): number[] {
    return this.order.filter((job) => job.who === who).map(({ n }) => n);
  }
}

const declare = (app: App, watch: Watch, limit: number) =>
  app.task(
    "place.task",
    { concurrency: { limit, key: ({ who }: Job) => who }, retry: { limit: 1, delay: "10ms" } },
    async (job: Job, ctx) => {
      const n = await watch.run(job);
      if (job.fails === true && ctx.request.retries === 0) throw new Error("once");
      return n;
    },
  );

const jobs = (who: string, count: number): Job[] => Array.from({ length: count }, (_, n) => ({ who, n }));
const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

export function placesSuite(name: string, makeBroker: () => Promise<SuiteBroker>): void {
  describe(`places on ${name}`, () => {
    let broker: SuiteBroker;
    let apps: App[];
    let watch: Watch;
    let events: WorkerEvent[];

    beforeEach(async () => {
      broker = await makeBroker();
      apps = [];
      watch = new Watch();
      events = [];
    });
    afterEach(async () => {
      for (const app of apps) await app.close();
      await broker.close();
    });

    const member = (limit = 1): Member => {
      const { url, results } = broker;
      const app = createApp({ name: `places-${apps.length}`, broker: url, ...(results !== undefined && { results }) });
      apps.push(app);
      return { app, task: declare(app, watch, limit) };
    };
    const work = ({ app }: Member): Promise<WorkerHandle> =>
      app.work({
        name: `w@${app.name}`,
        pool: "inline",
        concurrency: 4,
        lease: "30s",
        sweep: "100ms",
        grace: "1s",
        onEvent: (event) => void events.push(event),
      });
    const wait = { timeout: "60s" } as const;

    /** How many stand in line; on RabbitMQ, how many tasks were put back. */
    const waiting = async ({ app }: Member): Promise<number> => {
      const { broker: used, limits } = await coreOf(app).connect();
      if (used.features.line) return (await limits?.places(["task:place.task:a"]))?.[0]?.waiting ?? 0;
      return new Set(events.filter(({ text }) => text === "concurrency-limited").map(({ id }) => id)).size;
    };
    const calls = async ({ app }: Member): Promise<boolean> => (await coreOf(app).connect()).broker.features.line;

    it("runs one of a key at a time on three workers, and others beside; in order, and each waits once, where the broker calls them", async () => {
      const [first, ...others] = [member(), member(), member()];
      const inLine = await calls(first);
      const count = inLine ? 8 : 2;
      // All of a key are refused while the first runs.
      const gate = Promise.withResolvers<void>();
      watch.gates["a"] = gate.promise;
      await work(first);
      const a = await first.task.enqueueMany(jobs("a", count));
      await expect.poll(() => waiting(first)).toBe(count - 1);
      for (const one of others) await work(one);
      const b = await first.task.enqueueMany(jobs("b", 3));
      await Promise.all(b.map((each) => each.get(wait)));
      expect(watch.of("a")).toEqual([0]);
      const fact = { kind: "concurrency-limited", key: "place.task:a", holders: [a[0]?.id], waiting: 7 };
      const { reasons = [] } = inLine ? await first.app.explain(a[7]?.id ?? "") : {};
      expect(reasons).toMatchObject(inLine ? [fact] : []);
      gate.resolve();
      expect(await Promise.all(a.map((each) => each.get(wait)))).toEqual(numbers(count));
      expect(watch.most).toEqual({ a: 1, b: 1 });
      if (!inLine) return;
      expect(watch.of("a")).toEqual(numbers(count));
      const ids = new Set(a.map(({ id }) => id));
      const returned = events.filter(({ type, id }) => type === "task:returned" && ids.has(id ?? ""));
      expect(returned).toHaveLength(count - 1);
    });

    it("runs as many of a key as there are places, a retry as well, and is not held up by what is revoked", async ({
      skip,
    }) => {
      const one = member(2);
      if (!(await calls(one))) skip("waiting takes seconds there");
      const gate = Promise.withResolvers<void>();
      watch.gates["a"] = gate.promise;
      await work(one);
      const sent = await one.task.enqueueMany(jobs("a", 6).map((job) => ({ ...job, fails: job.n === 1 })));
      const second = sent[2];
      await expect.poll(() => waiting(one)).toBe(4);
      await second?.revoke();
      gate.resolve();
      const rest = sent.filter((each) => each !== second);
      expect(await Promise.all(rest.map((each) => each.get(wait)))).toEqual([0, 1, 3, 4, 5]);
      await expect(second?.get(wait)).rejects.toMatchObject({ name: "TaskRevokedError" });
      expect(watch.most["a"]).toBe(2);
      const { limits } = await coreOf(one.app).connect();
      await expect.poll(() => limits?.places(["task:place.task:a"])).toEqual([{ holders: [], waiting: 0 }]);
    });

    it("takes the place of a worker that died when its lease ends", async ({ skip }) => {
      const one = member();
      if (!(await calls(one))) skip("waiting takes seconds there");
      const { limits } = await coreOf(one.app).connect();
      const dead = { kind: "slots", key: "task:place.task:a", limit: 1, holder: "dead", lease: 700 } as const;
      await limits?.take([dead]);
      await work(one);
      const sent = await one.task.enqueueMany(jobs("a", 3));
      expect(await Promise.all(sent.map((each) => each.get(wait)))).toEqual(numbers(3));
      expect(watch.of("a")).toEqual(numbers(3));
    });
  });
}
