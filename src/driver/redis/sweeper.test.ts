/** When sweeps come, by the waits that a sweeper asks its clock for; what they give back, the conformance suite tries. */

import { afterEach, expect, it, vi } from "vitest";
import { startRedis } from "../../../test/server/redis-server.ts";
import { eventually, never } from "../../../test/server/redis-backend.ts";
import { describeWith } from "../../../test/server/required-program.ts";
import { type Clock, systemClock } from "../../clock/clock.ts";
import { loadClient } from "./client.ts";
import { Context } from "./context.ts";
import { readLocation } from "./location.ts";
import { ServerClock } from "./server-clock.ts";
import { Sweeper } from "./sweeper.ts";

const sweep = 600_000;
/** A fifth of a sweep, or so many ms if that is less: over these the askers of one turn are spread. */
const spread = 500;
/** Above all that a connection waits for. */
const long = 10_000;

/** Keeps the long waits, of which `wait` makes what it likes. */
function clockOf(waits: number[], wait: (run: () => void) => Disposable): Clock {
  return {
    ...systemClock,
    after(ms, run) {
      if (ms < long) return systemClock.after(ms, run);
      waits.push(ms);
      return wait(run);
    },
  };
}

async function stage(
  redisUrl: string,
  clock: Clock,
  look = (): boolean => false,
): Promise<{ context: Context; sweeper: Sweeper }> {
  const url = new URL(redisUrl);
  const options = { maxMessageBytes: 1e6, maxDepth: 0, commandTimeout: 2000, allowEviction: false, keyPrefix: "" };
  const context = new Context({ ...options, url, clock }, readLocation(url));
  await context.connect(await loadClient(context.location, context.timeout), never);
  context.scripts.forServer(7);
  const serverClock = new ServerClock(clock, () => {});
  const settings = { lease: 30_000, sweep, queues: () => ["q"], serverClock, look };
  return { context, sweeper: new Sweeper(context, settings) };
}

describeWith("redis-server", "sweeps on redis", () => {
  afterEach(() => vi.restoreAllMocks());

  it.each([
    { why: "a sweep after its own", swept: undefined, least: sweep - long, most: sweep + spread },
    { why: "when the turn of another is over, and not a whole sweep later", swept: 580_000, least: 0, most: 20_500 },
  ])("come $why", async ({ swept, least, most }) => {
    await using redis = await startRedis();
    const waits: number[] = [];
    const clock = clockOf(waits, (run) => systemClock.after(0, run));
    const { context, sweeper } = await stage(redis.url, clock);
    if (swept !== undefined) {
      const [seconds = ""] = (await redis.cli("TIME")).split("\n");
      await redis.cli("SET", context.keys.sweep("q"), String(Number(seconds) * 1000 - swept));
    }
    sweeper.start();
    // The first is anywhere in a sweep, and may be too short to be kept here.
    await eventually("a wait after the first look", () => waits.length > 1, long);
    sweeper.stop();
    context.close();
    expect(waits[1]).toBeGreaterThanOrEqual(least);
    expect(waits[1]).toBeLessThanOrEqual(most);
  });

  it("come when a look has told that the turn is free, and at once when it told that it is ours", async () => {
    await using redis = await startRedis();
    const waits: number[] = [];
    const clock = clockOf(waits, () => ({ [Symbol.dispose]: () => undefined }));
    // One in thirty first waits is shorter than what is told below, and goes on.
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    const { context, sweeper } = await stage(redis.url, clock);
    sweeper.start();
    sweeper.told([["q", 20_000]]);
    const between = (ms = 0): boolean => ms > 19_900 && ms <= 20_000 + spread;
    await eventually("a wait for the turn", () => between(waits.at(-1)), long);
    sweeper.told([["q", 0]]);
    await eventually("a sweep", async () => /cmdstat_evalsha:calls=1/.test(await redis.cli("info", "commandstats")));
    // Who told of the turn has taken it.
    expect(await redis.cli("exists", context.keys.sweep("q"))).toBe("0");
    sweeper.stop();
    context.close();
  });

  it("come though the look that was to ask for the turn never does", async () => {
    await using redis = await startRedis();
    const clock: Clock = { ...systemClock, after: (ms, run) => systemClock.after(ms < long ? ms : 0, run) };
    let looks = 0;
    const { context, sweeper } = await stage(redis.url, clock, () => ++looks > 0);
    sweeper.start();
    await eventually("a sweep", async () => (await redis.cli("exists", context.keys.sweep("q"))) === "1", long);
    expect(looks).toBeGreaterThan(0);
    sweeper.stop();
    context.close();
  });
});
