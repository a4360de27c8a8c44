/** A rate that three workers keep together, whatever the broker; changed while they run, and kept over their restart. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { coreOf } from "../../src/app/app.ts";
import { taskLimitFact } from "../../src/control/facts.ts";
import { type App, chain, createApp, type RateOptions, type WorkerEvent, type WorkerHandle } from "../../src/index.ts";
import type { SuiteBroker } from "./worker-suite.ts";

interface Member {
  readonly app: App;
  readonly task: ReturnType<typeof declare>;
}

const declare = (app: App, rate: RateOptions | undefined, starts: number[]) =>
  app.task("rate.task", rate === undefined ? {} : { rate }, ({ n }: { n: number; who?: string }) => {
    starts.push(Date.now());
    return n;
  });

export function ratesSuite(name: string, makeBroker: () => Promise<SuiteBroker>): void {
  describe(`rates on ${name}`, () => {
    let broker: SuiteBroker;
    let apps: App[];
    let starts: number[];
    let returned: WorkerEvent[];
    let waiting: (() => void)[];

    beforeEach(async () => {
      broker = await makeBroker();
      apps = [];
      starts = [];
      returned = [];
      waiting = [];
    });
    afterEach(async () => {
      for (const app of apps) await app.close();
      await broker.close();
    });

    const member = (rate?: RateOptions): Member => {
      const { url, results } = broker;
      const app = createApp({ name: `rates-${apps.length}`, broker: url, ...(results !== undefined && { results }) });
      apps.push(app);
      return { app, task: declare(app, rate, starts) };
    };
    const work = ({ app }: Member): Promise<WorkerHandle> =>
      app.work({
        name: `w@${app.name}`,
        pool: "inline",
        concurrency: 4,
        lease: "60s",
        sweep: "100ms",
        grace: "1s",
        onEvent: (event) => {
          if (event.type !== "task:returned" || event.text !== "rate-limited") return;
          returned.push(event);
          for (const resolve of waiting.splice(0)) resolve();
        },
      });
    const nextReturned = (): Promise<void> => new Promise((resolve) => void waiting.push(resolve));

    it("is exceeded by three workers together over no window of time, and all is run", async () => {
      const members = Array.from({ length: 3 }, () => member({ limit: "20/s", burst: 2 }));
      for (const one of members) await work(one);
      const sent = await members[0]?.task.enqueueMany(Array.from({ length: 12 }, (_, n) => ({ n })));
      const results = await Promise.all((sent ?? []).map((each) => each.get({ timeout: "60s" })));
      expect(results).toEqual(Array.from({ length: 12 }, (_, n) => n));
      expect(starts).toHaveLength(12);
      // Between its grant and its start a task may lose a moment, which makes a window look denser than it was.
      const slack = 200;
      starts.sort((a, b) => a - b);
      for (const [from, first] of starts.entries())
        for (const [more, last] of starts.slice(from).entries())
          expect(more + 1).toBeLessThanOrEqual(2 + (last - first + slack) / 50);
    });

    it("is set while they run, for tasks that have none, and outlives them", async () => {
      const [first, second] = [member(), member()];
      const worker = await work(first);
      await work(second);
      const { control } = await coreOf(first.app).connect();
      const setRate = (rate: string | null): Promise<unknown> | undefined =>
        control?.set([taskLimitFact("rate.task", { rate, soft: null, hard: null })]);
      await (await first.task.delay({ n: 1 })).get({ timeout: "60s" });
      await setRate("1/h");
      // Each worker hears of it within a second; until then all is run.
      for (let held = false; !held;) {
        const limited = nextReturned().then(() => true);
        const sent = await first.task.delay({ n: 2 });
        held = await Promise.race([sent.get({ timeout: "60s" }).then(() => false), limited]);
      }
      await Promise.all([worker.stop(), apps[1]?.close()]);
      apps.pop();
      const again = member();
      await work(again);
      const limited = nextReturned();
      await again.task.delay({ n: 3 });
      await limited;
      await setRate("0");
      for (let free = false; !free;) {
        const still = nextReturned().then(() => false);
        const sent = await again.task.delay({ n: 4 });
        free = await Promise.race([sent.get({ timeout: "60s" }).then(() => true), still]);
      }
    });

    it("counts for each key of its own, which calls and signatures name", async () => {
      const one = member({ limit: "1/h", key: ({ who }: { who?: string }) => who ?? "" });
      await work(one);
      const limited = nextReturned();
      const [a] = await one.task.enqueueMany([
        { n: 1, who: "a" },
        { n: 2, who: "a" },
      ]);
      const chained = await one.app.delay(chain(one.task.si({ n: 3, who: "b" }), one.task.si({ n: 4, who: "c" })));
      expect(await Promise.all([a?.get({ timeout: "60s" }), chained.get({ timeout: "60s" })])).toEqual([1, 4]);
      await limited;
      expect(starts).toHaveLength(3);
    });
  });
}
