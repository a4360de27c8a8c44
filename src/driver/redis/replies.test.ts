/** Replies as kombu's rpc over Redis has them: its lists and envelopes, what remains of them, and what a bad line costs. */

import { afterEach, beforeEach, expect, it } from "vitest";
import { eventually, never, openBackend } from "../../../test/server/redis-backend.ts";
import { startRedis, type RedisServer } from "../../../test/server/redis-server.ts";
import { describeWith } from "../../../test/server/required-program.ts";
import { startProxy } from "../../../test/server/tcp-proxy.ts";
import type { Message } from "../../wire/message.ts";
import type { open } from "./index.ts";

type Opened = ReturnType<typeof open>;

const address = "7c41fbd8-36b9-3d75-9d5a-3f6d3c8f0b51";

function answer(id: string): Message {
  const body = Buffer.from(
    JSON.stringify({ task_id: id, status: "SUCCESS", result: 4, traceback: null, children: [] }),
  );
  const properties = { correlationId: id };
  return { headers: {}, properties, contentType: "application/json", contentEncoding: "utf-8", body };
}

describeWith("redis-server", "replies over redis", () => {
  let redis: RedisServer;
  const backends: Opened[] = [];
  const openAt = async (url: string): Promise<Opened> => {
    const backend = (await openBackend(url)) as Opened;
    backends.push(backend);
    return backend;
  };
  beforeEach(async () => {
    redis = await startRedis();
  });
  afterEach(async () => {
    for (const backend of backends.splice(0)) await backend.close();
    await redis.stop();
  });

  it("are envelopes on the list of the asker's address, gone after a day", async () => {
    const backend = await openAt(redis.url);
    await backend.replies.send([{ to: address, message: answer("t1") }], never);
    const envelope = JSON.parse(await redis.cli("lindex", address, "0")) as Record<string, unknown>;
    expect(envelope).toMatchObject({
      "content-type": "application/json",
      "content-encoding": "utf-8",
      headers: {},
      properties: { correlation_id: "t1", delivery_info: { exchange: "", routing_key: address } },
    });
    expect(JSON.parse(String(envelope["body"]))).toMatchObject({ task_id: "t1", status: "SUCCESS", result: 4 });
    const left = Number(await redis.cli("pttl", address));
    expect(left).toBeGreaterThan(86_300_000);
    expect(left).toBeLessThanOrEqual(86_400_000);
  });

  it("are taken off once heard, and the list goes with its listener", async () => {
    const backend = await openAt(redis.url);
    const came: string[] = [];
    const listening = await backend.replies.listen(
      address,
      ({ properties }) => void came.push(String(properties.correlationId)),
    );
    await backend.replies.send(
      ["a", "b"].map((id) => ({ to: address, message: answer(id) })),
      never,
    );
    await eventually("both", async () => came.length === 2 && (await redis.cli("exists", address)) === "0");
    await listening.close();
    await backend.replies.send([{ to: address, message: answer("c") }], never);
    expect(await redis.cli("llen", address)).toBe("1");
    expect(came).toEqual(["a", "b"]);
  });

  it("lose nothing on a line that breaks between hearing and taking off", async () => {
    const proxy = await startProxy(redis.port);
    const asker = await openAt(`redis://127.0.0.1:${proxy.port}`);
    const sender = await openAt(redis.url);
    const came: string[] = [];
    await asker.replies.listen(address, ({ properties }) => void came.push(String(properties.correlationId)));
    await eventually("the wait", async () => (await redis.cli("client", "list")).includes("cmd=blmove"));
    const broken = proxy.loseReplyTo("LRANGE");
    const ids = Array.from({ length: 5 }, (_, index) => `r${index}`);
    await sender.replies.send(
      ids.map((id) => ({ to: address, message: answer(id) })),
      never,
    );
    await broken;
    await eventually("all of them", () => new Set(came).size === ids.length);
    expect([...new Set(came)]).toEqual(ids);
    await eventually("an empty list", async () => (await redis.cli("exists", address)) === "0");
    await asker.close();
    await proxy.close();
  });

  it("leave other keys alone, whatever a message says where its answer goes", async () => {
    const backend = await openAt(redis.url);
    await redis.cli("set", "a-text", "mine");
    const hostile = ["a-text", "unacked", "celeriac:dead", "_kombu.binding.celery", "celery-task-meta-x", "\n"];
    await backend.replies.send(
      [...hostile, address].map((to) => ({ to, message: answer("t") })),
      never,
    );
    expect(await redis.cli("get", "a-text")).toBe("mine");
    expect((await redis.cli("keys", "*")).split("\n").toSorted()).toEqual([address, "a-text"].toSorted());
  });

  it("come at full memory too, as results do", async () => {
    const backend = await openAt(redis.url);
    const came: string[] = [];
    await backend.replies.listen(address, ({ properties }) => void came.push(String(properties.correlationId)));
    await redis.cli("config", "set", "maxmemory", "1");
    await backend.replies.send([{ to: address, message: answer("full") }], never);
    await eventually("the reply", () => came.includes("full"));
  });
});
