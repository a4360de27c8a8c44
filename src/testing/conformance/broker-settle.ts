/** Settlement: all of it or nothing of it, once in effect however often it is repeated, and only by the holder. */

import { expect, it } from "vitest";
import { bodyOf, idOf, never, resultOf, useRig } from "./rig.ts";
import type { MakeServer } from "./suite-server.ts";

const settled = { kind: "settled" };

export function settleCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);

  it("removes what is acknowledged", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const queue = rig.name("ack");
    await rig.send(client, queue, ["a"]);
    const tray = await rig.consume(client, [queue], 1, { lease: rig.renewed });
    await tray.ack([await tray.one()]);
    await client.close();
    await (await rig.consume(other, [queue], 1)).quiet(rig.renewed + rig.server.timing.sweep);
  });

  it("answers a repeated settlement as the first time, and acts once", async () => {
    const rig = use();
    const client = await rig.client();
    const queue = rig.name("repeat");
    await rig.send(client, queue, ["a", "b"]);
    const tray = await rig.consume(client, [queue], 2);
    const [first, second] = await tray.take(2);
    if (first === undefined || second === undefined) throw new Error("two were sent");
    const ack = { delivery: first, then: { kind: "ack" } } as const;
    expect(await tray.settle(ack)).toEqual(settled);
    expect(await tray.settle(ack)).toEqual(settled);
    const retry = { delivery: second, then: { kind: "replace", next: rig.outgoing(queue, { id: "b2" }) } } as const;
    expect(await tray.settle(retry)).toEqual(settled);
    expect(await tray.consumer.settle([ack, retry])).toEqual([settled, settled]);
    expect(idOf(await tray.one())).toBe("b2");
    await tray.quiet();
  });

  it("is safe to repeat when the answer was lost", async ({ skip }) => {
    const rig = use();
    const client = await rig.client();
    skip(rig.server.cutReply === undefined, "the harness cannot cut answers");
    const queue = rig.name("cut");
    await rig.send(client, queue, ["a"]);
    const tray = await rig.consume(client, [queue], 1);
    const delivery = await tray.one();
    const settlement = { delivery, then: { kind: "replace", next: rig.outgoing(queue, { id: "a2" }) } } as const;
    await rig.server.cutReply?.(client, "settle");
    const first = await tray.settle(settlement).catch(() => "unknown");
    expect([settled, "unknown"]).toContainEqual(first);
    await rig.until("the repeat to be answered", async () => {
      const answer = await tray.settle(settlement).catch(() => undefined);
      if (answer !== undefined) expect(answer).toEqual(settled);
      return answer !== undefined;
    });
    expect(idOf(await tray.one())).toBe("a2");
    await tray.quiet();
  });

  it("takes many settlements at the same time, each in a call of its own", async () => {
    const rig = use();
    const client = await rig.client();
    const queue = rig.name("parallel");
    await rig.send(
      client,
      queue,
      Array.from({ length: 50 }, (_, index) => `p${index}`),
    );
    const tray = await rig.consume(client, [queue], 50);
    const held = await tray.take(50);
    const answers = await Promise.all(held.map((delivery) => tray.settle({ delivery, then: { kind: "ack" } })));
    expect(answers).toEqual(held.map(() => settled));
    tray.consumer.started(held, "sure");
    await tray.quiet();
    expect(await tray.consumer.settle([])).toEqual([]);
  });

  it("says `lost` to a second, different settlement", async () => {
    const rig = use();
    const client = await rig.client();
    const queue = rig.name("second");
    await rig.send(client, queue, ["a"]);
    const tray = await rig.consume(client, [queue], 5);
    const delivery = await tray.one();
    await tray.ack([delivery]);
    expect(await tray.settle({ delivery, then: { kind: "requeue", at: "front" } })).toEqual({ kind: "lost" });
    await tray.quiet();
  });

  it("delivers a retry inside the dedupe window of its own id", async () => {
    const rig = use();
    const client = await rig.client();
    const queue = rig.name("retry");
    const id = rig.name("id");
    const dedupe = { id, nonce: "n1", window: 60_000 };
    await rig.publishOne(client, rig.outgoing(queue, { id }, { dedupe }));
    const tray = await rig.consume(client, [queue], 1);
    const next = rig.outgoing(queue, { id, body: "[[2],{},{}]" });
    const result = client.broker.joins(client.store) ? { result: resultOf(id, "RETRY", 0) } : {};
    const delivery = await tray.one();
    expect(await tray.settle({ delivery, then: { kind: "replace", next }, ...result })).toEqual(settled);
    const again = await tray.one();
    expect([idOf(again), bodyOf(again), again.redelivered, again.crashes]).toEqual([id, "[[2],{},{}]", false, 0]);
    await tray.ack([again]);
  });

  it("replaces into another queue", async () => {
    const rig = use();
    const client = await rig.client();
    const [queue, elsewhere] = [rig.name("from"), rig.name("to")];
    await rig.send(client, queue, ["a"]);
    const tray = await rig.consume(client, [queue, elsewhere], 1);
    const delivery = await tray.one();
    expect(
      await tray.settle({ delivery, then: { kind: "replace", next: rig.outgoing(elsewhere, { id: "a" }) } }),
    ).toEqual(settled);
    expect(await tray.one()).toMatchObject({ queue: elsewhere });
  });

  it("puts back to the front or to the back, as it was", async () => {
    const rig = use();
    const client = await rig.client();
    const queue = rig.name("requeue");
    await rig.send(client, queue, ["a", "b"], { body: '[[1],{"k":9007199254740993},{}]' });
    const tray = await rig.consume(client, [queue], 1);
    const first = await tray.one();
    const raw = Buffer.from(first.raw);
    expect(await tray.settle({ delivery: first, then: { kind: "requeue", at: "front" } })).toEqual(settled);
    const next = await tray.one();
    const atFront = client.broker.features.requeueFront;
    expect(idOf(next)).toBe(atFront ? "a" : "b");
    if (!atFront) await tray.settle({ delivery: next, then: { kind: "requeue", at: "back" } });
    const front = atFront ? next : await tray.one();
    expect(idOf(front)).toBe("a");
    expect(bodyOf(front)).toBe('[[1],{"k":9007199254740993},{}]');
    expect([front.crashes, front.suspicions]).toEqual([0, 0]);
    expect(raw.byteLength).toBeGreaterThan(0);
    expect(await tray.settle({ delivery: front, then: { kind: "requeue", at: "back" } })).toEqual(settled);
    expect(idOf(await tray.one())).toBe("b");
    await tray.ack(tray.all.slice(-1));
    expect(idOf(await tray.one())).toBe("a");
  });

  it("sets crash counts on a requeue, absolutely, and keeps them on a retry", async () => {
    const rig = use();
    const client = await rig.client();
    const queue = rig.name("counts");
    await rig.send(client, queue, ["a"]);
    const tray = await rig.consume(client, [queue], 1);
    const first = await tray.one();
    await tray.settle({ delivery: first, then: { kind: "requeue", at: "front", crashes: 2, suspicions: 3 } });
    const second = await tray.one();
    expect([second.crashes, second.suspicions]).toEqual([2, 3]);
    await tray.settle({ delivery: second, then: { kind: "requeue", at: "front", suspicions: 0 } });
    const third = await tray.one();
    expect([third.crashes, third.suspicions]).toEqual([2, 0]);
    await tray.settle({ delivery: third, then: { kind: "replace", next: rig.outgoing(queue, { id: "a" }) } });
    const fourth = await tray.one();
    expect([fourth.crashes, fourth.suspicions]).toEqual([2, 0]);
    await tray.settle({ delivery: fourth, then: { kind: "requeue", at: "back", crashes: 0 } });
    expect(await tray.one()).toMatchObject({ crashes: 0, suspicions: 0 });
  });

  it("answers a mixed batch in its order", async () => {
    const rig = use();
    const client = await rig.client();
    const queue = rig.name("mixed");
    await rig.send(client, queue, ["a", "b", "c"]);
    const tray = await rig.consume(client, [queue], 3);
    const [a, b, c] = await tray.take(3);
    if (a === undefined || b === undefined || c === undefined) throw new Error("three were sent");
    await tray.ack([b]);
    const answers = await tray.consumer.settle([
      { delivery: a, then: { kind: "requeue", at: "back" } },
      { delivery: b, then: { kind: "requeue", at: "back" } },
      { delivery: c, then: { kind: "ack" }, follow: [rig.outgoing(queue, { id: "d" })] },
    ]);
    expect(answers).toEqual([settled, { kind: "lost" }, settled]);
    expect((await tray.take(2)).map(idOf).toSorted()).toEqual(["a", "d"]);
    await tray.quiet();
  });

  it("sends what follows, also into a full queue, and once for one id", async () => {
    const rig = use();
    const client = await rig.client({ maxDepth: 2 });
    const [queue, full] = [rig.name("leader"), rig.name("full")];
    await rig.send(client, queue, ["a", "b"]);
    await rig.send(client, full, ["x", "y"]);
    const tray = await rig.consume(client, [queue], 2);
    const [a, b] = await tray.take(2);
    if (a === undefined || b === undefined) throw new Error("two were sent");
    const id = rig.name("follow");
    const follow = (nonce: string) => [rig.outgoing(full, { id }, { dedupe: { id, nonce, window: 60_000 } })];
    expect(await tray.settle({ delivery: a, then: { kind: "ack" }, follow: follow("n1") })).toEqual(settled);
    expect(await tray.settle({ delivery: b, then: { kind: "ack" }, follow: follow("n2") })).toEqual(settled);
    const next = await rig.consume(client, [full], 10);
    // A broker that does not tell duplicates apart has both; only one of them is started.
    const copies = client.broker.features.dedupe === "publish" ? [id] : [id, id];
    expect((await next.take(2 + copies.length)).map(idOf)).toEqual(["x", "y", ...copies]);
    await next.quiet();
  });

  it("does nothing of a settlement that cannot be encoded", async () => {
    const rig = use();
    const client = await rig.client();
    const queue = rig.name("unencodable");
    await rig.send(client, queue, ["a"]);
    const tray = await rig.consume(client, [queue], 1);
    const delivery = await tray.one();
    const bad = rig.outgoing(queue, { id: "bad" });
    const message = { ...bad.message, headers: { ...bad.message.headers, fn: () => 1 } };
    await expect(tray.settle({ delivery, then: { kind: "ack" }, follow: [{ queue, message }] })).rejects.toThrow();
    await expect(client.broker.publish([{ queue, message }], never)).rejects.toThrow();
    await tray.ack([delivery]);
    await tray.quiet();
  });
}
