/**
 * The contract of a pool. What a kind of pool cannot do is said by `contains`, and only the cases that need it are left out.
 *
 * @example
 * ```ts
 * poolConformance("inline", { contains: "none", make: (settings) => createInlinePool({ ...settings, registry }) });
 * ```
 */

import { describe } from "vitest";
import { batchCases } from "./pool-batches.ts";
import { bootCases } from "./pool-boot.ts";
import { deathCases } from "./pool-deaths.ts";
import { lifeCases } from "./pool-life.ts";
import { limitCases } from "./pool-limits.ts";
import { replyCases } from "./pool-replies.ts";
import { terminationCases } from "./pool-terminations.ts";
import type { PoolSubject } from "./pool-rig.ts";

export type { PoolSettings, PoolSubject } from "./pool-rig.ts";

export function poolConformance(name: string, subject: PoolSubject): void {
  describe(`pool: ${name}`, () => {
    describe("replies", () => replyCases(subject));
    describe("batches", () => batchCases(subject));
    describe("limits", () => limitCases(subject));
    describe("terminations", () => terminationCases(subject));
    describe("slots and closing", () => lifeCases(subject));
    if (subject.contains === "none") return;
    describe("deaths", () => deathCases(subject));
    describe("starting", () => bootCases(subject));
  });
}
