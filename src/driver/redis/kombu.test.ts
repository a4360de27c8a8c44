/** What a Python peer sees: kombu's keys and values, and messages that Python wrote. */

import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Catch, eventually, idOf, never, openBackend, outgoing } from "../../../test/server/redis-backend.ts";
import { startRedis, type RedisServer } from "../../../test/server/redis-server.ts";
import { describeWith } from "../../../test/server/required-program.ts";
import type { Backend } from "../../port/backend.ts";

interface Capture {
  readonly cases: Readonly<Record<string, unknown>>;
}

/** The first envelope in a file of captures, whatever its shape. */
function firstEnvelope(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  for (const [key, inner] of Object.entries(value)) {
    if (key === "raw" && typeof inner === "string" && inner.includes('"delivery_tag"')) return inner;
    const found = firstEnvelope(inner);
    if (found !== undefined) return found;
  }
  return undefined;
}

describeWith("redis-server", "redis as kombu sees it", () => {
  let redis: RedisServer;
  let backend: Backend;
  let queues = 0;
  const newQueue = (): string => `kombu${++queues}`;
  beforeAll(async () => {
    redis = await startRedis();
    backend = await openBackend(redis.url);
  });
  afterAll(async () => {
    await backend.close();
    await redis.stop();
  });
  const unacked = async (): Promise<[string, string][]> => {
    const lines = (await redis.cli("hgetall", "unacked")).split("\n").filter((line) => line !== "");
    return lines.flatMap((line, index) =>
      index % 2 === 0 ? [[line, lines[index + 1] ?? ""] as [string, string]] : [],
    );
  };
  const scoreOf = async (id: string): Promise<number> => Number(await redis.cli("zscore", "unacked_index", id));

  it("pushes to the left of lists named as kombu names them, an envelope that kombu reads", async () => {
    const queue = newQueue();
    await backend.broker.publish([outgoing(queue, "a"), outgoing(queue, "b")], never);
    expect(JSON.parse(await redis.cli("lindex", queue, "-1"))).toMatchObject({
      "content-type": "application/json",
      headers: { id: "a", task: "test.task" },
      properties: { delivery_info: { exchange: "", routing_key: queue }, delivery_tag: expect.any(String) },
    });
    const urgent = outgoing(queue, "c");
    const message = { ...urgent.message, properties: { priority: 7 } };
    await backend.broker.publish([{ queue, message }], never);
    expect(await redis.cli("llen", `${queue}\x06\x166`)).toBe("1");
  });

  it('keeps what is leased as [raw, "", queue], scored with now, and refreshes the score', async () => {
    const queue = newQueue();
    await backend.broker.publish([outgoing(queue, "leased")], never);
    const raw = await redis.cli("lindex", queue, "0");
    const other = await openBackend(redis.url);
    const caught = await Catch.open(other, queue, 1, { lease: 9_000 });
    await caught.until(1);
    const entries = await unacked();
    expect(entries.map(([, value]) => value)).toEqual([`[${raw},"","${queue}"]`]);
    const [[id]] = entries as [[string, string]];
    expect(id).toMatch(new RegExp(`^\\d{16}\\.0\\.${queue}$`));
    const first = await scoreOf(id);
    expect(Math.abs(first - Date.now() / 1000)).toBeLessThan(5);
    await eventually("a refreshed score", async () => (await scoreOf(id)) > first);
    await caught.consumer.settle([{ delivery: caught.all[0] as (typeof caught.all)[number], then: { kind: "ack" } }]);
    expect(await unacked()).toEqual([]);
    expect(await redis.cli("zcard", "unacked_index")).toBe("0");
    await other.close();
  });

  it("parks what is delayed in the same ledger, scored with its due time", async () => {
    const queue = newQueue();
    const due = Date.now() + 7_200_000;
    await backend.broker.publish([outgoing(queue, "later", { due })], never);
    const [[id, value]] = (await unacked()) as [[string, string]];
    expect(JSON.parse(value)).toMatchObject([{ headers: { id: "later" } }, "", queue]);
    expect(await scoreOf(id)).toBe(Math.ceil(due / 1000));
    expect(await redis.cli("llen", queue)).toBe("0");
    expect(await backend.broker.queues.purge(queue, { ready: true, delayed: true })).toBe(1);
    expect(await unacked()).toEqual([]);
  });

  it("shows what falls due to a Python worker that waits for it, before it claims it again", async () => {
    const queue = newQueue();
    const caught = await Catch.open(backend, queue, 10);
    await backend.broker.publish([outgoing(queue, "python's")], never);
    const [delivery] = await caught.until(1);
    if (delivery === undefined) throw new Error("nothing was delivered");
    const waiting = redis.cli("brpop", queue, `${queue}\x06\x163`, "60");
    await eventually("the wait", async () => (await redis.cli("client", "list")).includes("cmd=brpop"));
    await caught.consumer.settle([{ delivery, then: { kind: "requeue", at: "back", due: Date.now() + 300 } }]);
    expect(await waiting).toContain("python's");
    await caught.consumer.stop();
    expect(caught.all).toHaveLength(1);
    expect(await unacked()).toEqual([]);
  });

  it("puts what goes back to the front together in the order of the claims, as a Python worker then takes it", async () => {
    const queue = newQueue();
    const ids = ["a", "b", "c", "d"];
    await backend.broker.publish(
      ids.map((id) => outgoing(queue, id)),
      never,
    );
    const caught = await Catch.open(backend, queue, 3);
    const [a, b, c] = await caught.until(3);
    if (a === undefined || b === undefined || c === undefined) throw new Error("too little was delivered");
    caught.consumer.pause();
    const back = { kind: "requeue", at: "front" } as const;
    const answers = await caught.consumer.settle([
      { delivery: c, then: { kind: "ack" } },
      { delivery: a, then: back },
      { delivery: b, then: back },
    ]);
    expect(answers.map(({ kind }) => kind)).toEqual(["settled", "settled", "settled"]);
    await caught.consumer.stop();
    const left = (await redis.cli("rpop", queue, "9")).split("\n");
    expect(left.map((raw) => (JSON.parse(raw) as { headers: { id: string } }).headers.id)).toEqual(["a", "b", "d"]);
  });

  it("writes results as Celery does, and says so on the channel of the key", async () => {
    const heard: string[] = [];
    const watching = (async () => {
      for await (const outcome of backend.store.watch("r1", never)) heard.push(outcome.state);
    })();
    const meta = Buffer.from('{"status":"SUCCESS","result":4}');
    await backend.store.commit([{ id: "r1", state: "SUCCESS", final: true, fence: 1, meta, ttl: 86_400_000 }]);
    await watching;
    expect(heard).toEqual(["SUCCESS"]);
    expect(await redis.cli("get", "celery-task-meta-r1")).toBe(meta.toString());
    expect(Number(await redis.cli("ttl", "celery-task-meta-r1"))).toBeGreaterThan(86_000);
  });

  it("sees at once what Python pushes, though it rings no bell", async () => {
    const queue = newQueue();
    const capture = new URL("../../wire/fixtures/celery-5.6.3-producer.json", import.meta.url);
    const raw = firstEnvelope(JSON.parse(await readFile(capture, "utf8")) as Capture) ?? "";
    expect(raw).toContain("delivery_info");
    const caught = await Catch.open(backend, queue, 20);
    await eventually("the watch", async () => (await redis.cli("exists", `celeriac:watch:${queue}`)) === "1");
    await eventually("the peek", async () => (await redis.cli("client", "list")).includes("cmd=blmove"));
    const times: number[] = [];
    for (let n = 1; n <= 11; n++) {
      await redis.cli("lpush", queue, raw);
      const begun = performance.now();
      await caught.until(n);
      times.push(performance.now() - begun);
    }
    // The slow look comes a second after the one before, so it would be most of that each time.
    expect(times.toSorted((a, b) => a - b)[5]).toBeLessThan(500);
    const [delivery] = caught.all;
    expect(delivery?.message).toMatchObject({ headers: { lang: "py", task: expect.any(String) } });
    expect(Buffer.from(delivery?.raw ?? []).toString()).toBe(raw);
    await caught.consumer.stop();
  });

  it("sees what Python pushes with a priority", async () => {
    const queue = newQueue();
    const caught = await Catch.open(backend, queue, 10);
    await eventually("the watch", async () => (await redis.cli("exists", `celeriac:watch:${queue}`)) === "1");
    await backend.broker.publish([outgoing(queue, "x")], never);
    const raw = Buffer.from((await caught.until(1))[0]?.raw ?? []).toString();
    await redis.cli("lpush", `${queue}\x06\x169`, raw);
    await caught.until(2);
    expect(caught.all.map(idOf)).toEqual(["x", "x"]);
    await caught.consumer.stop();
  });

  it("notices what a Python sweep took, and neither renews nor settles it", async () => {
    const queue = newQueue();
    await backend.broker.publish([outgoing(queue, "stolen")], never);
    const caught = await Catch.open(backend, queue, 1, { lease: 1500 });
    const [delivery] = await caught.until(1);
    if (delivery === undefined) throw new Error("one was sent");
    const [[id]] = (await unacked()) as [[string, string]];
    await redis.cli("zrem", "unacked_index", id);
    await redis.cli("hdel", "unacked", id);
    await eventually("the loss", () => delivery.lost.aborted);
    expect(await caught.consumer.settle([{ delivery, then: { kind: "ack" } }])).toEqual([{ kind: "lost" }]);
    expect(await redis.cli("exists", "unacked_index", `celeriac:lease:${queue}`, `celeriac:started:${queue}`)).toBe(
      "0",
    );
    await caught.consumer.stop();
  });

  it("puts back what a Python worker holds as kombu does, for whom it is gone then", async () => {
    const queue = newQueue();
    const tagged = (id: string, exchange: string): string =>
      `{"body": "W10=", "content-encoding": "utf-8", "content-type": "application/json", "headers": {"id": "${id}", "task": "t", "big": 12345678901234567890}, ` +
      `"properties": {"delivery_mode": 2, "delivery_info": {"exchange": "${exchange}", "routing_key": "${queue}"}, "priority": 4, "body_encoding": "base64", "delivery_tag": "t"}}`;
    const hold = async (tag: string, id: string, exchange = "", key = queue): Promise<void> => {
      await redis.cli("hset", "unacked", tag, `[${tagged(id, exchange)}, "${exchange}", "${key}"]`);
      await redis.cli("zadd", "unacked_index", String(Math.floor(Date.now() / 1000)), tag);
    };
    await redis.cli("sadd", "_kombu.binding.shop", `${queue}\x06\x16\x06\x16${queue}`);
    await hold("tag-1", "direct");
    await hold("tag-2", "bound", "shop");
    await hold("tag-3", "another's", "", "another");
    await hold("tag-4", "unbound", "shop", "other");
    const ids = ["direct", "bound", "another's", "unbound"];
    const moved = await backend.broker.queues.requeue(queue, ids, { at: "front" });
    expect(moved).toEqual(["leased", "leased", undefined, undefined]);
    // kombu's acknowledgement is this, and finds nothing; so does its restoring.
    expect(await redis.cli("hdel", "unacked", "tag-1", "tag-2")).toBe("0");
    expect(await redis.cli("zrem", "unacked_index", "tag-1", "tag-2")).toBe("0");
    expect(await redis.cli("hdel", "unacked", "tag-3", "tag-4")).toBe("2");
    await redis.cli("zrem", "unacked_index", "tag-3", "tag-4");
    const list = `${queue}\x06\x163`;
    const raws = (await redis.cli("lrange", list, "0", "-1")).split("\n");
    expect(raws.map((raw) => (JSON.parse(raw) as { headers: { id: string } }).headers.id)).toEqual(["bound", "direct"]);
    expect(raws[1]).toContain('"big": 12345678901234567890,"redelivered":true}');
    expect(JSON.parse(raws[1] ?? "")).toMatchObject({
      headers: { redelivered: true },
      properties: { delivery_info: { exchange: "", routing_key: queue, redelivered: true } },
    });
    await redis.cli("del", list);
  });

  it("puts every key under the prefix, and results not", async () => {
    const prefixed = await openBackend(redis.url, { keyPrefix: "shop:" });
    await redis.cli("flushall");
    await prefixed.broker.publish(
      [outgoing("mail", "p1", { dedupe: { id: "p1", nonce: "n", window: 60_000 } })],
      never,
    );
    const caught = await Catch.open(prefixed, "mail", 1);
    const [delivery] = await caught.until(1);
    if (delivery === undefined) throw new Error("one was sent");
    const meta = Buffer.from('{"status":"SUCCESS"}');
    const result = { id: "p1", state: "SUCCESS", final: true, fence: delivery.fence, meta, ttl: undefined };
    expect(await caught.consumer.settle([{ delivery, then: { kind: "ack" }, result }])).toEqual([{ kind: "settled" }]);
    const keys = (await redis.cli("keys", "*")).split("\n");
    expect(keys.filter((key) => !key.startsWith("shop:"))).toEqual(["celery-task-meta-p1"]);
    await prefixed.close();
  });
});
