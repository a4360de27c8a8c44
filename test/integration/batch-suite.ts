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
