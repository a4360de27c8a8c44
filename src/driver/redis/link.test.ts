import { expect, it } from "vitest";
import { VirtualClock } from "../../testing/virtual-clock.ts";
import type { RedisClient } from "./client.ts";
import { Link } from "./link.ts";

/** How often a link without a server tries to reach it in so many ms. */
async function triesWithin(ms: number, lease?: number): Promise<number> {
  const clock = new VirtualClock();
  let tries = 0;
  const unreachable = (): RedisClient =>
    ({
      connect: () => Promise.reject(new Error(`refused, ${String(++tries)} times`)),
      disconnect: () => {},
      on: () => {},
    }) as unknown as RedisClient;
  const link = new Link({ clock, make: unreachable, timeout: 1_000, name: "nobody" });
  if (lease !== undefined) link.keepLease(lease);
  link.start();
  for (let past = 0; past < ms; past += 10) await clock.advance(10);
  link.close();
  return tries;
}

it("a server that is back between two outages is met: who has a lease tries ten times in it", async () => {
  // Doubled each time up to two seconds, the pauses left 0.6 s of reach unused, and what a worker held was another's after 3 s.
  expect(await triesWithin(30_000, 3_000)).toBeGreaterThan(75);
  expect(await triesWithin(30_000)).toBeLessThan(30);
  expect(await triesWithin(30_000, 60_000)).toBeLessThan(30);
});
