/** Ids that tell when they were made are known by sets of their time: each by what it was first sent as, whatever else the server knows it by. */

import { afterEach, expect, it } from "vitest";
import { Catch, eventually, idOf, never, openBackend, outgoing } from "../../../test/server/redis-backend.ts";
import { type RedisServer, startRedis } from "../../../test/server/redis-server.ts";
import { describeWith } from "../../../test/server/required-program.ts";
import { newTaskId } from "../../app/task-id.ts";
import type { Backend, BackendOptions } from "../../port/backend.ts";
import type { Outgoing } from "../../port/broker.ts";

const prefix = "p:";
const minute = 60_000;
const hour = 60 * minute;
/** The begin of a quarter of a second as ids count it, ms. */
const quarter = (at: number): number => at - (at % 256);

function made(at: number, many: number): string[] {
  return Array.from({ length: many }, () => newTaskId(at));
}
function send(id: string, rest: Partial<Outgoing> = {}, nonce = id, window = minute): Outgoing {
  return outgoing("q", id, { dedupe: { id, nonce, window }, ...rest });
}

describeWith("redis-server", "made ids on redis", () => {
  const servers: (RedisServer | Backend)[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await ("close" in server ? server.close() : server.stop());
  });

  interface Rig {
    readonly redis: RedisServer;
    readonly backend: Backend;
    readonly publish: (batch: readonly Outgoing[]) => Promise<readonly string[]>;
    readonly keys: (pattern: string) => Promise<readonly string[]>;
    readonly waiting: () => Promise<number>;
  }
  async function start(options: Partial<BackendOptions> = {}): Promise<Rig> {
    const redis = await startRedis();
    const backend = await openBackend(redis.url, { keyPrefix: prefix, ...options });
    servers.push(backend, redis);
    return {
      redis,
      backend,
      publish: async (batch) => (await backend.broker.publish(batch, never)).map(({ kind }) => kind),
      keys: async (pattern) => (await redis.cli("keys", `${prefix}celeriac:${pattern}`)).split("\n").filter(Boolean),
      waiting: async () => Number(await redis.cli("llen", `${prefix}q`)),
    };
  }
  const accepted = (many: number): readonly string[] => Array.from({ length: many }, () => "accepted");

  it("are members of the set of their quarter of a second, and have no keys", async () => {
    const { redis, publish, keys, waiting } = await start();
    const at = quarter(Date.now());
    const [before, after] = [made(at - 1, 5), made(at, 5)];
    expect(await publish([...before, ...after].map((id) => send(id)))).toEqual(accepted(10));
    expect(await keys("seen:*")).toEqual([]);
    const sets = (await keys("sent:*")).toSorted();
    expect(sets).toHaveLength(2);
    for (const [index, ids] of [before, after].entries()) {
      const members = await redis.cli("smembers", sets[index] ?? "");
      expect(members.split("\n").toSorted()).toEqual(ids.toSorted());
      const left = Number(await redis.cli("pttl", sets[index] ?? ""));
      expect([left > minute, left <= 1.25 * minute]).toEqual([true, true]);
    }
    expect(await waiting()).toBe(10);
  });

  it.each([
    ["of this moment", 0],
    ["made an hour ago", -hour],
    ["of a clock that is an hour ahead", hour],
  ])("%s are taken once, however they come again", async (_, away) => {
    const { publish, waiting } = await start();
    const at = quarter(Date.now()) + away;
    const [a, b, c, d, e] = [...made(at - 1, 2), ...made(at, 3)] as [string, string, string, string, string];
    const batch = [a, b, c, d, e].map((id) => send(id));
    expect(await publish(batch)).toEqual(accepted(5));
    expect(await publish(batch), "the same call").toEqual(accepted(5));
    expect(await publish([send(c)]), "alone").toEqual(["accepted"]);
    expect(await publish(batch.toReversed()), "in another order").toEqual(accepted(5));
    expect(await publish([...batch, outgoing("q", "bare")]), "beside another").toEqual(accepted(6));
    expect(await publish([send(d, { due: Date.now() + hour })]), "for later").toEqual(["accepted"]);
    const named = [send(a, {}, "other", hour), send(b, {}, "other"), send(b, { due: Date.now() + hour }, "other")];
    expect(await publish(named), "named by a caller").toEqual(["duplicate", "duplicate", "duplicate"]);
    expect(await waiting()).toBe(6);
  });

  it("are the same twice in one call", async () => {
    const { publish, waiting } = await start();
    const ids = made(Date.now(), 5);
    expect(await publish([...ids, ...ids].map((id) => send(id)))).toEqual(accepted(10));
    expect(await waiting()).toBe(5);
  });

  it("are known where they came alone before, and where many came before", async () => {
    const { publish, waiting, keys } = await start();
    const ids = made(Date.now(), 6);
    expect(await publish([send(ids[0] ?? "")])).toEqual(["accepted"]);
    expect(await keys("seen:*")).toHaveLength(1);
    expect(await publish(ids.map((id) => send(id)))).toEqual(accepted(6));
    expect(await waiting()).toBe(6);
  });

  it("are known by a key that an older version or a caller's own call has left", async () => {
    const { redis, publish, waiting } = await start();
    const ids = made(Date.now(), 6);
    await redis.cli("set", `${prefix}celeriac:seen:${ids[1]}`, ids[1] ?? "", "px", String(minute));
    expect(await publish([send(ids[2] ?? "", {}, "a caller's", hour)])).toEqual(["accepted"]);
    const answers = ["accepted", "accepted", "duplicate", "accepted", "accepted", "accepted"];
    expect(await publish(ids.map((id) => send(id)))).toEqual(answers);
    expect(await publish(ids.map((id) => send(id))), "again").toEqual(answers);
    expect(await waiting()).toBe(5);
  });

  it("are known to what stands for a key, to what follows a task and to a tick", async () => {
    const { backend, publish, waiting } = await start();
    const ids = made(Date.now(), 5);
    const [first, second, third] = ids as [string, string, string];
    expect(await publish(ids.map((id) => send(id)))).toEqual(accepted(5));
    const call = { key: "k", hold: "start", life: hour, conflict: "join" } as const;
    expect(await publish([send(first, { call }), send(second, { call }, "other")])).toEqual(["accepted", "duplicate"]);
    const term = await backend.lease?.acquire("beat", "me", hour);
    if (term === undefined) throw new Error("nobody else leads");
    expect(await backend.lease?.fire(term, "s", Date.now(), [send(third, {}, "tick")])).toBe("fired");
    expect(await waiting()).toBe(5);
    const caught = await Catch.open(backend, "q", 5);
    const [delivery] = await caught.until(5);
    if (delivery === undefined) throw new Error("five were asked for");
    caught.consumer.want(0, 0);
    await caught.consumer.settle([{ delivery, then: { kind: "ack" }, follow: [send(second, {}, idOf(delivery))] }]);
    expect(await waiting()).toBe(0);
    await caught.consumer.stop();
  });

  it("that were refused are forgotten, and those beside them known", async () => {
    const { redis, publish, waiting } = await start({ maxDepth: 2 });
    const batch = made(Date.now(), 5).map((id) => send(id));
    const answers = ["accepted", "accepted", "refused", "refused", "refused"];
    expect(await publish(batch)).toEqual(answers);
    expect(await publish(batch)).toEqual(answers);
    await redis.cli("del", `${prefix}q`);
    expect(await publish(batch)).toEqual(["accepted", "accepted", "accepted", "accepted", "refused"]);
    expect(await waiting()).toBe(2);
  });

  it("wait for their time, and are taken once all the same", async () => {
    const { redis, publish, waiting } = await start();
    const ids = made(Date.now(), 5);
    const batch = ids.map((id, index) => send(id, index % 2 === 0 ? { due: Date.now() + hour } : {}));
    expect(await publish(batch)).toEqual(accepted(5));
    expect(await publish(batch)).toEqual(accepted(5));
    expect([await redis.cli("zcard", `${prefix}celeriac:due:q`), await waiting()]).toEqual(["3", 2]);
  });

  it("are forgotten after their window", async () => {
    const { publish, waiting, keys } = await start();
    const batch = made(Date.now(), 5).map((id) => send(id, {}, id, 400));
    expect(await publish(batch)).toEqual(accepted(5));
    await eventually("the end of the window", async () => (await keys("sent:*")).length === 0);
    expect(await publish(batch)).toEqual(accepted(5));
    expect(await waiting()).toBe(10);
  });

  it("keep their set while more of the same time come", async () => {
    const { redis, publish, keys, waiting } = await start();
    const at = Date.now();
    const first = made(at, 5).map((id) => send(id));
    expect(await publish(first)).toEqual(accepted(5));
    const [set = ""] = await keys("sent:*");
    // As if most of the time had passed.
    await redis.cli("pexpire", set, "3000");
    expect(await publish(made(at, 5).map((id) => send(id)))).toEqual(accepted(5));
    expect(Number(await redis.cli("pttl", set))).toBeGreaterThan(minute);
    expect(await publish(first)).toEqual(accepted(5));
    expect(await waiting()).toBe(10);
  });

  it("have keys where their set is large, where they must be known for long, and where they come in no order", async () => {
    const { redis, publish, keys, waiting } = await start();
    const at = quarter(Date.now());
    const set = `${prefix}celeriac:sent:${newTaskId(at).replace("-", "").slice(0, 10)}`;
    const fill = "for i = 1, 50000 do redis.call('SADD', KEYS[1], i) end redis.call('PEXPIRE', KEYS[1], 60000)";
    await redis.cli("eval", fill, "1", set);
    const cases = [
      made(at, 5).map((id) => send(id)),
      made(at + 256, 5).map((id) => send(id, {}, id, 24 * hour)),
      [...made(at + 512, 3), ...made(at + 256, 3)].map((id) => send(id)),
    ];
    for (const batch of cases) {
      expect(await publish(batch)).toEqual(accepted(batch.length));
      expect(await publish(batch)).toEqual(accepted(batch.length));
    }
    expect(await keys("sent:*")).toEqual([set]);
    expect([(await keys("seen:*")).length, await waiting()]).toEqual([16, 16]);
  });
});
