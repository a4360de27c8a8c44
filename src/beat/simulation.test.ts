/**
 * Two schedulers, one of them killed, frozen or stopped around a tick, a thousand times: every tick is sent once, none twice, none never.
 * And the same count with guards taken away, to see that it can fail.
 */

import { describe, expect, test } from "vitest";
import { coreOf } from "../app/app.ts";
import { callOf } from "./call.ts";
import { every } from "./every.ts";
import { openScene, type Sabotage, type Scheduler } from "./fixtures/simulation.ts";

const ttl = 3_000;
const period = 10_000;

interface Verdict {
  readonly ticks: number;
  readonly missing: number;
  readonly twice: number;
  readonly strange: number;
}

async function play(rounds: number, seed: number, sabotage?: Sabotage): Promise<Verdict> {
  const random = randomOf(seed);
  const scene = await openScene(
    (app) => {
      const work = app.task("work", async () => {});
      app.schedule("work", every(period), work.si());
    },
    ttl,
    sabotage,
  );
  let made = 0;
  const make = (): Promise<Scheduler> => scene.make(`s${String((made += 1))}`);
  const running: Scheduler[] = [await make(), await make()];
  const begun = scene.clock.now();
  const counts = new Map<string, number>();
  const collect = async (): Promise<void> => {
    for (const id of await scene.collect()) counts.set(id, (counts.get(id) ?? 0) + 1);
  };
  const stopping: Promise<void>[] = [];
  const thaws: { readonly at: number; readonly who: Scheduler }[] = [];
  let passed = 0;
  const advanceTo = async (at: number): Promise<void> => {
    for (const thaw of thaws.filter((each) => each.at <= at).sort((a, b) => a.at - b.at)) {
      await scene.clock.advance(Math.max(0, thaw.at - passed));
      passed = Math.max(passed, thaw.at);
      thaw.who.thaw();
      thaws.splice(thaws.indexOf(thaw), 1);
    }
    await scene.clock.advance(at - passed);
    passed = at;
  };
  for (let round = 1; round <= rounds; round += 1) {
    // As often while the call that sends it is on its way as around it.
    const offset = Math.round(random() < 0.5 ? random() * 16 : (random() - 0.5) * 400);
    await advanceTo(round * period + offset);
    const at = running.findIndex(({ leads }) => leads !== random() < 0.2);
    const who = running[Math.max(0, at)];
    if (who === undefined || thaws.some((thaw) => thaw.who === who)) continue;
    const fault = random();
    if (fault < 0.4) {
      who.kill();
      running.splice(running.indexOf(who), 1, await make());
    } else if (fault < 0.9) {
      who.freeze();
      thaws.push({ at: passed + Math.round(random() * 2.5 * ttl), who });
    } else {
      running.splice(running.indexOf(who), 1, await make());
      stopping.push(who.stop());
    }
    if (round % 100 === 0) await collect();
  }
  await advanceTo((rounds + 2) * period - 1);
  await collect();
  const [entry, core] = [await scene.entry("work"), coreOf(scene.app)];
  const ends = [...stopping, ...running.map((scheduler) => scheduler.stop())];
  await scene.clock.advance(1_000);
  await Promise.all(ends);
  await scene.close();

  const verdict = { ticks: rounds + 1, missing: 0, twice: 0, strange: counts.size };
  for (let n = 1; n <= rounds + 1; n += 1) {
    const count = counts.get(callOf(core, entry, begun + n * period).result.id) ?? 0;
    if (count === 0) verdict.missing += 1;
    else verdict.strange -= 1;
    if (count > 1) verdict.twice += 1;
  }
  return verdict;
}

describe("two schedulers", () => {
  test("send each of a thousand ticks once, though one is killed, frozen or stopped around every one", async () => {
    expect(await play(1_000, 1)).toEqual({ ticks: 1_001, missing: 0, twice: 0, strange: 0 });
  });

  test("also where one call in five fails, before it was carried out or after", async () => {
    const random = randomOf(4);
    const unreliable = async <T>(call: () => Promise<T>): Promise<T> => {
      if (random() < 0.1) throw new Error("no way there");
      const answer = await call();
      if (random() < 0.1) throw new Error("no way back");
      return answer;
    };
    const failing: Sabotage = (lease) => ({
      ...bound(lease),
      acquire: (...call) => unreliable(() => lease.acquire(...call)),
      renew: (...call) => unreliable(() => lease.renew(...call)),
      fire: (...call) => unreliable(() => lease.fire(...call)),
      fired: (...call) => unreliable(() => lease.fired(...call)),
    });
    expect(await play(200, 4, failing)).toEqual({ ticks: 201, missing: 0, twice: 0, strange: 0 });
  });

  test("send ticks twice where nothing guards them", async () => {
    const unguarded: Sabotage = (lease, { messages }) => ({
      ...bound(lease),
      async fire(_term, _schedule, _tick, send) {
        for (const outgoing of send) messages.publish(messages.encode(outgoing), {}, 0);
        return "fired";
      },
    });
    expect((await play(100, 2, unguarded)).twice).toBeGreaterThan(0);
  });

  test("lose ticks where noting and sending are two steps", async () => {
    const parted: Sabotage = (lease, { messages, clock }) => ({
      ...bound(lease),
      async fire(term, schedule, tick, send) {
        const answer = await lease.fire(term, schedule, tick, []);
        if (answer !== "fired") return answer;
        // Long enough for the fault of its round to fall in between.
        await clock.sleep(8, new AbortController().signal);
        if (await lease.renew(term, ttl).catch(() => undefined))
          for (const outgoing of send) messages.publish(messages.encode(outgoing), {}, 0);
        return answer;
      },
    });
    expect((await play(100, 3, parted)).missing).toBeGreaterThan(0);
  });
});

type Ports = Parameters<Sabotage>[0];

function bound(lease: Ports): Ports {
  return {
    acquire: (...call) => lease.acquire(...call),
    renew: (...call) => lease.renew(...call),
    release: (...call) => lease.release(...call),
    fire: (...call) => lease.fire(...call),
    fired: (...call) => lease.fired(...call),
    forget: (...call) => lease.forget(...call),
    begin: (...call) => lease.begin(...call),
    done: (...call) => lease.done(...call),
  };
}

/** Mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
