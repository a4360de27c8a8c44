/** Tenants that take turns in one queue: a flood of one does not hold up the others. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { coreOf } from "../../src/app/app.ts";
import { type App, createApp } from "../../src/index.ts";
import type { SuiteBroker } from "./worker-suite.ts";

interface Job {
  readonly tenant: string;
  readonly n: number;
}

export function fairnessSuite(name: string, makeBroker: () => Promise<SuiteBroker>): void {
  describe(`fairness on ${name}`, () => {
    let broker: SuiteBroker;
    let app: App;
    beforeEach(async () => {
      broker = await makeBroker();
      const { url, results } = broker;
      app = createApp({ name: "fairness", broker: url, ...(results !== undefined && { results }) });
    });
    afterEach(async () => {
      await app.close();
      await broker.close();
    });

    const jobs = (tenant: string, count: number): Job[] => Array.from({ length: count }, (_, n) => ({ tenant, n }));

    const declare = (order: string[]) =>
      app.task("fair.task", { fairness: ({ tenant }: Job) => tenant }, ({ tenant, n }: Job) => {
        order.push(`${tenant}${String(n)}`);
        return n;
      });
    const isFair = async (): Promise<boolean> => (await coreOf(app).connect()).broker.features.fair;

    it("refuses the call where no keys take turns", async ({ skip }) => {
      const task = declare([]);
      skip(await isFair(), "keys take turns");
      const refused = { code: "NOT_SUPPORTED", message: expect.stringContaining("take no turns") };
      await expect(task.delay({ tenant: "a", n: 1 })).rejects.toMatchObject(refused);
    });

    it("serves who sends seldom between a flood of another, in the order of each, and says what comes before", async ({
      skip,
    }) => {
      const order: string[] = [];
      const task = declare(order);
      skip(!(await isFair()), "no keys take turns");
      const flood = await task.enqueueMany(jobs("flood", 40));
      // What JSON would write otherwise finds its line too.
      const others = ["ann", 'b"\\ob', "žofie"];
      for (const tenant of others) await task.enqueueMany(jobs(tenant, 3));
      const { reasons } = await app.explain(flood[39]?.id ?? "");
      expect(reasons).toContainEqual(expect.objectContaining({ kind: "behind", ahead: 48, key: "flood" }));
      await app.work({ pool: "inline", concurrency: 1, grace: "1s" });
      await Promise.all(flood.map((each) => each.get({ timeout: "60s" })));
      expect(order).toHaveLength(49);
      for (const tenant of others) {
        const own = order.filter((each) => each.startsWith(tenant));
        expect(own).toEqual([0, 1, 2].map((n) => `${tenant}${n}`));
        expect(order.indexOf(`${tenant}2`)).toBeLessThan(13);
      }
      expect(order.filter((each) => each.startsWith("flood"))).toEqual(jobs("flood", 40).map(({ n }) => `flood${n}`));
    });
  });
}
