/** What the ledger leaves in Redis: no key without an end but what is kept, none of a run that has ended; and that it works at full memory. */

import { expect, it } from "vitest";
import { eventually, openBackend } from "../../../test/server/redis-backend.ts";
import { startRedis, type RedisServer } from "../../../test/server/redis-server.ts";
import { describeWith } from "../../../test/server/required-program.ts";
import type { Backend } from "../../port/backend.ts";
import type { Claimed, Hold, Ledger } from "../../port/ledger.ts";

const [hour, day] = [3_600_000, 86_400_000];

function ledgerOf(backend: Backend): Ledger {
  if (backend.store.ledger === undefined) throw new Error("no ledger");
  return backend.store.ledger;
}

async function begin(backend: Backend, id: string): Promise<Claimed> {
  const nonce = crypto.randomUUID();
  const start = { id, attempt: 1, messageId: "m", redelivered: false, worker: "w", blame: "sure", nonce } as const;
  const [answer] = await ledgerOf(backend).begin([start]);
  if (answer?.kind !== "go") throw new Error(`not begun: ${answer?.kind}`);
  return { id, fence: answer.fence };
}

const hold = (claimed: Claimed, size: number): Hold => ({ ...claimed, queue: "q", raw: Buffer.alloc(size, "x") });
const meta = Buffer.from('{"status":"SUCCESS","result":null}');
const result = (claimed: Claimed) => ({ ...claimed, state: "SUCCESS", final: true, meta, ttl: 2 * day });

/** Every key but those that are there from the opening, with its end in ms; -1 = none. */
async function ends(redis: RedisServer): Promise<Record<string, number>> {
  const names = (await redis.cli("keys", "*")).split("\n").filter((name) => !/control$|_kombu|queues$/.test(name));
  const found = names
    .filter((name) => name !== "")
    .map(async (name) => [name, Number(await redis.cli("pttl", name))] as const);
  return Object.fromEntries(await Promise.all(found));
}

const about = (ms: number): unknown =>
  expect.toSatisfy((found: number) => found <= ms && found > ms - 60_000, `about ${ms} ms`);

describeWith("redis-server", "the ledger in redis", () => {
  it("leaves nothing for ever", async () => {
    await using redis = await startRedis();
    const backend = await openBackend(redis.url);
    const ledger = ledgerOf(backend);
    const [a, b, c] = [await begin(backend, "a"), await begin(backend, "b"), await begin(backend, "c")];
    expect(await ends(redis)).toEqual({
      "celeriac:cp:a": about(7 * day),
      "celeriac:cp:b": about(7 * day),
      "celeriac:cp:c": about(7 * day),
    });
    await backend.store.checkpoints?.write("c", c.fence, "point", meta, 30 * day);
    await ledger.take([hold(a, 10), hold(b, 10), hold(c, 10)], 60_000);
    expect(await ends(redis)).toEqual({
      "celeriac:cp:a": -1,
      "celeriac:cp:b": -1,
      "celeriac:cp:c": -1,
      "celeriac:held": -1,
      "celeriac:hold:a": -1,
      "celeriac:hold:b": -1,
      "celeriac:hold:c": -1,
    });
    await backend.store.commit([result(a), result(c)]);
    await ledger.finish([b]);
    await ledger.release([a, b, c]);
    expect(await ends(redis)).toEqual({
      "celeriac:cp:a": about(day),
      "celeriac:cp:b": about(hour),
      "celeriac:cp:c": about(7 * day),
      "celery-task-meta-a": about(2 * day),
      "celery-task-meta-c": about(2 * day),
    });
    expect(await redis.cli("hkeys", "celeriac:cp:a")).toBe("#");
    const plain = await begin(backend, "plain");
    await backend.store.commit([result(plain)]);
    expect(await ends(redis)).toMatchObject({ "celeriac:cp:plain": about(2 * day) });
    await backend.close();
  });

  it("gives back a few megabytes in one call, and the rest in the next", async () => {
    await using redis = await startRedis();
    const backend = await openBackend(redis.url);
    const claims = await Promise.all(["a", "b", "c", "d", "e"].map((id) => begin(backend, id)));
    const holds = claims.map((claimed) => hold(claimed, 2_500_000));
    expect(await ledgerOf(backend).take(holds, 0)).toEqual(holds.map(() => "held"));
    const came: string[][] = [];
    for (let call = 0; call < 4; call += 1) {
      const given = await ledgerOf(backend).expired(60_000, 100);
      came.push(given.map(({ id }) => id));
    }
    expect(came.map(({ length }) => length)).toEqual([2, 2, 1, 0]);
    expect(came.flat().toSorted()).toEqual(["a", "b", "c", "d", "e"]);
    await backend.close();
  });

  it("works at full memory, for nothing that runs may be stuck", async () => {
    await using redis = await startRedis({ maxmemory: "4mb" });
    const backend = await openBackend(redis.url);
    const ledger = ledgerOf(backend);
    const former = await begin(backend, "former");
    const refused = async (): Promise<boolean> =>
      (await redis.cli("lpush", "fill", "x".repeat(50_000))).includes("OOM");
    await eventually("a full server", refused);
    const claimed = await begin(backend, "late");
    expect(await ledger.take([hold(claimed, 1000)], 0)).toEqual(["held"]);
    expect(await ledger.renew([claimed], 0)).toEqual([true]);
    expect(await ledger.expired(60_000, 10)).toMatchObject([{ id: "late" }]);
    await ledger.reopen([former]);
    await ledger.release([claimed]);
    expect(await ledger.finish([claimed, former])).toEqual(["finished", "finished"]);
    await backend.store.forget(["former"]);
    await backend.close();
  });
});
