/** Publishing as bytes: each message arrives whole, under its own id and nonce, whatever stands beside it in the same call. */

import { expect, it } from "vitest";
import { never, openBackend, outgoing } from "../../../test/server/redis-backend.ts";
import { type RedisServer, startRedis } from "../../../test/server/redis-server.ts";
import { describeWith } from "../../../test/server/required-program.ts";
import type { Outgoing } from "../../port/broker.ts";
import { decodeEnvelope } from "../../wire/envelope.ts";

const prefix = "préfixe:";
const day = 86_400_000;
const known = (id: string, nonce = id, window = 60_000): Pick<Outgoing, "dedupe"> => ({
  dedupe: { id, nonce, window },
});

interface Stored {
  readonly id: unknown;
  readonly body: string;
  readonly tag: string;
}

/** The oldest first. */
async function storedIn(redis: RedisServer, list: string): Promise<readonly Stored[]> {
  const lines = (await redis.cli("lrange", list, "0", "-1")).split("\n").toReversed();
  return lines.map((line) => {
    const message = decodeEnvelope(line);
    if ("malformed" in message) throw new Error(message.reason);
    const { properties } = JSON.parse(line) as { readonly properties: { readonly delivery_tag: string } };
    return { id: message.headers["id"], body: Buffer.from(message.body).toString(), tag: properties.delivery_tag };
  });
}

async function withBackend(
  use: (redis: RedisServer, publish: (batch: readonly Outgoing[]) => Promise<readonly string[]>) => Promise<void>,
): Promise<void> {
  await using redis = await startRedis();
  const backend = await openBackend(redis.url, { keyPrefix: prefix });
  try {
    await use(redis, async (batch) => (await backend.broker.publish(batch, never)).map(({ kind }) => kind));
  } finally {
    await backend.close();
  }
}

describeWith("redis-server", "what redis is given to publish", () => {
  it.each([
    ["small", 20],
    ["larger than a room that is kept", 3_000],
  ])("arrives whole and in order, more than one call of the script takes, %s", async (_, length) => {
    await withBackend(async (redis, publish) => {
      const batch = Array.from({ length: 700 }, (_each, index) => {
        const id = `é-${String(index)}-😀`;
        return outgoing("q", id, known(id), JSON.stringify([["ü".repeat(length), index], {}, {}]));
      });
      // More than once, so that rooms are used again.
      for (const part of [batch.slice(0, 1), batch.slice(1, 600), batch.slice(600)])
        expect(new Set(await publish(part))).toEqual(new Set(["accepted"]));
      const stored = await storedIn(redis, `${prefix}q`);
      expect(stored.map(({ id }) => id)).toEqual(batch.map(({ dedupe }) => dedupe?.id));
      expect(stored.map(({ body }) => body)).toEqual(batch.map(({ message }) => Buffer.from(message.body).toString()));
      expect(await redis.cli("get", `${prefix}celeriac:seen:é-7-😀`)).toBe("é-7-😀");
    });
  });

  it.each(["one call", "several"])("keeps apart what was made under an id of its own, in %s", async (parts) => {
    await withBackend(async (redis, publish) => {
      const mixed: readonly Outgoing[] = [
        outgoing("q", "made", known("made")),
        outgoing("q", "named", known("named", "nonce-of-named", day)),
        outgoing("q", "bare"),
        outgoing("q", "long", known("long", "long", day)),
        outgoing("q", "later", { ...known("later"), due: Date.now() + day }),
        outgoing("q", "made too", known("made too")),
      ];
      const some = (...indexes: readonly number[]): readonly Outgoing[] =>
        mixed.filter((_, index) => indexes.includes(index));
      for (const batch of parts === "one call" ? [mixed] : [some(0, 3), some(1), some(2), some(4, 5)])
        expect(new Set(await publish(batch))).toEqual(new Set(["accepted"]));
      const ids = (await storedIn(redis, `${prefix}q`)).map(({ id }) => id);
      expect(new Set(ids)).toEqual(new Set(["bare", "long", "made", "made too", "named"]));
      const seen = ["made", "named", "bare", "long", "later"].map((id) => `${prefix}celeriac:seen:${id}`);
      expect((await redis.cli("mget", ...seen)).split("\n")).toEqual(["made", "nonce-of-named", "", "long", "later"]);
      const lives = await Promise.all(seen.map(async (key) => Number(await redis.cli("pttl", key))));
      expect(lives.map((ms) => (ms < 0 ? "none" : ms > 60_000 ? "a day" : "a minute"))).toEqual([
        "a minute",
        "a day",
        "none",
        "a day",
        "a minute",
      ]);
    });
  });

  it.each([
    [
      "headers that are no JSON",
      (one: Outgoing): Outgoing => ({ ...one, message: { ...one.message, headers: { id: "x", odd: new Map() } } }),
    ],
    ["a queue that has no such name", (one: Outgoing): Outgoing => ({ ...one, queue: "unacked" })],
  ])("goes out for none of many where the last has %s", async (_, spoil) => {
    await withBackend(async (redis, publish) => {
      const batch = Array.from({ length: 600 }, (_each, index) => outgoing("q", `t${String(index)}`));
      await expect(publish([...batch, spoil(outgoing("q", "last"))])).rejects.toThrow();
      await publish([outgoing("other", "next")]);
      expect(await redis.cli("llen", `${prefix}q`)).toBe("0");
    });
  });

  it("is the same call again alone, and a duplicate under another nonce, in either form", async () => {
    await withBackend(async (_, publish) => {
      const made = outgoing("q", "made", known("made"));
      const named = outgoing("q", "named", known("named", "n"));
      expect(await publish([made])).toEqual(["accepted"]);
      expect(await publish([made, named])).toEqual(["accepted", "accepted"]);
      expect(await publish([made])).toEqual(["accepted"]);
      expect(await publish([outgoing("q", "made", known("made", "other"))])).toEqual(["duplicate"]);
      expect(await publish([outgoing("q", "named", known("named"))])).toEqual(["duplicate"]);
      expect(await publish([outgoing("q", "made", known("made", "other")), made])).toEqual(["duplicate", "accepted"]);
    });
  });

  it("has a tag of its own in kombu's eyes, also where calls share their nonce", async () => {
    await withBackend(async (redis, publish) => {
      await publish(["a", "b", "c"].map((id) => outgoing("q", id, known(id, "the one that sends them"))));
      await publish([outgoing("q", "a"), outgoing("q", "a"), outgoing("q", "d", known("d"))]);
      const stored = await storedIn(redis, `${prefix}q`);
      expect(new Set(stored.map(({ tag }) => tag)).size).toBe(6);
    });
  });

  it("goes out whole again to a server that has forgotten the script", async () => {
    await withBackend(async (redis, publish) => {
      await redis.cli("script", "flush");
      const ids = Array.from({ length: 40 }, (_, index) => `t${String(index)}`);
      await publish(ids.map((id) => outgoing("q", id, known(id), `[["${"x".repeat(500)}"],{},{}]`)));
      expect((await storedIn(redis, `${prefix}q`)).map(({ id }) => id)).toEqual(ids);
    });
  });
});
