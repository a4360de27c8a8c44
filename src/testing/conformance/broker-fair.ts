/** Keys that take turns: who sends seldom comes next, however many messages of another wait. */

import { expect, it } from "vitest";
import type { Outgoing } from "../../port/broker.ts";
import { fairHeader } from "../../wire/fair.ts";
import { idOf, makeMessage, never, type Rig, useRig } from "./rig.ts";
import type { MakeServer, OpenClient } from "./suite-server.ts";

export function fairCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);
  const open = async (
    rig: Rig,
    skip: (yes: boolean, why: string) => void,
    opening: Promise<OpenClient> = rig.client(),
  ): Promise<OpenClient> => {
    const client = await opening;
    skip(!client.broker.features.fair, "no keys take turns");
    return client;
  };
  /** `a1`: the first of key a. */
  const of = (queue: string, id: string, rest: Omit<Outgoing, "queue" | "message"> = {}): Outgoing => {
    const message = makeMessage({ id });
    return { queue, message: { ...message, headers: { ...message.headers, [fairHeader]: id.slice(0, -1) } }, ...rest };
  };
  const send = async (client: OpenClient, queue: string, ids: readonly string[]): Promise<void> => {
    const sent = await client.broker.publish(
      ids.map((id) => of(queue, id)),
      never,
    );
    expect(sent).toEqual(ids.map(() => ({ kind: "accepted" })));
  };

  it("refuses what is to take turns where nothing does, and sends what came with it", async ({ skip }) => {
    const rig = use();
    const client = await rig.client();
    skip(client.broker.features.fair, "keys take turns");
    const queue = rig.name("none");
    const plain = rig.outgoing(queue, { id: "plain" });
    const [refused, sent] = await client.broker.publish([of(queue, "a1"), plain], never);
    expect(refused).toMatchObject({ kind: "refused", reason: "unsupported" });
    expect(sent).toEqual({ kind: "accepted" });
    const tray = await rig.consume(client, [queue], 5);
    await tray.ack(await tray.take(1));
    await tray.quiet();
  });

  it("gives each key one turn a round, and keeps the order of a key", async ({ skip }) => {
    const rig = use();
    const client = await open(rig, skip);
    const queue = rig.name("fair");
    await send(client, queue, ["a1", "a2", "a3", "a4"]);
    await send(client, queue, ["b1", "c1", "b2"]);
    const tray = await rig.consume(client, [queue], 2);
    const first = await tray.take(2);
    await send(client, queue, ["d1", "d2"]);
    await tray.ack(first);
    const rest = await tray.take(2);
    await tray.ack(rest);
    const order = [...first, ...rest].map(idOf);
    while (order.length < 9) {
      const one = await tray.one();
      order.push(idOf(one));
      await tray.ack([one]);
    }
    const at = (id: string): number => order.indexOf(id);
    expect(order.toSorted()).toEqual(["a1", "a2", "a3", "a4", "b1", "b2", "c1", "d1", "d2"]);
    for (const key of ["a", "b", "d"]) {
      const own = order.filter((id) => id.startsWith(key));
      expect(own).toEqual(own.toSorted());
    }
    // The newcomer's first is served in the round that is under way, not behind the four of `a`.
    expect(at("b1")).toBeLessThan(at("a2"));
    expect(at("c1")).toBeLessThan(at("a2"));
    expect(at("b2")).toBeLessThan(at("a3"));
    expect(at("d1")).toBeLessThan(at("a3"));
    expect(at("d2")).toBeLessThan(at("a4"));
  });

  it("serves what has no key beside it, and neither waits for the other to be empty", async ({ skip }) => {
    const rig = use();
    const client = await open(rig, skip);
    const queue = rig.name("both");
    const plain = Array.from({ length: 20 }, (_, n) => `plain-${n}`);
    await rig.send(client, queue, plain);
    await send(
      client,
      queue,
      Array.from({ length: 20 }, (_, n) => `key${n % 10}`),
    );
    const tray = await rig.consume(client, [queue], 4);
    for (let n = 0; n < 5; n++) await tray.ack(await tray.take(4));
    const early = tray.all.slice(0, 20).map(idOf);
    expect(early.filter((id) => id.startsWith("plain-")).length).toBeGreaterThanOrEqual(5);
    expect(early.filter((id) => id.startsWith("key")).length).toBeGreaterThanOrEqual(5);
    for (let n = 0; n < 5; n++) await tray.ack(await tray.take(4));
    await tray.quiet();
  });

  it("waits its time, comes back when it was given back, and takes a turn again when it is replaced", async ({
    skip,
  }) => {
    const rig = use();
    const client = await open(rig, skip);
    const queue = rig.name("again");
    await client.broker.publish([of(queue, "late1", { due: rig.server.now() + 3_000 })], never);
    await send(client, queue, ["a1", "a2"]);
    const tray = await rig.consume(client, [queue], 1);
    const first = await tray.one();
    expect(idOf(first)).toBe("a1");
    await tray.settle({ delivery: first, then: { kind: "requeue", at: "front" } });
    const again = await tray.one();
    expect(idOf(again)).toBe("a1");
    await tray.settle({ delivery: again, then: { kind: "replace", next: of(queue, "a1") } });
    const second = await tray.one();
    expect(idOf(second)).toBe("a2");
    await tray.ack([second]);
    const third = await tray.one();
    expect(idOf(third)).toBe("a1");
    await tray.ack([third]);
    const late = await tray.one();
    expect(idOf(late)).toBe("late1");
    await tray.ack([late]);
    expect((await client.broker.queues.list()).find(({ name }) => name === queue)).toMatchObject({
      delayed: 0,
      leased: 0,
    });
  });

  it("counts, shows, finds, moves and purges what waits so, and tells duplicates apart", async ({ skip }) => {
    const rig = use();
    const client = await open(rig, skip);
    const queue = rig.name("shown");
    const { queues } = client.broker;
    await send(client, queue, ["a1", "a2", "b1"]);
    const dedupe = { id: "b2", nonce: "1", window: 60_000 };
    expect(await rig.publishOne(client, of(queue, "b2", { dedupe }))).toEqual({ kind: "accepted" });
    expect(await rig.publishOne(client, of(queue, "b2", { dedupe }))).toEqual({ kind: "accepted" });
    expect(await rig.publishOne(client, of(queue, "b2", { dedupe: { ...dedupe, nonce: "2" } }))).toEqual({
      kind: "duplicate",
    });
    const ready = async (): Promise<number | undefined> =>
      (await queues.list()).find(({ name }) => name === queue)?.ready.reduce((sum, { count }) => sum + count, 0);
    expect(await ready()).toBe(4);
    const page = await queues.browse(queue, "ready", undefined, 3);
    const more = await queues.browse(queue, "ready", page.next, 3);
    expect([page.items.length, more.items.length]).toEqual([3, 1]);
    expect(await queues.find(queue, "b2")).toMatchObject({ state: "ready" });
    expect(await queues.requeue(queue, ["b2"], { at: "front" })).toEqual(["ready"]);
    expect(await ready()).toBe(4);
    const tray = await rig.consume(client, [queue], 4);
    await tray.ack(await tray.take(4));
    await tray.quiet();
    tray.consumer.want(0, 0);
    await send(client, queue, ["a3", "b3"]);
    expect(await queues.purge(queue, { ready: true, delayed: false })).toBe(2);
    expect(await ready()).toBe(0);
  });

  it("takes turns as well where one call stands for all with its key", async ({ skip }) => {
    const rig = use();
    const client = await open(rig, skip);
    skip(!client.broker.features.calls, "the broker knows no keys of calls");
    const queue = rig.name("one");
    await send(client, queue, ["a1", "a2", "a3", "a4", "a5", "a6"]);
    const call = { key: rig.name("key"), hold: "start", life: 60_000, conflict: "join" } as const;
    expect(await rig.publishOne(client, of(queue, "b1", { call }))).toEqual({ kind: "accepted" });
    expect(await rig.publishOne(client, of(queue, "b2", { call }))).toMatchObject({ kind: "held", id: "b1" });
    const tray = await rig.consume(client, [queue], 1);
    const came: string[] = [];
    for (let n = 0; n < 7; n++) {
      const one = await tray.one();
      came.push(idOf(one));
      await tray.ack([one]);
    }
    expect(came.indexOf("b1")).toBeLessThan(2);
    const small = await rig.client({ maxDepth: 1 });
    const full = rig.name("full");
    await send(small, full, ["a1"]);
    expect(await rig.publishOne(small, of(full, "b3", { call }))).toMatchObject({ kind: "refused", reason: "full" });
  });

  it("comes back when its holder dies", async ({ skip }) => {
    const rig = use();
    const [dying, living] = [await open(rig, skip, rig.mortal()), await rig.client()];
    const queue = rig.name("dies");
    await send(dying, queue, ["a1", "a2"]);
    await (await rig.consume(dying, [queue], 1)).one();
    await dying.kill();
    const tray = await rig.consume(living, [queue], 5);
    const came = await tray.take(2, rig.recovery);
    expect(came.map(idOf).toSorted()).toEqual(["a1", "a2"]);
    await tray.ack(came);
  });
}
