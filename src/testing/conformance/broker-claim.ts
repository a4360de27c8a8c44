/** Claiming: never more than asked for, never more bytes than asked for, and a consumer that stops gives back what it holds. */

import { expect, it } from "vitest";
import { idOf, useRig } from "./rig.ts";
import type { MakeServer } from "./suite-server.ts";

const megabyte = 1024 * 1024;

export function claimCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);

  it("never holds more than it wants, and refills as it settles", async () => {
    const rig = use();
    const client = await rig.client();
    const queue = rig.name("want");
    await rig.send(client, queue, ["a", "b", "c", "d", "e", "f"]);
    const tray = await rig.consume(client, [queue], 3);
    const [first, second, third] = await tray.take(3);
    expect([first, second, third].map((delivery) => delivery && idOf(delivery))).toEqual(["a", "b", "c"]);
    await tray.quiet();
    if (second) await tray.ack([second]);
    expect(idOf(await tray.one())).toBe("d");
    await tray.quiet();
    tray.consumer.want(4, 1);
    expect(idOf(await tray.one())).toBe("e");
    await tray.quiet();
    tray.consumer.want(0, 0);
    await tray.ack(tray.all.filter((delivery) => delivery !== second));
    await tray.quiet();
    tray.consumer.want(1, 1);
    expect(idOf(await tray.one())).toBe("f");
  });

  it("wakes for a message that comes while it waits", async () => {
    const rig = use();
    const [producer, client] = [await rig.client(), await rig.client()];
    const queue = rig.name("wake");
    const tray = await rig.consume(client, [queue], 5);
    await tray.quiet();
    await rig.send(producer, queue, ["late"]);
    expect(idOf(await tray.one(1_500))).toBe("late");
  });

  it("gives each message to one of many consumers", async () => {
    const rig = use();
    const queue = rig.name("shared");
    const clients = await Promise.all([rig.client(), rig.client(), rig.client()]);
    const trays = await Promise.all(clients.map((client) => rig.consume(client, [queue], 4)));
    const ids = Array.from({ length: 60 }, (_, index) => `m${index}`);
    const [first] = clients;
    if (first) await rig.send(first, queue, ids);
    const seen: string[] = [];
    await rig.until("all to be handed out", async () => {
      for (const tray of trays) {
        const fresh = tray.all.splice(0);
        seen.push(...fresh.map(idOf));
        await tray.ack(fresh);
      }
      return seen.length >= ids.length;
    });
    expect(seen.toSorted()).toEqual(ids.toSorted());
    await rig.server.pass(50);
    expect(trays.flatMap((tray) => tray.all)).toEqual([]);
  });

  it("gives fences that grow with every claim, across consumers", async ({ skip }) => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    skip(client.broker.features.fence !== "server", "the broker gives no fences of its own");
    const queue = rig.name("fence");
    await rig.send(client, queue, ["a", "b"]);
    let last = 0;
    for (const who of [client, other, client, other]) {
      const tray = await rig.consume(who, [queue], 1);
      const delivery = await tray.one();
      expect(delivery.fence).toBeGreaterThan(last);
      expect(Number.isSafeInteger(delivery.fence)).toBe(true);
      last = delivery.fence;
      expect(await tray.settle({ delivery, then: { kind: "requeue", at: "back" } })).toEqual({ kind: "settled" });
      await tray.consumer.stop();
    }
  });

  it("reads the claim's moment from the server's clock", async () => {
    const rig = use();
    const client = await rig.client();
    const queue = rig.name("claimed-at");
    const before = rig.server.now();
    await rig.send(client, queue, ["a"]);
    const delivery = await (await rig.consume(client, [queue], 1)).one();
    expect(delivery.claimedAt).toBeGreaterThanOrEqual(before - 1_000);
    expect(delivery.claimedAt).toBeLessThanOrEqual(rig.server.now() + 1_000);
  });

  it("brings large messages a few at a time", { timeout: 120_000 }, async () => {
    const rig = use();
    const client = await rig.client();
    const queue = rig.name("large");
    const body = `["${"x".repeat(megabyte)}"]`;
    const ids = Array.from({ length: 100 }, (_, index) => `large-${index}`);
    for (let sent = 0; sent < ids.length; sent += 10)
      await rig.send(client, queue, ids.slice(sent, sent + 10), { body });
    const tray = await rig.consume(client, [queue], 100, { maxClaimBytes: 4 * megabyte });
    expect((await tray.take(100, 60_000)).map(idOf)).toEqual(ids);
    expect(Math.max(...tray.batches.map((batch) => batch.length))).toBeLessThanOrEqual(5);
    await tray.ack(tray.all);
  });

  it("hands over a message larger than maxClaimBytes all the same, alone", async () => {
    const rig = use();
    const client = await rig.client();
    const queue = rig.name("oversize");
    await rig.send(client, queue, ["o1", "o2"], { body: `["${"x".repeat(50_000)}"]` });
    const tray = await rig.consume(client, [queue], 10, { maxClaimBytes: 1_000 });
    expect((await tray.take(2)).map(idOf)).toEqual(["o1", "o2"]);
    expect(tray.batches.map((batch) => batch.length)).toEqual([1, 1]);
  });

  it("changes its queues without losing what it holds", async () => {
    const rig = use();
    const client = await rig.client();
    const [one, two] = [rig.name("one"), rig.name("two")];
    await rig.send(client, one, ["1a"]);
    await rig.send(client, two, ["2a"]);
    const tray = await rig.consume(client, [one], 10);
    const held = await tray.one();
    expect(idOf(held)).toBe("1a");
    await tray.quiet();
    await tray.consumer.setQueues([one, two]);
    expect(idOf(await tray.one())).toBe("2a");
    await tray.consumer.setQueues([two]);
    await rig.send(client, one, ["1b"]);
    await tray.quiet();
    expect(held.lost.aborted).toBe(false);
    await tray.ack([held]);
    await rig.send(client, two, ["2b"]);
    expect(idOf(await tray.one())).toBe("2b");
  });

  it("claims nothing after pause(), not even when it wants more, and keeps what it holds", async () => {
    const rig = use();
    const client = await rig.client();
    const queue = rig.name("paused");
    await rig.send(client, queue, ["a", "b"]);
    const tray = await rig.consume(client, [queue], 1, { lease: rig.renewed });
    const held = await tray.one();
    tray.consumer.pause();
    tray.consumer.want(5, 5);
    await tray.quiet(rig.renewed + rig.server.timing.sweep);
    expect(held.lost.aborted).toBe(false);
    await tray.ack([held]);
    await tray.quiet();
  });

  it("stop() gives everything back at once, ahead of what waits, and counts nothing", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const queue = rig.name("stop");
    await rig.send(client, queue, ["a", "b", "c", "later"]);
    const tray = await rig.consume(client, [queue], 3);
    const held = await tray.take(3);
    tray.consumer.started(held.slice(0, 1), "sure");
    await tray.consumer.stop();
    await tray.consumer.stop();
    const next = await rig.consume(other, [queue], 4);
    const came = await next.take(4, 1_500);
    expect(came.slice(0, 3).map(idOf).toSorted()).toEqual(["a", "b", "c"]);
    expect(came.map((delivery) => [delivery.crashes, delivery.suspicions])).toEqual([
      [0, 0],
      [0, 0],
      [0, 0],
      [0, 0],
    ]);
    expect(idOf(came[3] as (typeof came)[number])).toBe("later");
    await next.ack(came);
  });

  it("lets nothing be settled that stop() gave back", async () => {
    const rig = use();
    const client = await rig.client();
    const queue = rig.name("stopped");
    const followed = rig.name("followed");
    await rig.send(client, queue, ["a"]);
    const tray = await rig.consume(client, [queue], 1);
    const delivery = await tray.one();
    await tray.consumer.stop();
    expect(delivery.lost.aborted).toBe(true);
    const follow = [rig.outgoing(followed, { id: "follow" })];
    const answer = await tray.settle({ delivery, then: { kind: "ack" }, follow }).catch(() => ({ kind: "lost" }));
    expect(answer).toEqual({ kind: "lost" });
    const next = await rig.consume(client, [queue, followed], 5);
    expect(idOf(await next.one())).toBe("a");
    await next.quiet();
  });

  it("lets two consumers of one client stop one by one", async () => {
    const rig = use();
    const client = await rig.client();
    const [one, two] = [rig.name("one"), rig.name("two")];
    const first = await rig.consume(client, [one], 1);
    const second = await rig.consume(client, [two], 1, { lease: rig.renewed });
    await rig.send(client, two, ["kept"]);
    const kept = await second.one();
    await first.consumer.stop();
    await second.quiet(rig.renewed + rig.server.timing.sweep);
    expect(kept.lost.aborted).toBe(false);
    await second.ack([kept]);
    await rig.send(client, one, ["a"]);
    await rig.send(client, two, ["b"]);
    expect(idOf(await second.one())).toBe("b");
    await first.quiet();
  });

  it("gives back what it holds when the whole client closes", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const queue = rig.name("close");
    await rig.send(client, queue, ["a"]);
    await (await rig.consume(client, [queue], 1)).one();
    await client.close();
    expect(idOf(await (await rig.consume(other, [queue], 1)).one(1_500))).toBe("a");
  });

  it("brings the same deliveries again when the answer to a claim was lost", async ({ skip }) => {
    const rig = use();
    const client = await rig.client();
    skip(rig.server.cutReply === undefined, "the harness cannot cut answers");
    const queue = rig.name("cut");
    await rig.send(client, queue, ["a", "b", "c"]);
    const tray = await rig.consume(client, [queue], 0, { lease: rig.renewed });
    await rig.server.cutReply?.(client, "claim");
    tray.consumer.want(3, 3);
    const came = await tray.take(3);
    expect(came.map(idOf)).toEqual(["a", "b", "c"]);
    expect(came.map((delivery) => delivery.redelivered)).toEqual([false, false, false]);
    await tray.ack(came);
    await tray.quiet(rig.renewed + rig.server.timing.sweep);
  });
}
