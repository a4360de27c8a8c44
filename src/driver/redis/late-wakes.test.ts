import { expect, it } from "vitest";
import type { RedisDelivery } from "./delivery.ts";
import { LateWakes } from "./late-wakes.ts";

const brought = (...raws: string[]): RedisDelivery[] =>
  raws.map((raw) => ({ raw: Buffer.from(raw) }) as Partial<RedisDelivery> as RedisDelivery);

it("misses nothing where nobody woke it", () => {
  expect(new LateWakes().missedBy(brought())).toBe(false);
});

it("looks again for a bell, whatever came", () => {
  const late = new LateWakes();
  late.add(undefined);
  expect(late.missedBy(brought("a"))).toBe(true);
  late.clear();
  expect(late.missedBy(brought("a"))).toBe(false);
});

it("looks again for an envelope that did not come, and for none that came", () => {
  const late = new LateWakes();
  late.add(Buffer.from("b"));
  expect(late.missedBy(brought("a", "b"))).toBe(false);
  expect(late.missedBy(brought("a"))).toBe(true);
});

it("looks again for the second of two that were seen, and for a bell beside one", () => {
  for (const second of [Buffer.from("b"), undefined]) {
    const late = new LateWakes();
    late.add(Buffer.from("a"));
    late.add(second);
    expect(late.missedBy(brought("a", "b"))).toBe(true);
  }
});
