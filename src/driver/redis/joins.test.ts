/** Joins as Celery's workers see and leave them: its keys and texts, a join shared with a peer, and what an arrival costs the server. */

import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { Catch, openBackend, outgoing, never } from "../../../test/server/redis-backend.ts";
import { startRedis, type RedisServer } from "../../../test/server/redis-server.ts";
import { describeWith } from "../../../test/server/required-program.ts";
import type { Backend } from "../../port/backend.ts";
import type { Settlement } from "../../port/broker.ts";
import type { Arrival, Joins } from "../../port/joins.ts";
import { arrivalOf, bytes, day, joined, joinOf, text } from "../../testing/conformance/join-rig.ts";
import { memberOf } from "./joins.ts";

const bodyless = (group: string, index: number): Arrival => {
  const arrival = { ...arrivalOf(group, index) };
  delete arrival.body;
  return arrival;
};

it.each([
  ["a name that JSON does not have", String.raw`[1, "g.\x", "SUCCESS", 0]`],
  ["a state that JSON does not have", String.raw`[1, "g.0", "\u00", 0]`],
  ["no end", '[1, "g.0", "SUCCESS", 0'],
  ["nothing of a member", "null"],
])("a member written with %s is refused", (_, written) => {
  expect(() => memberOf("g", 0, written)).toThrow(expect.objectContaining({ code: "BACKEND_REFUSED" }));
});

