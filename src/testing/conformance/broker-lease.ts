/** Leases: exclusive while renewed, handed on when not, and no word from a former holder counts. */

import { expect, it } from "vitest";
import { idOf, resultOf, useRig } from "./rig.ts";
import type { MakeServer } from "./suite-server.ts";

export function leaseCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);

  it("renews what is held, over many leases", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const queue = rig.name("long");
    await rig.send(client, queue, ["long"]);
    const tray = await rig.consume(client, [queue], 1, { lease: rig.renewed });
    const delivery = await tray.one();
    tray.consumer.started([delivery], "suspect");
    const rival = await rig.consume(other, [queue], 1);
    await rival.quiet(2 * rig.renewed);
    expect(delivery.lost.aborted).toBe(false);
    await tray.ack([delivery]);
    await rival.quiet(rig.renewed + rig.server.timing.sweep);
  });

  it("keeps renewing after pause()", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const queue = rig.name("long-paused");
    await rig.send(client, queue, ["long"]);
    const tray = await rig.consume(client, [queue], 1, { lease: rig.renewed });
    const delivery = await tray.one();
    tray.consumer.pause();
    const rival = await rig.consume(other, [queue], 1);
    await rival.quiet(rig.renewed + rig.server.timing.sweep);
    await tray.ack([delivery]);
  });

  it("hands the tasks of a dead worker to another within lease + sweep, with a higher fence", async () => {
    const rig = use();
    const [client, other] = [await rig.mortal(), await rig.client()];
    const queue = rig.name("dead");
    await rig.send(client, queue, ["a", "b"]);
    const tray = await rig.consume(client, [queue], 2);
    const held = await tray.take(2);
    tray.consumer.started(held, "suspect");
    await rig.server.pass(rig.server.timing.lease / 4);
    const rival = await rig.consume(other, [queue], 2);
    await client.kill();
    const came = await rival.take(2, rig.recovery);
    expect(came.map(idOf).toSorted()).toEqual(["a", "b"]);
    expect(came.map((delivery) => delivery.redelivered)).toEqual([true, true]);
    const highest = Math.max(...held.map((delivery) => delivery.fence));
    // Without fences of the broker a ledger gives them, at the start.
    if (client.broker.features.fence !== "none")
      for (const delivery of came) expect(delivery.fence).toBeGreaterThan(highest);
    await rival.ack(came);
  });

  it("puts them back ahead of what waits", async () => {
    const rig = use();
    const [client, other] = [await rig.mortal(), await rig.client()];
    const queue = rig.name("ahead");
    await rig.send(client, queue, ["first", "x", "y"]);
    await (await rig.consume(client, [queue], 1)).one();
    await client.kill();
    await rig.server.pass(rig.server.timing.lease);
    const admin = await rig.client();
    const rival = await rig.consume(other, [queue], 0);
    await rig.until(
      "the dead worker's task to be ready again",
      async () => (await admin.broker.queues.find(queue, "first"))?.state !== "leased",
      rig.recovery,
    );
    rival.consumer.want(3, 3);
    expect(idOf(await rival.one())).toBe("first");
  });

  it("puts several of one worker back in the order in which it had claimed them", async () => {
    const rig = use();
    const [client, other] = [await rig.mortal(), await rig.client()];
    const queue = rig.name("in-order");
    await rig.send(client, queue, ["a", "b", "c", "d"]);
    await (await rig.consume(client, [queue], 3)).take(3);
    await rig.server.pass(rig.server.timing.lease / 4);
    await client.kill();
    const admin = await rig.client();
    const rival = await rig.consume(other, [queue], 0);
    const back = async (): Promise<boolean> =>
      (await admin.broker.queues.list()).find(({ name }) => name === queue)?.leased === 0;
    const knows = admin.broker.features.browse !== "none";
    await (knows ? rig.until("all to be ready again", back, rig.recovery) : rig.server.pass(rig.recovery));
    rival.consumer.want(4, 4);
    expect((await rival.take(4)).map(idOf)).toEqual(["a", "b", "c", "d"]);
  });

  it("lets one of many reapers give back, once", async () => {
    const rig = use();
    const queue = rig.name("reapers");
    const [client, ...others] = await Promise.all([rig.mortal(), rig.client(), rig.client(), rig.client()]);
    await rig.send(client, queue, ["a", "b", "c"]);
    await (await rig.consume(client, [queue], 3)).take(3);
    const trays = await Promise.all(others.map((other) => rig.consume(other, [queue], 3)));
    await client.kill();
    const seen = (): string[] => trays.flatMap((tray) => tray.all.map(idOf));
    await rig.until("all three", () => seen().length >= 3, rig.recovery);
    await rig.server.pass(2 * rig.server.timing.sweep);
    expect(seen().toSorted()).toEqual(["a", "b", "c"]);
  });

  it("says `lost` to a former holder, and nothing of its settlement happens", async ({ skip }) => {
    const rig = use();
    const [client, other] = [await rig.mortal(), await rig.client()];
    skip(client.freeze === undefined, "the harness cannot freeze a client");
    const [queue, next] = [rig.name("frozen"), rig.name("next")];
    const [id, plain] = [rig.name("id"), rig.name("plain")];
    await rig.send(client, queue, [id, plain]);
    const tray = await rig.consume(client, [queue], 2);
    const [delivery, acknowledged] = await tray.take(2);
    if (delivery === undefined || acknowledged === undefined) throw new Error("two were sent");
    tray.consumer.started([delivery, acknowledged], "suspect");
    await rig.server.pass(rig.server.timing.lease / 4);
    await client.freeze?.();
    const rival = await rig.consume(other, [queue, next], 5);
    const taken = await rival.take(2, rig.recovery);
    expect(taken.map(idOf).toSorted()).toEqual([id, plain].toSorted());
    const joins = client.broker.joins(client.store);
    const settlement = {
      delivery,
      then: { kind: "replace", next: rig.outgoing(queue, { id: "zombie" }) },
      follow: [rig.outgoing(next, { id: "zombie-follow" })],
      ...(joins ? { result: resultOf(id, "SUCCESS", delivery.fence) } : {}),
    } as const;
    expect(await tray.settle(settlement)).toEqual({ kind: "lost" });
    expect(await tray.settle(settlement), "also when repeated").toEqual({ kind: "lost" });
    const ack = { delivery: acknowledged, then: { kind: "ack" } } as const;
    expect(await tray.settle(ack), "also of one that only ends").toEqual({ kind: "lost" });
    await client.thaw?.();
    await rig.until("the former holder to notice", () => delivery.lost.aborted, rig.recovery);
    expect(delivery.lost.reason).toMatchObject({ code: "LEASE_LOST" });
    await rival.quiet();
    expect(await other.store.get([id])).toEqual([undefined]);
    expect(taken.map(({ lost }) => lost.aborted)).toEqual([false, false]);
    await rival.ack(taken);
    await tray.quiet();
  });

  it("gives up by its own clock when it cannot reach the server", async ({ skip }) => {
    const rig = use();
    skip(rig.server.cutOff === undefined, "the harness cannot cut a client off");
    const [client, other] = [await rig.mortal(), await rig.client()];
    const queue = rig.name("cut-off");
    await rig.send(client, queue, ["a"]);
    const tray = await rig.consume(client, [queue], 1);
    const delivery = await tray.one();
    const rival = await rig.consume(other, [queue], 1);
    await rig.server.cutOff?.(client);
    await rig.until("the lease to be given up", () => delivery.lost.aborted, rig.server.timing.lease + 10_000);
    expect(delivery.lost.reason).toMatchObject({ code: "LEASE_LOST" });
    expect(idOf(await rival.one(rig.recovery))).toBe("a");
    const answer = await tray.settle({ delivery, then: { kind: "ack" } }).catch(() => ({ kind: "lost" }));
    expect(answer).toEqual({ kind: "lost" });
  });

  it("gives a former holder room again once it has noticed", async ({ skip }) => {
    const rig = use();
    const [client, other] = [await rig.mortal(), await rig.client()];
    skip(client.freeze === undefined, "the harness cannot freeze a client");
    const queue = rig.name("room");
    await rig.send(client, queue, ["a"]);
    const tray = await rig.consume(client, [queue], 1);
    const delivery = await tray.one();
    await client.freeze?.();
    const rival = await rig.consume(other, [queue], 1);
    await rival.one(rig.recovery);
    await client.thaw?.();
    await rig.until("the former holder to notice", () => delivery.lost.aborted, rig.recovery);
    await rig.send(other, queue, ["b"]);
    expect(idOf(await tray.one(rig.recovery))).toBe("b");
  });

  it("keeps what was published and is held through a restart of the server", async ({ skip }) => {
    const rig = use();
    skip(rig.server.restart === undefined, "the harness cannot restart the server");
    const client = await rig.mortal();
    const queue = rig.name("restart");
    await rig.send(client, queue, ["a", "b"]);
    const tray = await rig.consume(client, [queue], 1);
    await tray.one();
    await rig.server.restart?.();
    await client.close().catch(() => {});
    const later = await rig.client();
    const next = await rig.consume(later, [queue], 2);
    const came = await next.take(2, rig.recovery + 5_000);
    expect(came.map(idOf).toSorted()).toEqual(["a", "b"]);
    await next.ack(came);
  });
}
