/** Marks of starts: none outlives the claim that it is of. */

import { afterEach, expect, it } from "vitest";
import { Catch, eventually, never, openBackend, outgoing } from "../../../test/server/redis-backend.ts";
import { type RedisServer, startRedis } from "../../../test/server/redis-server.ts";
import { describeWith } from "../../../test/server/required-program.ts";
import type { Backend } from "../../port/backend.ts";

describeWith("redis-server", "the mark of a start", () => {
  const servers: (RedisServer | Backend)[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await ("close" in server ? server.close() : server.stop());
  });

  // A worker that had stood still puts what it was about to begin back for later; found by chaos, when scripts were flushed meanwhile.
  it("is not left behind when the server must be told the script anew, and the message was put back for later before that", async () => {
    const redis = await startRedis();
    const [backend, other] = [await openBackend(redis.url), await openBackend(redis.url)];
    servers.push(backend, other, redis);
    await backend.broker.publish([outgoing("q", "a"), outgoing("other", "b")], never);
    const caught = await Catch.open(backend, "q", 1);
    const [delivery] = await caught.until(1);
    if (delivery === undefined) throw new Error("one was sent");
    expect(await redis.cli("hlen", "celeriac:started:q")).toBe("1");
    await redis.cli("script", "flush");
    // The server knows all scripts again but that of starts.
    const neighbour = await Catch.open(other, "other", 1);
    const [second] = await neighbour.until(1);
    if (second === undefined) throw new Error("one was sent");
    await neighbour.consumer.settle([{ delivery: second, then: { kind: "ack" } }]);

    caught.consumer.started([delivery], "suspect");
    const due = Date.now() + 3_600_000;
    await caught.consumer.settle([{ delivery, then: { kind: "requeue", at: "front", due } }]);
    const calls = async (): Promise<number> =>
      Number(/cmdstat_eval:calls=(\d+)/.exec(await redis.cli("info", "commandstats"))?.[1] ?? 0);
    await eventually("the start to be told anew", async () => (await calls()) >= 3);
    expect(await redis.cli("zcard", "celeriac:due:q")).toBe("1");
    expect(await redis.cli("hlen", "celeriac:started:q")).toBe("0");
  });
});
