import { describe, expect, it } from "vitest";
import type { Pool } from "../pool/pool.ts";
import type { Execution } from "./execution.ts";
import { Slots } from "./slots.ts";

/** Only what `Slots` asks of a pool: its room, which changes when calls are given and not before. */
function poolWith(room: { normal: number; isolated: number }): Pool {
  return { room: (call: { isolated: boolean }) => (call.isolated ? room.isolated : room.normal) } as Pool;
}

function execution(isolated = false, claimedAt = 0): Execution {
  return { isolated, claimedAt, slot: 0 } as Execution;
}

describe("slots", () => {
  it("never picks more in one round than the pool has room for", () => {
    const slots = new Slots(poolWith({ normal: 3, isolated: 0 }), { slots: 8 });
    for (let i = 0; i < 10; i++) slots.add(execution(), 0);
    expect(slots.take(0)).toHaveLength(3);
    expect(slots.waiting).toBe(7);
  });

  it("picks suspects alone, then the others", () => {
    const slots = new Slots(poolWith({ normal: 2, isolated: 1 }), { slots: 8 });
    slots.add(execution(), 0);
    slots.add(execution(true), 0);
    expect(slots.take(0).map(({ isolated }) => isolated)).toEqual([true]);
    expect(slots.take(0).map(({ isolated }) => isolated)).toEqual([false]);
  });

  it("lets suspects and the others give way to each other when there is no lonely place", () => {
    const room = { normal: 1, isolated: 0 };
    const slots = new Slots(poolWith(room), { slots: 8 });
    slots.add(execution(true), 0);
    for (let i = 0; i < 5; i++) slots.add(execution(), 0);
    expect(slots.take(100)).toHaveLength(1);
    expect(slots.take(2100)).toHaveLength(0);
    room.isolated = 1;
    expect(slots.take(2200).map(({ isolated }) => isolated)).toEqual([true]);
    room.isolated = 0;
    expect(slots.take(4300)).toHaveLength(1);
  });

  it("keeps the order of a long line", () => {
    const room = { normal: 7, isolated: 0 };
    const slots = new Slots(poolWith(room), { slots: 8 });
    for (let i = 0; i < 500; i++) slots.add(execution(false, i), 0);
    const order: number[] = [];
    for (let picked = slots.take(0); picked.length > 0; picked = slots.take(0))
      order.push(...picked.map(({ claimedAt }) => claimedAt));
    expect(order).toEqual(Array.from({ length: 500 }, (_, i) => i));
  });

  it("takes out what has waited for too long", () => {
    const slots = new Slots(poolWith({ normal: 0, isolated: 0 }), { slots: 8 });
    for (const claimedAt of [1, 2, 3]) slots.add(execution(false, claimedAt), 0);
    expect(slots.takeStale(1003).map(({ claimedAt }) => claimedAt)).toEqual([1, 2]);
    expect(slots.waiting).toBe(1);
  });
});
