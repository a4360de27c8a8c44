/** Servers that die, forget and fill up, and lines that lose answers: nothing accepted is lost, nothing is done twice. */

import { afterEach, expect, it } from "vitest";
import { Catch, eventually, idOf, never, openBackend, outgoing } from "../../../test/server/redis-backend.ts";
import { startRedis, type RedisServer, type RedisServerOptions } from "../../../test/server/redis-server.ts";
import { describeWith } from "../../../test/server/required-program.ts";
import { startProxy, type TcpProxy } from "../../../test/server/tcp-proxy.ts";
import type { Backend, BackendOptions } from "../../port/backend.ts";
import type { Delivery, Settlement } from "../../port/broker.ts";
import { claimScript } from "./script/claim.ts";
import { publishScript } from "./script/publish.ts";
import { Scripts, type Script } from "./script/script.ts";
import { settleScript } from "./script/settle.ts";
import { fireScript } from "./script/tick.ts";

const ack = (delivery: Delivery): Settlement => ({ delivery, then: { kind: "ack" } });
const sha = (script: Script): string => new Scripts().shaOf(script);

describeWith("redis-server", "redis in trouble", () => {
  const open: { stop?(): Promise<void>; close?(): Promise<void> }[] = [];
  const server = async (options?: RedisServerOptions): Promise<RedisServer> => {
    const redis = await startRedis(options);
    open.unshift(redis);
    return redis;
  };
  const client = async (url: string, overrides?: Partial<BackendOptions>): Promise<Backend> => {
    const backend = await openBackend(url, overrides);
    open.push(backend);
    return backend;
  };
  const behindProxy = async (redis: RedisServer, overrides?: Partial<BackendOptions>): Promise<[TcpProxy, Backend]> => {
    const proxy = await startProxy(redis.port);
    open.unshift({ close: () => proxy.close() });
    return [proxy, await client(`redis://127.0.0.1:${proxy.port}`, overrides)];
  };
  afterEach(async () => {
    // Clients first, then proxies and servers.
    for (const one of open.splice(0).reverse()) await (one.stop?.() ?? one.close?.());
  });

  it("loses nothing when the server is killed and comes back, while work is published and done", async () => {
    const redis = await server({ appendonly: true });
    const [producer, worker] = [await client(redis.url), await client(redis.url)];
    const caught = await Catch.open(worker, "q", 50);
    const ids = Array.from({ length: 400 }, (_, index) => `t${index}`);
    const settled: string[] = [];
    const settling = (async () => {
      for (let done = 0; settled.length < ids.length;) {
        const all = await caught.until(done + 1);
        const batch = all.slice(done);
        done += batch.length;
        const answers = await caught.consumer.settle(batch.map(ack));
        batch.forEach((delivery, index) => {
          if (answers[index]?.kind === "settled") settled.push(idOf(delivery));
        });
      }
    })();
    const publishing = (async () => {
      for (const id of ids)
        expect(
          await producer.broker.publish([outgoing("q", id, { dedupe: { id, nonce: id, window: 60_000 } })], never),
        ).toEqual([{ kind: "accepted" }]);
    })();
    for (let kill = 0; kill < 3; kill++) {
      const before = settled.length;
      await eventually("some progress", () => settled.length > before + 20 || settled.length === ids.length);
      await redis.restart();
    }
    await publishing;
    await settling;
    expect(settled.toSorted()).toEqual(ids.toSorted());
    expect(await redis.cli("exists", "unacked", "q", "celeriac:lease:q")).toBe("0");
  });

  it("goes on after SCRIPT FLUSH and after its connections were killed", async () => {
    const redis = await server();
    const backend = await client(redis.url);
    const caught = await Catch.open(backend, "q", 1);
    for (const [n, harm] of [
      ["script", "flush"],
      ["client", "kill", "type", "normal"],
      ["script", "flush"],
    ].entries()) {
      await redis.cli(...harm);
      const id = `after${n}`;
      const message = outgoing("q", id, { dedupe: { id, nonce: "n", window: 60_000 } });
      expect(await backend.broker.publish([message], never)).toEqual([{ kind: "accepted" }]);
      const delivery = (await caught.until(n + 1)).at(-1) as Delivery;
      expect(idOf(delivery)).toBe(id);
      expect(await caught.consumer.settle([ack(delivery)])).toEqual([{ kind: "settled" }]);
    }
  });

  it("refuses new work when memory is used up, and goes on with what is there until it is done", async () => {
    const redis = await server({ maxmemory: "6mb" });
    const backend = await client(redis.url);
    const body = `["${"x".repeat(20_000)}"]`;
    let accepted = 0;
    let refusal: unknown;
    while (refusal === undefined && accepted < 1000) {
      const [answer] = await backend.broker.publish([outgoing("q", `m${accepted}`, {}, body)], never);
      if (answer?.kind === "accepted") accepted += 1;
      else refusal = answer;
    }
    expect(refusal).toMatchObject({ kind: "refused", reason: "full", detail: expect.stringContaining("maxmemory") });
    expect(accepted).toBeGreaterThan(20);
    const term = await backend.lease?.acquire("beat", "a", 60_000);
    const fire = () => term && backend.lease?.fire(term, "s", 1_000, [outgoing("beat", "tick", {}, body)]);
    await expect(fire()).rejects.toMatchObject({ code: "QUEUE_FULL" });
    expect(await backend.lease?.fired("s", 1)).toEqual([]);
    const caught = await Catch.open(backend, "q", 5, { lease: 6_000, sweep: 100 });
    const seen = new Set<string>();
    let done = 0;
    while (seen.size < accepted) {
      const batch = (await caught.until(done + 1)).slice(done);
      done += batch.length;
      caught.consumer.started(batch, "suspect");
      // Once, longer than a lease, at full memory: renewals go through.
      await new Promise((resolve) => setTimeout(resolve, seen.size === 0 ? 7_000 : 0));
      expect(batch.some((delivery) => delivery.lost.aborted)).toBe(false);
      const answers = await caught.consumer.settle(
        batch.map((delivery) => ({
          ...ack(delivery),
          result: {
            id: idOf(delivery),
            state: "SUCCESS",
            final: true,
            fence: delivery.fence,
            meta: Buffer.from('{"status":"SUCCESS"}'),
            ttl: 60_000,
          },
        })),
      );
      expect(answers.every((answer) => answer.kind === "settled")).toBe(true);
      for (const delivery of batch) seen.add(idOf(delivery));
    }
    expect(await backend.broker.publish([outgoing("q", "again")], never)).toEqual([{ kind: "accepted" }]);
    expect(await fire()).toBe("fired");
  });

  it("fires a tick once though the answer was lost, and says that it was us", async () => {
    const redis = await server();
    const [proxy, backend] = await behindProxy(redis);
    const term = await backend.lease?.acquire("beat", "a", 60_000);
    if (term === undefined) throw new Error("nobody held it");
    // The server knows a script by its hash from the first run on.
    expect(await backend.lease?.fire(term, "s", 0, [])).toBe("fired");
    const lost = proxy.loseReplyTo(sha(fireScript));
    expect(await backend.lease?.fire(term, "s", 1_000, [outgoing("q", "tick")])).toBe("mine-already");
    await lost;
    expect(await redis.cli("llen", "q")).toBe("1");
  });

  it("publishes once though the answer was lost", async () => {
    const redis = await server();
    const [proxy, backend] = await behindProxy(redis);
    const lost = proxy.loseReplyTo(sha(publishScript));
    const message = outgoing("q", "once", { dedupe: { id: "once", nonce: "n", window: 60_000 } });
    expect(await backend.broker.publish([message], never)).toEqual([{ kind: "accepted" }]);
    await lost;
    expect(await redis.cli("llen", "q")).toBe("1");
  });

  it("does not repeat a publish that has no nonce, and says that nobody knows", async () => {
    const redis = await server();
    const [proxy, backend] = await behindProxy(redis);
    const lost = proxy.loseReplyTo(sha(publishScript));
    await expect(backend.broker.publish([outgoing("q", "bare")], never)).rejects.toMatchObject({
      code: "PUBLISH_UNKNOWN",
    });
    await lost;
    expect(await redis.cli("llen", "q")).toBe("1");
  });

  it("claims and settles once though the answers were lost", async () => {
    const redis = await server();
    const [proxy, backend] = await behindProxy(redis);
    await backend.broker.publish([outgoing("q", "a"), outgoing("q", "b"), outgoing("q", "c")], never);
    const caught = await Catch.open(backend, "q", 0);
    const claimed = proxy.loseReplyTo(sha(claimScript));
    caught.consumer.want(2, 2);
    const [a, b] = await caught.until(2);
    await claimed;
    if (a === undefined || b === undefined) throw new Error("two were wanted");
    expect([idOf(a), idOf(b)]).toEqual(["a", "b"]);
    expect([await redis.cli("hlen", "unacked"), await redis.cli("llen", "q")]).toEqual(["2", "1"]);
    caught.consumer.want(0, 0);
    const settled = proxy.loseReplyTo(sha(settleScript));
    const follow = [outgoing("next", "f")];
    expect(await caught.consumer.settle([{ ...ack(a), follow }, ack(b)])).toEqual([
      { kind: "settled" },
      { kind: "settled" },
    ]);
    await settled;
    expect([await redis.cli("hlen", "unacked"), await redis.cli("llen", "next")]).toEqual(["0", "1"]);
  });

  it.each(["blackHole", "halfOpen", "refuse"] as const)(
    "ends a publish at its signal when the line is bad (%s)",
    async (harm) => {
      const redis = await server();
      const [proxy, backend] = await behindProxy(redis, { commandTimeout: 2_000 });
      proxy[harm](true);
      if (harm === "refuse") proxy.cut();
      const message = outgoing("q", "x", { dedupe: { id: "x", nonce: "n", window: 60_000 } });
      await expect(backend.broker.publish([message], AbortSignal.timeout(5_000))).rejects.toMatchObject({
        code: "PUBLISH_UNKNOWN",
      });
      proxy[harm](false);
      expect(await backend.broker.publish([message], never)).toEqual([{ kind: "accepted" }]);
      expect(await redis.cli("llen", "q")).toBe("1");
    },
  );

  it("never gives one call the answer of another after a time-out", async () => {
    const redis = await server();
    const [proxy, backend] = await behindProxy(redis, { commandTimeout: 1_500 });
    const ids = Array.from({ length: 20 }, (_, index) => `r${index}`);
    const direct = await client(redis.url);
    await direct.store.commit(
      ids.map((id) => ({
        id,
        state: "SUCCESS",
        final: true,
        fence: 1,
        meta: Buffer.from(`{"status":"SUCCESS","task_id":"${id}"}`),
        ttl: undefined,
      })),
    );
    for (let round = 0; round < 6; round++) {
      proxy.latency(round % 2 === 0 ? 1_200 : 0);
      const answers = await Promise.allSettled(ids.map((id) => backend.store.get([id])));
      const wrong = answers.filter(
        (answer, index) =>
          answer.status === "fulfilled" &&
          !Buffer.from(answer.value[0]?.meta ?? [])
            .toString()
            .includes(`"${ids[index]}"`),
      );
      expect(wrong).toEqual([]);
    }
  });

  it("tells its listeners when the line goes and comes", async () => {
    const redis = await server();
    const [proxy, backend] = await behindProxy(redis);
    const caught = await Catch.open(backend, "q", 1);
    const events: string[] = [];
    caught.consumer.on("disconnected", () => events.push("disconnected"));
    caught.consumer.on("connected", () => events.push("connected"));
    proxy.cut();
    await eventually("both", () => events.length === 2);
    expect(events).toEqual(["disconnected", "connected"]);
  });

  it("hears results again after its listening connection was cut", async () => {
    const redis = await server();
    const [proxy, backend] = await behindProxy(redis);
    const direct = await client(redis.url);
    const states: string[] = [];
    const watching = (async () => {
      for await (const outcome of backend.store.watch("w", never)) states.push(outcome.state);
    })();
    const write = (state: string, final: boolean) =>
      direct.store.commit([
        { id: "w", state, final, fence: 1, meta: Buffer.from(`{"status":"${state}"}`), ttl: undefined },
      ]);
    await write("STARTED", false);
    await eventually("the first", () => states.length === 1);
    proxy.refuse(true);
    proxy.cut();
    await write("SUCCESS", true);
    proxy.refuse(false);
    await watching;
    expect(states).toEqual(["STARTED", "SUCCESS"]);
  });

  it("buries with a queue key of a wrong type untouched, and loses nothing on it", async () => {
    const redis = await server();
    const backend = await client(redis.url);
    await redis.cli("set", "broken", "not a list");
    await expect(
      backend.broker.publish([outgoing("broken", "x", { dedupe: { id: "x", nonce: "n", window: 60_000 } })], never),
    ).rejects.toMatchObject({ code: "BACKEND_REFUSED" });
    expect(await redis.cli("exists", "celeriac:seen:x")).toBe("0");
    await backend.broker.publish([outgoing("q", "a"), outgoing("q", "b")], never);
    const caught = await Catch.open(backend, "q", 2);
    const [a, b] = await caught.until(2);
    if (a === undefined || b === undefined) throw new Error("two were sent");
    const follow = [outgoing("broken", "f", { dedupe: { id: "f", nonce: "n", window: 60_000 } })];
    await expect(caught.consumer.settle([{ ...ack(a), follow }, ack(b)])).rejects.toMatchObject({
      code: "BACKEND_REFUSED",
    });
    expect(await redis.cli("hlen", "unacked")).toBe("1");
    await redis.cli("del", "broken");
    expect(await caught.consumer.settle([{ ...ack(a), follow }, ack(b)])).toEqual([
      { kind: "settled" },
      { kind: "settled" },
    ]);
    expect([await redis.cli("hlen", "unacked"), await redis.cli("llen", "broken")]).toEqual(["0", "1"]);
  });
});
