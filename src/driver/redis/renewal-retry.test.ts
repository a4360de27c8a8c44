import { expect, it } from "vitest";
import { VirtualClock } from "../../testing/virtual-clock.ts";
import { Keys } from "./keys.ts";
import type { Link } from "./link.ts";
import { readLocation } from "./location.ts";
import { LocalRenewer } from "./renewal.ts";
import type { Scripts } from "./script/script.ts";

it("a renewal that is refused comes again a tenth of a lease later, and not a third", async () => {
  const clock = new VirtualClock();
  const asked: number[] = [];
  const began = clock.monotonic();
  // A full disk, for two seconds: with the next tries at 2 and 3 s the lease of 3 s would be over.
  const run = (): Promise<unknown> => {
    asked.push(clock.monotonic() - began);
    return clock.monotonic() - began < 2_100 ? Promise.reject(new Error("MISCONF")) : Promise.resolve(["0"]);
  };
  const renewer = new LocalRenewer(
    { clock, lease: 3_000, interval: 1_000, report: () => {} },
    {} as Link,
    { run } as unknown as Scripts,
    new Keys("", readLocation(new URL("redis://127.0.0.1/0"))),
  );
  renewer.hold([{ claim: "1.0.q", fence: 1, step: 0, queue: "q" }]);
  for (let past = 0; past < 2_500; past += 50) await clock.advance(50);
  expect(asked[0]).toBe(1_000);
  expect(renewer.renewedAt - began).toBeLessThanOrEqual(2_450);
  expect(renewer.renewedAt).toBeGreaterThan(began);
  await renewer.close();
  const tries = asked.length;
  await clock.advance(5_000);
  expect(asked).toHaveLength(tries);
});
