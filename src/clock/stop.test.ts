import { expect, it } from "vitest";
import { Stop } from "./stop.ts";

it("tells each listener once, in their order, and none that has left or comes too late", () => {
  const told: string[] = [];
  const stop = new Stop();
  const [first, second] = [() => void told.push("first"), () => void told.push("second")];
  stop.addEventListener("abort", first);
  stop.addEventListener("abort", second);
  stop.addEventListener("abort", () => told.push(`third: ${String(stop.reason)}`));
  stop.removeEventListener("abort", second);
  expect([stop.aborted, stop.reason]).toEqual([false, undefined]);
  stop.abort("why");
  stop.abort("again");
  stop.addEventListener("abort", first);
  expect(told).toEqual(["first", "third: why"]);
  expect([stop.aborted, stop.reason]).toEqual([true, "why"]);
});

it("keeps the order when the first has left", () => {
  const told: number[] = [];
  const stop = new Stop();
  const listeners = [1, 2, 3].map((number) => () => void told.push(number));
  for (const listener of listeners) stop.addEventListener("abort", listener);
  stop.removeEventListener("abort", listeners[0] as () => void);
  stop.addEventListener("abort", () => told.push(4));
  stop.abort(undefined);
  expect(told).toEqual([2, 3, 4]);
});

it("is a signal for what takes nothing else", () => {
  const stop = new Stop();
  const signal = stop.asSignal();
  expect(signal.aborted).toBe(false);
  stop.abort("why");
  expect([signal.aborted, signal.reason]).toEqual([true, "why"]);
  expect(stop.asSignal().reason).toBe("why");
});
