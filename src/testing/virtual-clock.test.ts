import { describe, expect, it } from "vitest";
import { VirtualClock } from "./virtual-clock.ts";

const never = new AbortController().signal;

describe("VirtualClock", () => {
  it("stands still until it is moved", async () => {
    const clock = new VirtualClock(1_000);
    expect([clock.now(), clock.monotonic()]).toEqual([1_000, 0]);
    await clock.advance(250);
    expect([clock.now(), clock.monotonic()]).toEqual([1_250, 250]);
  });

  it("runs timers at their own moments, in order, those of one moment as they were set", async () => {
    const clock = new VirtualClock(0);
    const ran: string[] = [];
    const note = (name: string) => () => void ran.push(`${name} ${clock.now()}`);
    clock.after(30, note("c"));
    clock.after(10, note("a"));
    clock.after(30, note("d"));
    using _every = clock.every(20, note("b"));
    await clock.advance(45);
    expect(ran).toEqual(["a 10", "b 20", "c 30", "d 30", "b 40"]);
    expect(clock.pending).toBe(1);
  });

  it("lets promises settle before the next timer, so that a chain of sleeps takes its time", async () => {
    const clock = new VirtualClock(0);
    const woke: number[] = [];
    const sleeper = (async () => {
      for (let n = 0; n < 3; n += 1) {
        await clock.sleep(10, never);
        await Promise.resolve();
        woke.push(clock.now());
      }
    })();
    await clock.advance(30);
    await sleeper;
    expect(woke).toEqual([10, 20, 30]);
  });

  it("runs no timer that was disposed, not even one that was due at the same moment", async () => {
    const clock = new VirtualClock();
    let runs = 0;
    const second = { timer: clock.every(1_000, () => {}) };
    clock.after(10, () => second.timer[Symbol.dispose]());
    second.timer = clock.after(10, () => void (runs += 1));
    await clock.advance(10);
    expect(runs).toBe(0);
  });

  it("ends a sleep with its signal's reason, at once or later", async () => {
    const clock = new VirtualClock();
    await expect(clock.sleep(10, AbortSignal.abort(new Error("before")))).rejects.toThrow("before");
    const stop = new AbortController();
    const sleeping = clock.sleep(10, stop.signal);
    stop.abort(new Error("meanwhile"));
    await expect(sleeping).rejects.toThrow("meanwhile");
    expect(clock.pending).toBe(0);
  });

  it("steps the wall clock without touching timers", async () => {
    const clock = new VirtualClock(0);
    let ran = false;
    clock.after(10, () => void (ran = true));
    clock.jump(3_600_000);
    await clock.advance(9);
    expect([ran, clock.now(), clock.monotonic()]).toEqual([false, 3_600_009, 9]);
    await clock.advance(1);
    expect(ran).toBe(true);
  });

  it("queues moves that are made at the same time, and passes on what a timer throws", async () => {
    const clock = new VirtualClock(0);
    clock.after(5, () => {
      throw new Error("from the timer");
    });
    const first = clock.advance(10);
    const second = clock.advance(10);
    await expect(first).rejects.toThrow("from the timer");
    await second;
    expect(clock.now()).toBe(15);
  });
});