describeWith("redis-server", "joins on redis", () => {
  let redis: RedisServer;
  let backend: Backend;
  let joins: Joins;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());
  beforeEach(async () => {
    await redis.cli("flushall");
    backend = await openBackend(`${redis.url}?resultPrefix=p`, { keyPrefix: "q:" });
    if (backend.store.joins === undefined) throw new Error("no joins");
    joins = backend.store.joins;
  });
  afterEach(() => backend.close());

  const keysOf = async (): Promise<string[]> => (await redis.cli("keys", "*")).split("\n").filter(Boolean).toSorted();
  const chord = async (): Promise<string> =>
    (await keysOf()).find((key) => key.endsWith("celery-taskset-meta-g.s")) ?? "";

  it("lie in Celery's keys and texts", async () => {
    await joins.open([joinOf("g", 2)]);
    for (const member of ["a", "b", "b", "c"]) await joins.grow("g", member);
    await joins.arrive([arrivalOf("g", 0), arrivalOf("g", 4, { state: "FAILURE", value: bytes('{"exc_type": "E"}') })]);
    const key = (await chord()).slice(0, -2);
    expect(await redis.cli("zrange", `${key}.j`, "0", "-1", "withscores")).toBe(
      '[1, "g.0", "SUCCESS", 0]\n0\n[1, "g.4", "FAILURE", {"exc_type": "E"}]\n4',
    );
    expect([await redis.cli("get", `${key}.s`), await redis.cli("get", `${key}.t`)]).toEqual(["2", "3"]);
    const lives = await Promise.all([".j", ".t", ".s"].map((part) => redis.cli("pttl", key + part)));
    for (const left of lives) expect(Number(left) / day).toBeCloseTo(1, 2);
    await joins.save("g", bytes('{"result": [["g", null], []]}'), undefined);
    expect(await redis.cli("get", key)).toBe('{"result": [["g", null], []]}');
    expect(await redis.cli("pttl", key)).toBe("-1");
    await joins.close(["g"]);
    await joins.unsave("g");
    expect(await keysOf()).toEqual(["q:celeriac:join:g"]);
    expect(Number(await redis.cli("pttl", "q:celeriac:join:g"))).toBeLessThanOrEqual(3_600_000);
  });

  it("write nothing for members of a plain group", async () => {
    expect(await joins.arrive([bodyless("g", 0), bodyless("h", 1)])).toEqual([
      joined("g", 0, undefined),
      joined("h", 0, undefined),
    ]);
    expect(await keysOf()).toEqual([]);
  });

  it("are shared with a peer: who of both is last sees all, and what the peer has sent off is closed", async () => {
    await joins.open([joinOf("probe", 1)]);
    const key = (await keysOf()).find((name) => name.endsWith("probe.s"))?.replace("probe.s", "g") ?? "";
    await redis.cli("zadd", `${key}.j`, "0", '[1, "py.0", "SUCCESS", "\\u00fc"]');
    expect(await joins.arrive([arrivalOf("g", 1)])).toEqual([joined("g", 2, undefined)]);
    // Its producer sets the size before it sends the last member; `.t` is another's `add_to_chord`.
    await redis.cli("set", `${key}.s`, "3");
    await redis.cli("incr", `${key}.t`);
    expect(await joins.arrive([arrivalOf("g", 2)])).toEqual([joined("g", 3, 4)]);
    await redis.cli("zadd", `${key}.j`, "3", '[1, "py.3", "FAILURE", {"exc_type": "ValueError"}]');
    // The peer died before it sent the body: our next arrival sees it, and so does who looks after joins.
    expect(await joins.arrive([arrivalOf("g", 2)])).toEqual([joined("g", 4, 4, true)]);
    expect((await joins.members("g", 0, 10)).map(({ member, state, value }) => [member, state, text(value)])).toEqual([
      ["py.0", "SUCCESS", '"\\u00fc"'],
      ["g.1", "SUCCESS", "1"],
      ["g.2", "SUCCESS", "2"],
      ["py.3", "FAILURE", '{"exc_type": "ValueError"}'],
    ]);
    expect(await joins.stale(0, 10)).toMatchObject([{ group: "g", why: "full" }]);
    await redis.cli("del", `${key}.j`, `${key}.t`, `${key}.s`);
    expect(await joins.arrive([arrivalOf("g", 1)])).toEqual([joined("g", 0, undefined)]);
    expect(await joins.stale(0, 10)).toEqual([]);
    expect(await redis.cli("zcard", "q:celeriac:joins")).toBe("0");
    await joins.open([joinOf("g", 1)]);
    expect(await redis.cli("exists", `${key}.s`, `${key}.j`)).toBe("0");
  });

  it("grow for a member that runs while a peer is still sending the chord, and for nobody else", async () => {
    expect([
      await joins.grow("g", "new"),
      await joins.grow("g", "new", true),
      await joins.grow("g", "new", true),
    ]).toEqual([false, true, true]);
    await joins.open([joinOf("probe", 1)]);
    const key = (await keysOf()).find((name) => name.endsWith("probe.s"))?.replace("probe.s", "g") ?? "";
    expect(await redis.cli("get", `${key}.t`)).toBe("1");
    await redis.cli("set", `${key}.s`, "2");
    const arrivals = [arrivalOf("g", 0), arrivalOf("g", 1), arrivalOf("g", 1, { member: "new" })];
    expect(await joins.arrive(arrivals)).toEqual([joined("g", 1, 3), joined("g", 2, 3), joined("g", 3, 3, true)]);
    expect(await joins.grow("g", "late", true)).toBe(false);
    // The peer has ended it.
    await redis.cli("del", `${key}.j`, `${key}.t`, `${key}.s`);
    expect(await joins.grow("g", "later", true)).toBe(false);
  });

  it("find a member that a peer has brought, though its id is no ASCII", async () => {
    await joins.open([joinOf("g", 3)]);
    const key = (await chord()).slice(0, -2);
    await redis.cli(
      "zadd",
      `${key}.j`,
      "inf",
      '[1, "m\\u00fc\\n\\u2028", "SUCCESS", 1]',
      "inf",
      '[1, "m", "SUCCESS", 1]',
    );
    expect(await joins.arrive([arrivalOf("g", Infinity, { member: "m\u00fc\n\u2028" })])).toEqual([joined("g", 2, 3)]);
  });

  it("say whose fault it is when a peer's members are of another kind", async () => {
    await joins.open([joinOf("g", 3)]);
    const key = (await chord()).slice(0, -2);
    await redis.cli("zadd", `${key}.j`, "0", "\u0080\u0004pickled");
    await expect(joins.members("g", 0, 10)).rejects.toMatchObject({
      code: "BACKEND_REFUSED",
      message: expect.stringContaining("result_serializer"),
    });
    await redis.cli("del", `${key}.j`);
    await redis.cli("rpush", `${key}.j`, "unordered");
    await expect(joins.arrive([arrivalOf("g", 1)])).rejects.toMatchObject({ code: "BACKEND_REFUSED" });
    await backend.broker.publish([outgoing("queue", "t")], never);
    const caught = await Catch.open(backend, "queue", 1);
    const [delivery] = await caught.until(1);
    if (delivery === undefined) throw new Error("nothing came");
    const settlement: Settlement = { delivery, then: { kind: "ack" }, arrive: [arrivalOf("h", 0), arrivalOf("g", 1)] };
    await expect(caught.consumer.settle([settlement])).rejects.toMatchObject({ code: "BACKEND_REFUSED" });
    // Still held: it is settled when the key is as it should be.
    await redis.cli("del", `${key}.j`);
    expect(await caught.consumer.settle([settlement])).toEqual([
      { kind: "settled", joined: [joined("h", 1, undefined), joined("g", 1, 3)] },
    ]);
  });

  it("cost two commands a member and some for each group of a call, however many have arrived", async () => {
    await joins.open([joinOf("g", 10_000)]);
    const ids = Array.from({ length: 200 }, (_, index) => `t${index}`);
    await backend.broker.publish(
      ids.map((id) => outgoing("queue", id)),
      never,
    );
    const caught = await Catch.open(backend, "queue", 200);
    const deliveries = await caught.until(200);
    const cost = async (from: number): Promise<ReadonlyMap<string, number>> => {
      await redis.cli("config", "resetstat");
      const batch = deliveries.slice(from, from + 100).map((delivery, index): Settlement => {
        return { delivery, then: { kind: "ack" }, arrive: [arrivalOf("g", from + index)] };
      });
      await caught.consumer.settle(batch);
      const stats = await redis.cli("info", "commandstats");
      return new Map(
        [...stats.matchAll(/^cmdstat_(\w+):calls=(\d+)/gm)].map(([, name = "", calls]) => [name, Number(calls)]),
      );
    };
    for (const from of [0, 100]) {
      const calls = await cost(from);
      expect([calls.get("zcount"), calls.get("zadd")]).toEqual([100, 100]);
      // Those of the next claim among them.
      const others = ["zcard", "hmget", "get", "hexists", "pexpire", "zrange", "zrangebyscore"];
      expect(others.reduce((sum, name) => sum + (calls.get(name) ?? 0), 0)).toBeLessThan(30);
    }
  });
});
