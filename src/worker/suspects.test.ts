import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { Delivery } from "../port/broker.ts";
import type { TaskDraft } from "../wire/task-message.ts";
import type { Execution } from "./execution.ts";
import { type Bench, flowBench, value } from "./fixtures/flow-bench.ts";
import { Suspects } from "./suspects.ts";

const suspect = (claimedAt = 0): Execution => ({ isolated: true, claimedAt }) as Execution;

describe("suspects", () => {
  it("hold nobody back while one of them runs, for the next place is theirs anyway", () => {
    const suspects = new Suspects({ slots: 4 });
    suspects.add(suspect(), 0);
    suspects.add(suspect(), 0);
    const [running] = suspects.take(1, 0);
    suspects.take(0, 60_000);
    expect(suspects.holdBack(61_000)).toBe(false);
    if (running) suspects.ended(running);
    suspects.take(0, 62_000);
    expect(suspects.holdBack(61_999)).toBe(false);
    expect(suspects.holdBack(62_001)).toBe(true);
  });

  it("go back when they have waited for long behind one that runs", () => {
    const suspects = new Suspects({ slots: 4 });
    for (const claimedAt of [1, 2, 3000]) suspects.add(suspect(claimedAt), 0);
    suspects.take(1, 0);
    suspects.take(0, 5002);
    expect(suspects.takeStale(5002)).toEqual([]);
    expect(suspects.takeStale(5003).map(({ claimedAt }) => claimedAt)).toEqual([2]);
    expect(suspects.waiting.map(({ claimedAt }) => claimedAt)).toEqual([3000]);
  });

  it("do not go back in their turn, and have the next one though they went back and came again", () => {
    const suspects = new Suspects({ slots: 4 });
    suspects.add(suspect(), 0);
    expect(suspects.takeStale(5900)).toEqual([]);
    expect(suspects.takeStale(6100)).toHaveLength(1);
    suspects.add(suspect(6200), 6200);
    expect([13_900, 14_100, 29_900].map((now) => suspects.holdBack(now))).toEqual([false, true, true]);
    expect(suspects.takeStale(29_900)).toEqual([]);
  });

  it("that are more than may wait go back for a second, one after the other", () => {
    const suspects = new Suspects({ slots: 2 });
    for (let n = 0; n < 5; n++) suspects.add(suspect(n), 0);
    expect(suspects.takeSurplus(0).map(([{ claimedAt }, wait]) => [claimedAt, wait])).toEqual([
      [2, 1000],
      [3, 1100],
      [4, 1200],
    ]);
    suspects.add(suspect(9), 0);
    expect(suspects.takeSurplus(100).map(([, wait]) => wait)).toEqual([1200]);
    expect(suspects.takeSurplus(100)).toEqual([]);
  });
});

type Draft = Partial<TaskDraft> & { readonly more?: Partial<Delivery> };

/** A queue before the bench: hands out as many as are wanted, takes back what is put back. Runs of suspects take 300 ms, others 50. */
class Queue {
  readonly #bench: Bench;
  readonly #ready: Draft[];
  readonly #later: { readonly due: number; readonly draft: Draft }[] = [];
  readonly #held = new Map<Delivery, Draft>();
  readonly #ends: { readonly at: number; readonly end: () => void }[] = [];
  readonly done: string[] = [];
  #settled = 0;
  #called = 0;
  mostHeld = 0;
  returns = 0;

  constructor(bench: Bench, drafts: readonly Draft[]) {
    this.#bench = bench;
    this.#ready = [...drafts];
  }

  async pass(ms: number): Promise<void> {
    const until = this.#bench.clock.now() + ms;
    while (this.#bench.clock.now() < until) {
      for (let n = 0; n < 100; n++) {
        this.#handOut();
        await turn();
      }
      await this.#bench.clock.advance(50);
      this.#bench.flow.giveBackStale();
      for (const { end } of this.#ends.filter(({ at }) => at <= this.#bench.clock.now())) end();
    }
  }

  #handOut(): void {
    const { clock, settled, calls, wanted } = this.#bench;
    for (const { delivery, then } of settled.slice(this.#settled)) {
      const draft = this.#held.get(delivery);
      this.#held.delete(delivery);
      if (draft === undefined || then.kind !== "requeue") continue;
      expect(then).not.toHaveProperty("crashes");
      expect(then).not.toHaveProperty("suspicions");
      this.returns++;
      if (then.due === undefined) this.#ready.unshift(draft);
      else this.#later.push({ due: then.due, draft });
    }
    this.#settled = settled.length;
    for (const { call, end } of calls.slice(this.#called)) {
      const at = clock.now() + (call.isolated ? 300 : 50);
      const over = (): void => {
        this.#ends.splice(this.#ends.indexOf(ending), 1);
        this.done.push(call.id);
        end(value(call));
      };
      const ending = { at, end: over };
      this.#ends.push(ending);
    }
    this.#called = calls.length;
    for (const one of this.#later.filter(({ due }) => due <= clock.now())) {
      this.#later.splice(this.#later.indexOf(one), 1);
      this.#ready.push(one.draft);
    }
    const room = (wanted.at(-1) ?? 0) - this.#held.size;
    const drafts = this.#ready.splice(0, Math.max(0, room));
    for (const [index, delivery] of this.#bench.deliver(...drafts).entries()) {
      this.#held.set(delivery, drafts[index] ?? {});
    }
    this.mostHeld = Math.max(this.mostHeld, this.#held.size);
  }
}

it("let a worker of four slots do a hundred other tasks while forty of them run, two at a time", async () => {
  const bench = flowBench({ slots: 4 });
  const suspects = Array.from({ length: 40 }, (_, n) => ({ id: `suspect-${String(n)}`, more: { suspicions: 1 } }));
  const others = Array.from({ length: 100 }, (_, n) => ({ id: `other-${String(n)}` }));
  const queue = new Queue(bench, [...suspects, ...others]);
  const done = (what: string): number => queue.done.filter((id) => id.startsWith(what)).length;
  await queue.pass(3000);
  expect(done("other")).toBe(100);
  expect(done("suspect")).toBeGreaterThan(10);
  expect(done("suspect")).toBeLessThan(40);
  await queue.pass(4000);
  expect(done("suspect")).toBe(40);
  // Its four slots, and as many suspects in line.
  expect(queue.mostHeld).toBe(8);
  // Each of those beyond was put back a few times, and not as fast as it could be claimed.
  expect(queue.returns).toBeGreaterThan(0);
  expect(queue.returns).toBeLessThan(120);
  expect(bench.started).toHaveLength(140);
});
