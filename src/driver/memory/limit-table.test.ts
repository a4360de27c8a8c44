import { expect, it } from "vitest";
import { VirtualClock } from "../../testing/virtual-clock.ts";
import { LimitTable } from "./limit-table.ts";

it("keeps nothing of what is over", async () => {
  const clock = new VirtualClock();
  const table = new LimitTable(clock);
  for (let n = 0; n < 50; n += 1) {
    table.take({ kind: "rate", key: `r${n}`, limit: 1, per: 1_000, burst: 1 });
    table.take({ kind: "slots", key: `s${n}`, limit: 1, holder: "a", lease: 1_000 });
  }
  expect(table.size).toBe(100);
  await clock.advance(999);
  expect(table.size).toBe(100);
  await clock.advance(1);
  expect(table.size).toBe(0);
});
