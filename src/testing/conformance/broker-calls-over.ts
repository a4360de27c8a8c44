/** Keys of calls: given up with the message that stood for them, however that went. */

import { expect, it } from "vitest";
import { begin, Caller, labelOf } from "./calls-rig.ts";
import { idOf, resultOf, useRig } from "./rig.ts";
import type { MakeServer } from "./suite-server.ts";

const accepted = { kind: "accepted" };

export function callEndCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);

  it("gives a key up when its message is purged, when its task ended elsewhere, and after its life", async ({
    skip,
  }) => {
    const rig = use();
    const client = await rig.client();
    skip(!client.broker.features.calls, "the broker knows no keys of calls");
    const caller = new Caller(rig, { hold: "end", conflict: "join" });
    await caller.send(client, "one", "1");
    await client.broker.queues.purge(caller.queue, { ready: true, delayed: false });
    expect(await caller.send(client, "two", "2")).toEqual(accepted);
    await client.store.commit([resultOf(caller.id("two"), "REVOKED", 0)]);
    expect(await caller.send(client, "three", "3")).toEqual(accepted);
    await client.control?.set([{ kind: "revoked", key: caller.id("three"), value: "{}" }]);
    expect(await caller.send(client, "four", "4"), "it is revoked").toEqual(accepted);
    const late = caller.outgoing("late", "l", { key: "suite.task:late" }, rig.server.now() + 60_000);
    await rig.publishOne(client, late);
    await client.broker.queues.purge(caller.queue, { ready: false, delayed: true });
    expect(await caller.send(client, "later", "l", { key: "suite.task:late" })).toEqual(accepted);
    const short = new Caller(rig, { hold: "end", conflict: "join" }, { life: 300 });
    await short.send(client, "a", "a");
    await rig.server.pass(400);
    expect(await short.send(client, "b", "b")).toEqual(accepted);
  });

  it("gives a key up when its message is purged while it waits to begin anew, or has not begun yet", async ({
    skip,
  }) => {
    const rig = use();
    const client = await rig.client();
    skip(!client.broker.features.calls, "the broker knows no keys of calls");
    const caller = new Caller(rig, { hold: "end", conflict: "after" });
    const tray = await rig.consume(client, [caller.queue], 10);
    const purge = async (ready: boolean): Promise<void> => {
      expect(await client.broker.queues.purge(caller.queue, { ready, delayed: !ready })).toBeGreaterThan(0);
    };
    const later = (): number => rig.server.now() + 600_000;
    await caller.send(client, "parked", "1");
    await tray.settle({ delivery: await tray.one(), then: { kind: "requeue", at: "front", due: later() } });
    await client.broker.queues.purge(caller.queue, { ready: true, delayed: false });
    expect(await caller.send(client, "x", "2"), "it was not among those").toMatchObject({ id: "parked" });
    await purge(false);
    expect(await caller.send(client, "retried", "3")).toEqual(accepted);
    const retried = await tray.one();
    await begin(tray, retried);
    expect(await caller.send(client, "behind", "4")).toEqual(accepted);
    const { dedupe: _, call: __, ...next } = caller.outgoing("retried", "3", {}, later());
    await tray.settle({ delivery: retried, then: { kind: "replace", next } });
    await purge(false);
    expect(await caller.send(client, "back", "5"), "neither is there any more").toEqual(accepted);
    const back = await tray.one();
    await begin(tray, back);
    await client.broker.queues.purge(caller.queue, { ready: true, delayed: true });
    expect(await caller.send(client, "kept", "6"), "what runs keeps its key").toEqual(accepted);
    await client.broker.queues.purge(caller.queue, { ready: true, delayed: true });
    tray.consumer.want(0, 0);
    await tray.settle({ delivery: back, then: { kind: "requeue", at: "front" } });
    await purge(true);
    expect(await caller.send(client, "last", "7")).toEqual(accepted);
    tray.consumer.want(10, 10);
    expect(labelOf(idOf(await tray.one()))).toBe("last");
  });

  it("finds the one whose place is taken in the queue to which it was moved", async ({ skip }) => {
    const rig = use();
    const client = await rig.client();
    const { calls, requeue } = client.broker.features;
    skip(!calls || !requeue, "the broker knows no keys of calls, or moves nothing");
    const caller = new Caller(rig, { hold: "start", conflict: "replace" });
    await caller.send(client, "one", "1");
    const elsewhere = rig.name("elsewhere");
    await client.broker.queues.requeue(caller.queue, [caller.id("one")], { at: "back", queue: elsewhere });
    expect(await caller.swap(client, "one", "2")).toEqual(accepted);
    const tray = await rig.consume(client, [caller.queue, elsewhere], 10);
    expect(await begin(tray, await tray.one())).toBe("2");
    await tray.quiet();
  });

  it("gives a key up when what a dead worker had begun is purged", async ({ skip }) => {
    const rig = use();
    const [dying, living] = [await rig.mortal(), await rig.client()];
    skip(!living.broker.features.calls, "the broker knows no keys of calls");
    const caller = new Caller(rig, { hold: "end", conflict: "join" });
    await caller.send(living, "one", "1");
    const tray = await rig.consume(dying, [caller.queue], 1);
    await begin(tray, await tray.one());
    await dying.kill();
    (await rig.consume(living, [caller.queue], 1)).consumer.want(0, 0);
    const ready = async (): Promise<boolean> =>
      (await living.broker.queues.find(caller.queue, caller.id("one")))?.state === "ready";
    await rig.until("the task is back", ready, rig.recovery);
    expect(await caller.send(living, "two", "2")).toMatchObject({ id: "one" });
    await living.broker.queues.purge(caller.queue, { ready: true, delayed: false });
    expect(await caller.send(living, "two", "2")).toEqual(accepted);
  });
}
