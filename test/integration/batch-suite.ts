/** Batches through app and worker: many tasks in one call, each with its own result, retry and dead letter. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type App, createApp, type Outcome } from "../../src/index.ts";
import type { SuiteBroker } from "./worker-suite.ts";

export function batchSuite(name: string, makeBroker: () => Promise<SuiteBroker>): void {
  describe(`batches on ${name}`, () => {
    let broker: SuiteBroker;
    let app: App;

    beforeEach(async () => {
      broker = await makeBroker();
      const { url, results } = broker;
      app = createApp({ name: "batches", broker: url, ...(results !== undefined && { results }) });
    });
    afterEach(async () => {
      await app.close();
      await broker.close();
    });

    it("run many tasks at once and tell each its own end", async () => {
      const sizes: number[] = [];
      const tries = new Map<number, number>();
      const store = app.task(
        "rows.store",
        { batch: { max: 5, maxWait: "5s" }, retry: { limit: 1, delay: () => 10 } },
        async (rows: readonly { n: number }[], { items }) => {
          sizes.push(rows.length);
          return rows.map(({ n }, index): Outcome<string> => {
            tries.set(n, (tries.get(n) ?? 0) + 1);
            if (n === 3 && items[index]?.attempt === 1) return { reason: new Error("once") };
            return n === 4 ? { reason: new Error("no such row") } : { value: `row ${String(n)}` };
          });
        },
      );
      const sent = await store.enqueueMany([1, 2, 3, 4, 5].map((n) => ({ n })));
      await using _worker = await app.work({
        pool: "inline",
        concurrency: 5,
        lease: "60s",
        sweep: "100ms",
        grace: "1s",
      });
      const ends = await Promise.allSettled(sent.map((one) => one.get({ timeout: "60s" })));
      expect(ends.map((end) => (end.status === "fulfilled" ? end.value : (end.reason as Error).message))).toEqual([
        "row 1",
        "row 2",
        "row 3",
        expect.stringContaining("no such row") as string,
        "row 5",
      ]);
      expect(sizes[0]).toBe(5);
      expect([...tries.values()]).toEqual([1, 1, 2, 2, 1]);
    });

    it("holds no more of a key than may run at one time", async () => {
      const batches: string[][] = [];
      const running = { a: 0, b: 0 };
      const most = { a: 0, b: 0 };
      const task = app.task(
        "rows.few",
        { batch: { max: 5, maxWait: "300ms" }, concurrency: { limit: 2, key: ({ who }: { who: "a" | "b" }) => who } },
        async (rows: readonly { who: "a" | "b"; n: number }[]) => {
          batches.push(rows.map(({ who }) => who));
          for (const { who } of rows) most[who] = Math.max(most[who], (running[who] += 1));
          await new Promise((resolve) => setImmediate(resolve));
          for (const { who } of rows) running[who] -= 1;
          return rows.map(({ n }) => ({ value: n }));
        },
      );
      const inputs = [0, 1, 2, 3, 4, 5].map((n) => ({ who: n < 4 ? ("a" as const) : ("b" as const), n }));
      const sent = await task.enqueueMany(inputs);
      await using _worker = await app.work({
        pool: "inline",
        concurrency: 8,
        lease: "30s",
        sweep: "100ms",
        grace: "1s",
      });
      expect(await Promise.all(sent.map((one) => one.get({ timeout: "60s" })))).toEqual([0, 1, 2, 3, 4, 5]);
      expect(most).toEqual({ a: 2, b: 2 });
      expect(batches.flat().toSorted()).toEqual(["a", "a", "a", "a", "b", "b"]);
    });

    it("is not held up by a shutdown", async () => {
      const sizes: number[] = [];
      let began: () => void = () => {};
      const first = new Promise<void>((resolve) => (began = resolve));
      const slow = app.task(
        "rows.slow",
        { batch: { max: 100, maxWait: "1h" } },
        async (rows: readonly { n: number }[]) => {
          sizes.push(rows.length);
          return rows.map(({ n }) => ({ value: n }));
        },
      );
      const sent = await slow.delay({ n: 7 });
      const worker = await app.work({
        pool: "inline",
        concurrency: 200,
        lease: "60s",
        sweep: "100ms",
        onEvent: ({ type }) => type === "task:started" && began(),
      });
      await first;
      await worker.stop();
      expect(await sent.get({ timeout: "60s" })).toBe(7);
      expect(sizes).toEqual([1]);
    });
  });
}
