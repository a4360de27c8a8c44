/** Single tasks moved at somebody's word: to the front, to the end, to another queue, away from whoever holds them. */

import { expect, it } from "vitest";
import type { QueueState } from "../../port/queue-admin.ts";
import { bodyOf, idOf, messageOf, resultOf, type Rig, useRig } from "./rig.ts";
import type { MakeServer, OpenClient } from "./suite-server.ts";

const all = (count: number, state: string): string[] => Array.from({ length: count }, () => state);

export function requeueCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);
  const open = async (rig: Rig, skip: (yes: boolean, why: string) => void): Promise<OpenClient> => {
    const client = await rig.client();
    skip(!client.broker.features.requeue, "the broker moves no single messages");
    return client;
  };
  const stateOf = async (client: OpenClient, queue: string): Promise<QueueState | undefined> =>
    (await client.broker.queues.list()).find(({ name }) => name === queue);

  it("says so where it moves none", async ({ skip }) => {
    const client = await use().client();
    skip(client.broker.features.requeue, "the broker moves single messages");
    const moved = client.broker.queues.requeue("any", ["id"], { at: "front" });
    await expect(moved).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
  });

  it("moves what waits to the front or the end of its priority, in the order in which it is named", async ({
    skip,
  }) => {
    const rig = use();
    const client = await open(rig, skip);
    const queue = rig.name("move");
    const { queues } = client.broker;
    await rig.send(client, queue, ["a", "b", "c", "d", "e"]);
    expect(await queues.requeue(queue, ["d", "e"], { at: "front" })).toEqual(all(2, "ready"));
    expect(await queues.requeue(queue, ["a"], { at: "back" })).toEqual(["ready"]);
    expect(await queues.requeue(queue, ["c"], { at: "front" })).toEqual(["ready"]);
    const { items } = await queues.browse(queue, "ready", undefined, 10);
    expect(items).toHaveLength(5);
    const tray = await rig.consume(client, [queue], 5);
    const came = await tray.take(5);
    expect(came.map(idOf)).toEqual(["c", "d", "e", "b", "a"]);
    expect(came.some(({ redelivered }) => redelivered)).toBe(false);
    await tray.ack(came);
    expect(await stateOf(client, queue)).toMatchObject({ leased: 0 });
  });

  it("comes before what waits in its own priority alone", async ({ skip }) => {
    const rig = use();
    const client = await open(rig, skip);
    const levels = client.broker.features.priority?.levels ?? [];
    skip(levels.length < 2, "there are no priorities");
    const queue = rig.name("levels");
    await rig.send(client, queue, ["first"], { priority: levels[0] ?? 0 });
    await rig.send(client, queue, ["x", "y"], { priority: levels.at(-1) ?? 0 });
    expect(await client.broker.queues.requeue(queue, ["y"], { at: "front" })).toEqual(["ready"]);
    const tray = await rig.consume(client, [queue], 3);
    expect((await tray.take(3)).map(idOf)).toEqual(["first", "y", "x"]);
  });

  it("moves what waits to another queue, whole, and wakes who waits there", async ({ skip }) => {
    const rig = use();
    const client = await open(rig, skip);
    const [from, to] = [rig.name("from"), rig.name("to")];
    const body = `[["ü",${"9".repeat(25)}],{},{}]`;
    const tray = await rig.consume(client, [to], 5);
    await rig.publishOne(client, rig.outgoing(from, { id: "moved", body, priority: 3 }));
    await rig.send(client, from, ["left"]);
    expect(await client.broker.queues.requeue(from, ["moved", "nobody"], { at: "back", queue: to })).toEqual([
      "ready",
      undefined,
    ]);
    const moved = await tray.one();
    expect([idOf(moved), moved.queue, bodyOf(moved)]).toEqual(["moved", to, body]);
    expect(messageOf(moved).properties.priority).toBe(3);
    const text = Buffer.from(moved.raw).toString();
    expect([text.includes(JSON.stringify(to)), text.includes(JSON.stringify(from))]).toEqual([true, false]);
    await tray.ack([moved]);
    await (await rig.consume(client, [from], 5)).take(1);
  });

  it("takes what is held from its holder, who commits nothing of it any more", async ({ skip }) => {
    const rig = use();
    const [client, other] = [await open(rig, skip), await rig.client()];
    const queue = rig.name("held");
    const [id, rest] = [rig.name("id"), rig.name("rest")];
    await rig.send(client, queue, [id, rest]);
    const tray = await rig.consume(client, [queue], 1);
    const first = await tray.one();
    tray.consumer.started([first], "sure");
    tray.consumer.want(0, 0);
    expect(await other.broker.queues.requeue(queue, [id], { at: "front" })).toEqual(["leased"]);
    const second = await rig.consume(other, [queue], 2);
    const [again, next] = await second.take(2);
    if (again === undefined || next === undefined) throw new Error("two were there");
    expect([idOf(again), idOf(next)]).toEqual([id, rest]);
    expect(again).toMatchObject({ redelivered: true, crashes: 0, suspicions: 0 });
    expect(again.fence).toBeGreaterThan(first.fence);
    const joins = client.broker.joins(client.store);
    const settled = await tray.settle({
      delivery: first,
      then: { kind: "ack" },
      ...(joins && { result: resultOf(id, "SUCCESS", first.fence, { value: "stale" }) }),
    });
    expect(settled).toEqual({ kind: "lost" });
    expect((await client.store.get([id]))[0]).toBeUndefined();
    const result = joins ? { result: resultOf(id, "SUCCESS", again.fence, { value: "fresh" }) } : {};
    expect(await second.settle({ delivery: again, then: { kind: "ack" }, ...result })).toEqual({ kind: "settled" });
    await second.ack([next]);
  });

  it("tells the holder at its next renewal, and puts what it held where it was told", async ({ skip }) => {
    const rig = use();
    const client = await open(rig, skip);
    const [queue, to] = [rig.name("renewed"), rig.name("elsewhere")];
    await rig.send(client, queue, ["held", "kept"], { body: `["${"x".repeat(5_000)}"]` });
    const tray = await rig.consume(client, [queue], 2, { lease: rig.renewed });
    const [held, kept] = await tray.take(2);
    if (held === undefined || kept === undefined) throw new Error("two were there");
    const elsewhere = await rig.consume(client, [to], 2);
    expect(await client.broker.queues.requeue(queue, ["held"], { at: "back", queue: to })).toEqual(["leased"]);
    const moved = await elsewhere.one();
    expect([idOf(moved), bodyOf(moved), moved.redelivered]).toEqual(["held", bodyOf(held), true]);
    await rig.until("the loss", () => held.lost.aborted);
    expect(kept.lost.aborted).toBe(false);
    await tray.ack([kept]);
    await elsewhere.ack([moved]);
    await rig.server.pass(rig.recovery);
    await tray.quiet();
    await elsewhere.quiet();
  });

  it("leaves what is delayed its moment, and moves it to another queue", async ({ skip }) => {
    const rig = use();
    const client = await open(rig, skip);
    skip(client.broker.features.delay === undefined, "the broker delays nothing");
    const [queue, to] = [rig.name("delayed"), rig.name("there")];
    const { queues } = client.broker;
    const due = rig.server.now() + 4_000;
    await rig.publishOne(client, rig.outgoing(queue, { id: "later" }, { due }));
    expect(await queues.requeue(queue, ["later"], { at: "front" })).toEqual(["delayed"]);
    expect(await queues.find(queue, "later")).toMatchObject({ state: "delayed" });
    const tray = await rig.consume(client, [to], 1);
    expect(await queues.requeue(queue, ["later"], { at: "front", queue: to })).toEqual(["delayed"]);
    expect(await queues.find(queue, "later")).toBeUndefined();
    const there = await queues.find(to, "later");
    expect(Math.abs((there?.due ?? 0) - due)).toBeLessThanOrEqual(1_000);
    const came = await tray.one();
    expect(idOf(came)).toBe("later");
    expect(came.claimedAt).toBeGreaterThanOrEqual(due - 1);
    await tray.ack([came]);
  });

  it("loses and doubles nothing while workers take and settle at the same moment", async ({ skip }) => {
    const rig = use();
    const client = await open(rig, skip);
    const [queue, to] = [rig.name("race"), rig.name("raced")];
    const ids = Array.from({ length: 120 }, (_, n) => rig.name(`r${n}`));
    await rig.send(client, queue, ids);
    const acknowledged: string[] = [];
    const settling: Promise<void>[] = [];
    const tray = await rig.consume(client, [queue, to], 7, {
      onBatch: (batch, { consumer }) => {
        const work = async (): Promise<void> => {
          const answers = await consumer.settle(batch.map((delivery) => ({ delivery, then: { kind: "ack" } })));
          for (const [index, { kind }] of answers.entries()) {
            const delivery = batch[index];
            if (kind === "settled" && delivery !== undefined) acknowledged.push(idOf(delivery));
          }
        };
        settling.push(work());
      },
    });
    const mover = await rig.client();
    for (let at = 0; at < ids.length; at += 10) {
      const some = ids.slice(at, at + 10);
      await mover.broker.queues.requeue(queue, some, at % 20 === 0 ? { at: "front" } : { at: "back", queue: to });
    }
    await rig.until("all acknowledged", () => acknowledged.length >= ids.length, 60_000);
    await rig.server.pass(rig.recovery);
    await Promise.all(settling);
    expect(acknowledged.toSorted()).toEqual(ids.toSorted());
    tray.consumer.want(0, 0);
  });

  it("refuses a name that is no queue's", async ({ skip }) => {
    const rig = use();
    const client = await open(rig, skip);
    const moved = client.broker.queues.requeue(rig.name("q"), ["id"], { at: "back", queue: "no queue\n" });
    await expect(moved).rejects.toMatchObject({ code: "NAME_INVALID" });
  });
}
