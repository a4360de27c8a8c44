/** What somebody deletes on the server under running workers: what was in it is lost, and they go on with what comes. */

import { afterEach, beforeEach, expect, it } from "vitest";

import { Catch, idOf, never, openBackend, outgoing } from "../../../test/server/redis-backend.ts";
import { startRedis, type RedisServer } from "../../../test/server/redis-server.ts";
import { describeWith } from "../../../test/server/required-program.ts";
import type { Backend } from "../../port/backend.ts";

const ack = { kind: "ack" } as const;

describeWith("redis-server", "under a running worker", () => {
  let redis: RedisServer;
  let backend: Backend;
  beforeEach(async () => {
    redis = await startRedis();
    backend = await openBackend(redis.url);
  });
  afterEach(async () => {
    await backend.close();
    await redis.stop();
  });

  it("a queue that is deleted loses what waited in it; what is held is settled, and what comes is taken", async () => {
    const caught = await Catch.open(backend, "q", 1);
    await backend.broker.publish(
      ["a", "b", "c"].map((id) => outgoing("q", id)),
      never,
    );
    const [held] = await caught.until(1);
    if (held === undefined) throw new Error("none came");
    expect(await redis.cli("del", "q")).toBe("1");
    expect(await caught.consumer.settle([{ delivery: held, then: ack }])).toEqual([{ kind: "settled" }]);
    await backend.broker.publish([outgoing("q", "d")], never);
    caught.consumer.want(5, 5);
    expect((await caught.until(2)).map(idOf)).toEqual(["a", "d"]);
  });

  it("a holding that is deleted is lost, and told as that; what comes is taken", async () => {
    const caught = await Catch.open(backend, "q", 5);
    await backend.broker.publish([outgoing("q", "a")], never);
    const [held] = await caught.until(1);
    if (held === undefined) throw new Error("none came");
    await redis.cli("del", "unacked", "unacked_index", "celeriac:lease:q", "celeriac:started:q");
    expect(await caught.consumer.settle([{ delivery: held, then: ack }])).toEqual([{ kind: "lost" }]);
    await backend.broker.publish([outgoing("q", "b")], never);
    expect((await caught.until(2)).map(idOf)).toEqual(["a", "b"]);
  });

  it("a database that is emptied takes everything along, and nobody is stuck", async () => {
    const caught = await Catch.open(backend, "q", 5);
    await backend.broker.publish([outgoing("q", "a")], never);
    const [held] = await caught.until(1);
    if (held === undefined) throw new Error("none came");
    await redis.cli("flushall");
    expect(await caught.consumer.settle([{ delivery: held, then: ack }])).toEqual([{ kind: "lost" }]);
    await backend.broker.publish([outgoing("q", "b")], never);
    const [, next] = await caught.until(2);
    if (next === undefined) throw new Error("two came");
    expect(idOf(next)).toBe("b");
    expect(await caught.consumer.settle([{ delivery: next, then: ack }])).toEqual([{ kind: "settled" }]);
  });
});
