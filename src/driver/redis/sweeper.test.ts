/** When sweeps come, by the waits that a sweeper asks its clock for; what they give back, the conformance suite tries. */

import { expect, it } from "vitest";
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

describeWith("redis-server", "sweeps on redis", () => {
  it.each([
    { why: "a sweep after its own", swept: undefined, least: sweep - long, most: sweep + spread },
    { why: "when the turn of another is over, and not a whole sweep later", swept: 580_000, least: 0, most: 20_500 },
  ])("come $why", async ({ swept, least, most }) => {
    await using redis = await startRedis();
    const waits: number[] = [];
    const clock: Clock = {
      ...systemClock,
      after(ms, run) {
        if (ms < long) return systemClock.after(ms, run);
        waits.push(ms);
        return systemClock.after(0, run);
      },
    };
    const url = new URL(redis.url);
    const options = { maxMessageBytes: 1e6, maxDepth: 0, commandTimeout: 2000, allowEviction: false, keyPrefix: "" };
    const context = new Context({ ...options, url, clock }, readLocation(url));
    await context.connect(await loadClient(context.location, context.timeout), never);
    context.scripts.forServer(7);
    if (swept !== undefined) {
      const [seconds = ""] = (await redis.cli("TIME")).split("\n");
      await redis.cli("SET", context.keys.sweep("q"), String(Number(seconds) * 1000 - swept));
    }
    const serverClock = new ServerClock(clock, () => {});
    const sweeper = new Sweeper(context, { lease: 30_000, sweep, queues: () => ["q"], serverClock });
    sweeper.start();
    // The first is anywhere in a sweep, and may be too short to be kept here.
    await eventually("a wait after the first look", () => waits.length > 1, long);
    sweeper.stop();
    context.close();
    expect(waits[1]).toBeGreaterThanOrEqual(least);
    expect(waits[1]).toBeLessThanOrEqual(most);
  });
});
