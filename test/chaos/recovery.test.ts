import { expect, it } from "vitest";
import type { Run } from "./journal.ts";
import { recovery } from "./recovery.ts";

const run = (t: number, fence: number, attempt = 1): Run => ({
  k: "start",
  t,
  id: "a",
  kind: "ok",
  attempt,
  fence,
  pid: 1,
});
const fault = (name: string, t: number, until = t): Parameters<typeof recovery>[1][number] => ({
  k: "fault",
  t,
  until,
  fault: name,
  target: 1,
});

it("counts from the death to the next start, without the outages between them", () => {
  const faults = [fault("kill worker", 100), fault("black hole", 500, 1500), fault("kill redis", 1200, 1700)];
  expect(recovery([[run(0, 1), run(4000, 2)]], faults)).toEqual({
    count: 1,
    p50: 2700,
    p95: 2700,
    p99: 2700,
    max: 2700,
  });
});

it("counts no retry, and nothing that no death interrupted", () => {
  const faults = [fault("stop machine", 100, 900), fault("cut line", 5000)];
  expect(
    recovery(
      [
        [run(0, 1), run(4000, 2, 2)],
        [run(4900, 3), run(6000, 4)],
      ],
      faults,
    ),
  ).toBeUndefined();
});
