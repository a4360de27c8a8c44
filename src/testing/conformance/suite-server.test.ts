import { expect, it } from "vitest";
import { VirtualClock } from "../virtual-clock.ts";
import { stoppableClock } from "./suite-server.ts";

const never = new AbortController().signal;

it("holds timers and sleeps while it is stopped, though time goes on, and runs each once when it goes on", async () => {
  const inner = new VirtualClock(0);
  const clock = stoppableClock(inner);
  const ran: string[] = [];
  using _every = clock.every(10, () => void ran.push(`every ${clock.now()}`));
  clock.after(25, () => void ran.push(`after ${clock.now()}`));
  const gone = clock.after(25, () => void ran.push("disposed"));
  void clock.sleep(25, never).then(() => void ran.push(`slept ${clock.now()}`));
  await inner.advance(10);
  expect(ran).toEqual(["every 10"]);
  clock.stop();
  await inner.advance(30);
  gone[Symbol.dispose]();
  expect(ran).toEqual(["every 10"]);
  expect(clock.monotonic()).toBe(40);
  clock.go();
  await inner.advance(0);
  expect(ran).toEqual(["every 10", "every 40", "after 40", "slept 40"]);
  await inner.advance(10);
  expect(ran.at(-1)).toBe("every 50");
});
