import { expect, it } from "vitest";

import { VirtualClock } from "../../testing/virtual-clock.ts";
import { CommandRate } from "./command-rate.ts";

function flood(rate: CommandRate, commands: number): Readonly<Record<string, number>> {
  const counts: Record<string, number> = { obey: 0, refuse: 0, drop: 0 };
  for (let turn = 0; turn < commands; turn++) counts[rate.admit()]!++;
  return counts;
}

it("obeys five hundred commands at once and a hundred a second, refuses as many, passes over the rest, and warns once a minute", async () => {
  const clock = new VirtualClock();
  const warnings: string[] = [];
  const rate = new CommandRate(clock, (text) => void warnings.push(text));
  expect(flood(rate, 500)).toEqual({ obey: 500, refuse: 0, drop: 0 });
  expect(warnings).toEqual([]);
  expect(flood(rate, 100_000)).toEqual({ obey: 0, refuse: 500, drop: 99_500 });
  await clock.advance(1_000);
  expect(flood(rate, 1_000)).toEqual({ obey: 100, refuse: 100, drop: 800 });
  expect(warnings).toHaveLength(1);
  await clock.advance(60_000);
  expect(flood(rate, 501)).toEqual({ obey: 500, refuse: 1, drop: 0 });
  expect(warnings).toHaveLength(2);
});
