/** Until when a consumer may claim: not on the strength of leases that it could not renew. */

import { expect, it } from "vitest";

import { Holder } from "./holder.ts";
import { consuming } from "./fixtures/harness.ts";

const lease = 30_000;
const held = (until: number) => ({ fence: 1, until, noted: true, large: false });

function holderOf(...untils: number[]): Holder {
  const holder = new Holder(1, [1], { ...consuming, lease });
  holder.want = 10;
  for (const [seq, until] of untils.entries()) holder.held.set(seq, held(until));
  return holder;
}

it("starts nothing new from two thirds of a lease on in which nothing was renewed, and goes on after a renewal", () => {
  const holder = holderOf(100_000 + lease, 110_000 + lease);
  expect(holder.canClaim(100_000 + (lease * 2) / 3)).toBe(true);
  expect(holder.canClaim(100_000 + (lease * 2) / 3 + 1)).toBe(false);
  expect(holder.canClaim(100_000 + lease)).toBe(false);
  for (const task of holder.held.values()) task.until = 120_000 + lease;
  expect(holder.canClaim(120_001)).toBe(true);
});

it("claims at any time while it holds nothing, whenever it last renewed", () => {
  expect(holderOf().canClaim(1e12)).toBe(true);
});
