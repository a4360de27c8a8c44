import { expect, it } from "vitest";
import { VirtualClock } from "../../testing/virtual-clock.ts";
import { makeTaskMessage } from "../../wire/task-message.ts";
import { Packer } from "./parcel.ts";

it("what waits is due when it was to be, also where it is sent again after the wall clock was set back", () => {
  const clock = new VirtualClock();
  let step = 3_600_000;
  const packer = new Packer({
    now: () => clock.now() + step,
    monotonic: () => clock.monotonic(),
    sleep: (ms, signal) => clock.sleep(ms, signal),
    every: (ms, run) => clock.every(ms, run),
    after: (ms, run) => clock.after(ms, run),
  });
  const message = makeTaskMessage({ task: "t", id: "a", args: [], kwargs: {} });
  const retry = { queue: "q", message, due: clock.now() + step + 5_000 };
  const first = packer.pack(retry);
  expect(first.due).toBe(clock.monotonic() + 5_000);
  // An outage keeps it from being sent, and meanwhile the clock is set right.
  step = 0;
  const again = packer.pack(retry);
  expect(again.due).toBe(first.due);
  expect(packer.outbound(again).routingKey).toBe(packer.outbound(first).routingKey);
  expect(packer.pack({ ...retry, due: clock.now() + 5_000 }).due).toBe(first.due);
});
