/** Other separators, steps and names of keys than kombu's own, as redis-cli and a Python peer with the same options see them. */

import { afterEach, expect, it } from "vitest";
import { orderCases } from "../../testing/conformance/broker-order.ts";
import { Catch, eventually, idOf, never, openBackend, outgoing } from "../../../test/server/redis-backend.ts";
import { startRedis, type RedisServer } from "../../../test/server/redis-server.ts";
import { redisSuiteServer } from "../../../test/server/redis-suite-server.ts";
import { describeWith } from "../../../test/server/required-program.ts";
import type { Backend } from "../../port/backend.ts";
import type { Outgoing } from "../../port/broker.ts";

const query = "?sep=%3A&prioritySteps=0,5,10,120&unackedKey=held&unackedIndexKey=held_at";

function withPriority(queue: string, id: string, priority: number, rest: Partial<Outgoing> = {}): Outgoing {
  const plain = outgoing(queue, id, rest);
  const properties = { ...plain.message.properties, priority };
  return { ...plain, message: { ...plain.message, properties } };
}

describeWith("redis-server", "redis with another layout", () => {
  orderCases(redisSuiteServer({ query }));
});

describeWith("redis-server", "the keys of another layout", () => {
  const servers: (RedisServer | Backend)[] = [];
  const start = async (keyPrefix = ""): Promise<{ redis: RedisServer; backend: Backend }> => {
    const redis = await startRedis();
    const backend = await openBackend(redis.url + query, { keyPrefix });
    servers.push(backend, redis);
    return { redis, backend };
  };
  afterEach(async () => {
    for (const server of servers.splice(0)) await ("close" in server ? server.close() : server.stop());
  });

  it("are those that kombu names", async () => {
    const { redis, backend } = await start("p:");
    expect(backend.broker.features.priority).toEqual({ first: "low", levels: [0, 5, 10, 120] });
    const batch = [0, 4, 7, 119, 120, 255].map((priority) => withPriority("q", `t${priority}`, priority));
    await backend.broker.publish(batch, never);
    const lists = await Promise.all(["p:q", "p:q:5", "p:q:10", "p:q:120"].map((list) => redis.cli("llen", list)));
    expect(lists).toEqual(["2", "1", "1", "2"]);
    const caught = await Catch.open(backend, "q", 6);
    await caught.until(6);
    const ids = (await redis.cli("hkeys", "p:held")).split("\n").map((id) => id.replace(/^\d+\./, ""));
    expect(ids.toSorted()).toEqual(["0.q", "0.q", "10.q", "120.q", "120.q", "5.q"]);
    expect(await redis.cli("zcard", "p:held_at")).toBe("6");
    expect(await redis.cli("exists", "p:unacked", "p:unacked_index")).toBe("0");
    await caught.consumer.stop();
    const back = await Promise.all(["p:q", "p:q:5", "p:q:10", "p:q:120"].map((list) => redis.cli("llen", list)));
    expect(back).toEqual(["2", "1", "1", "2"]);
    expect(await redis.cli("exists", "p:held", "p:held_at")).toBe("0");
  });

  it("take what is due to the list of its step, and what a stranger's step says to the one that serves it", async () => {
    const { redis, backend } = await start();
    const due = Date.now() + 300;
    await backend.broker.publish([withPriority("q", "late", 30, { due })], never);
    const stranger = await openBackend(`${redis.url}?unackedKey=held&unackedIndexKey=held_at&prioritySteps=0,7,130`);
    await stranger.broker.publish([withPriority("q", "other", 130, { due: due + 1 })], never);
    await stranger.close();
    expect((await redis.cli("zrange", "celeriac:due:q", "0", "-1")).split("\n").map((id) => id.split(".")[1])).toEqual([
      "10",
      "130",
    ]);
    const caught = await Catch.open(backend, "q", 2);
    const got = await caught.until(2);
    expect(got.map((delivery) => [idOf(delivery), "step" in delivery && delivery.step])).toEqual([
      ["late", 10],
      ["other", 120],
    ]);
  });

  it("are found by a worker that no bell wakes", async () => {
    const { redis, backend } = await start();
    const caught = await Catch.open(backend, "q", 10);
    await eventually("the watcher", async () => (await redis.cli("exists", "celeriac:watch:q")) === "1");
    const raw =
      '{"body":"W1tdLHt9LHt9XQ==","headers":{"id":"x","task":"t"},"content-type":"application/json","properties":{}}';
    await redis.cli("lpush", "q:120", raw);
    expect((await caught.until(1)).map(idOf)).toEqual(["x"]);
  });

  it("give a dead worker's message back to the list that it came from", async () => {
    const { redis, backend } = await start();
    await backend.broker.publish([withPriority("q", "held", 255)], never);
    const caught = await Catch.open(backend, "q", 1, { lease: 600, sweep: 100 });
    const [delivery] = await caught.until(1);
    const id = (await redis.cli("hkeys", "held")).trim();
    caught.consumer.pause();
    await eventually("the giving back", async () => {
      // As if its holder had died long ago; again, because it lives and renews.
      await redis.cli("zadd", "celeriac:lease:q", "XX", "1", id);
      return (await redis.cli("llen", "q:120")) === "1";
    });
    expect(delivery?.queue).toBe("q");
  });
});
