/** What an idle consumer asks of the server, with a clock whose long waits end when the test says so. */

import { afterEach, beforeEach, expect, it } from "vitest";
import { Catch, eventually, idOf, never, openBackend, outgoing } from "../../../test/server/redis-backend.ts";
import { startRedis, type RedisServer } from "../../../test/server/redis-server.ts";
import { describeWith } from "../../../test/server/required-program.ts";
import { type Clock, systemClock } from "../../clock/clock.ts";
import type { Backend } from "../../port/backend.ts";

/** Looks, sweeps, timeouts and renewals wait for longer. */
const long = 900;
/** No turn to sweep comes up by itself. */
const sweep = 3_600_000;

class HeldClock implements Clock {
  readonly now = (): number => systemClock.now();
  readonly monotonic = (): number => systemClock.monotonic();
  readonly every = (ms: number, run: () => void): Disposable => systemClock.every(ms, run);
  readonly sleep = (ms: number, signal: AbortSignal): Promise<void> => systemClock.sleep(ms, signal);
  readonly #held = new Set<{ readonly ms: number; readonly run: () => void }>();

  after(ms: number, run: () => void): Disposable {
    if (ms < long) return systemClock.after(ms, run);
    const one = { ms, run };
    this.#held.add(one);
    return { [Symbol.dispose]: () => void this.#held.delete(one) };
  }

  /** Ends the waits of at most so many ms. */
  end(most: number): void {
    const over = [...this.#held].filter(({ ms }) => ms <= most);
    for (const one of over) {
      this.#held.delete(one);
      one.run();
    }
  }
}

describeWith("redis-server", "an idle consumer on redis", () => {
  let redis: RedisServer;
  let clock: HeldClock;
  const open: Backend[] = [];
  const start = async (with_: Clock = clock): Promise<Backend> => {
    const backend = await openBackend(redis.url, { clock: with_ });
    open.push(backend);
    return backend;
  };
  beforeEach(async () => {
    redis = await startRedis();
    clock = new HeldClock();
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((backend) => backend.close()));
    await redis.stop();
  });

  const watcher = (): Promise<string> => redis.cli("get", "celeriac:watch:q");
  const calls = async (command: string): Promise<number> =>
    Number(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, "m").exec(await redis.cli("info", "commandstats"))?.[1] ?? 0);

  it("asks once for each look, and claims nothing for it", async () => {
    const backend = await start();
    await Catch.open(backend, "q", 1, { sweep });
    await eventually("its watch", async () => (await watcher()) !== "");
    // The turn to sweep was free, so its first look brought a sweep.
    await eventually("the first sweep", async () => (await calls("zrangebyscore")) > 1);
    await redis.cli("config", "resetstat");
    for (const looks of [1, 2]) {
      await eventually("the next look", async () => {
        clock.end(1000);
        return (await calls("evalsha")) === looks;
      });
    }
    expect(await Promise.all(["rpop", "hget", "zrangebyscore"].map(calls))).toEqual([0, 0, 0]);
  });

  it("finds what waits without a bell when it looks", async () => {
    const backend = await start();
    const caught = await Catch.open(backend, "q", 1, { sweep });
    await eventually("its watch", async () => (await watcher()) !== "");
    // A list that is never peeked at.
    const raw =
      '{"body":"W1tdLHt9LHt9XQ==","headers":{"id":"x","task":"t"},"content-type":"application/json","properties":{}}';
    await redis.cli("lpush", "q\u0006\u00169", raw);
    await eventually("the message", () => {
      clock.end(1000);
      return caught.all.length === 1;
    });
    expect(caught.all.map(idOf)).toEqual(["x"]);
  });

  it("takes over at once when the watcher of its queue stops", async () => {
    const [first, second] = [await start(), await start()];
    const one = await Catch.open(first, "q", 1, { sweep });
    await eventually("a watch", async () => (await watcher()) !== "");
    const before = await watcher();
    await Catch.open(second, "q", 1, { sweep });
    await eventually("its first look", async () => (await calls("blpop")) === 2);
    await one.consumer.stop();
    await eventually("another watch", async () => !["", before].includes(await watcher()));
  });

  it("is handed what it claims after it was told that the facts have changed", async () => {
    const backend = await start();
    const told: number[] = [];
    const gate = Promise.withResolvers<void>();
    backend.control?.follow?.((version) => {
      told.push(version);
      return version === 0 ? undefined : gate.promise;
    });
    const caught = await Catch.open(backend, "q", 1, { sweep });
    await eventually("its watch", async () => (await watcher()) !== "");
    expect(new Set(told)).toEqual(new Set([0]));
    const other = await start(systemClock);
    const version = await other.control?.set([{ kind: "revoked", key: "x", value: "{}" }]);
    await other.broker.publish([outgoing("q", "x")], never);
    await eventually("the claim", async () => (await redis.cli("hlen", "unacked")) === "1");
    await eventually("word of the version", () => told.at(-1) === version);
    expect(caught.all).toEqual([]);
    gate.resolve();
    expect((await caught.until(1)).map(idOf)).toEqual(["x"]);
  });

  it("is not handed it late when nothing has changed, and hears of a replaced fact too", async () => {
    const backend = await start();
    const told: number[] = [];
    backend.control?.follow?.((version) => void told.push(version));
    await backend.control?.replace({ kind: "schedule", key: "s", value: "{}" }, null);
    const caught = await Catch.open(backend, "q", 1, { sweep });
    await backend.broker.publish([outgoing("q", "x")], never);
    await caught.until(1);
    expect(told.at(-1)).toBe((await backend.control?.changes(0))?.version);
  });

  it("lets nobody ask for chords that are left where it saw that there are none", async () => {
    const backend = await start();
    const { joins } = backend.store;
    if (joins === undefined) throw new Error("no joins");
    await Catch.open(backend, "q", 1, { sweep });
    await eventually("its watch", async () => (await watcher()) !== "");
    await eventually("the first sweep", async () => (await calls("zrangebyscore")) > 1);
    await redis.cli("config", "resetstat");
    expect(await joins.stale(60_000, 10)).toEqual([]);
    expect(await calls("evalsha")).toBe(0);
    // Since then one may have come to this age.
    await joins.stale(0, 10);
    expect(await calls("evalsha")).toBe(1);
  });
});
