/** Looking into queues, purging, pausing: the order of delivery and the flags stay as they are. */

import { expect, it } from "vitest";
import type { Held, QueueState } from "../../port/queue-admin.ts";
import { idOf, useRig } from "./rig.ts";
import type { MakeServer, OpenClient } from "./suite-server.ts";

async function stateOf(client: OpenClient, queue: string): Promise<QueueState | undefined> {
  return (await client.broker.queues.list()).find((state) => state.name === queue);
}

function readyIn(state: QueueState | undefined): number {
  return state?.ready.reduce((sum, line) => sum + line.count, 0) ?? 0;
}

async function browseAll(client: OpenClient, queue: string, where: Held["state"], limit: number): Promise<Held[]> {
  const items: Held[] = [];
  let after: string | undefined;
  do {
    const page = await client.broker.queues.browse(queue, where, after, limit);
    expect(page.items.length).toBeLessThanOrEqual(Math.min(limit, 200));
    items.push(...page.items);
    after = page.next;
  } while (after !== undefined);
  return items;
}

export function administrationCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);

  it("lists depth by priority, delayed and leased", async () => {
    const rig = use();
    const client = await rig.client();
    const queue = rig.name("list");
    const { features } = client.broker;
    // What cannot be looked at is one number, of whatever priorities.
    const levels = features.browse === "none" ? [0] : (features.priority?.levels ?? [0]);
    for (const level of levels) await rig.send(client, queue, [`a${level}`, `b${level}`], { priority: level });
    if (features.delay) await rig.publishOne(client, rig.outgoing(queue, {}, { due: rig.server.now() + 3_600_000 }));
    const before = await stateOf(client, queue);
    expect(before).toMatchObject({ name: queue, paused: false });
    expect(before?.ready.filter((line) => line.count > 0).map((line) => line.count)).toEqual(levels.map(() => 2));
    expect(
      before?.ready
        .filter((line) => line.count > 0)
        .map((line) => line.priority)
        .toSorted((a, b) => a - b),
    ).toEqual(levels.toSorted((a, b) => a - b));
    if (before?.delayed !== undefined) expect(before.delayed).toBe(features.delay ? 1 : 0);
    const tray = await rig.consume(client, [queue], 1);
    await tray.one();
    const after = await stateOf(client, queue);
    expect(readyIn(after)).toBe(2 * levels.length - 1);
    if (after?.leased !== undefined) expect(after.leased).toBe(1);
  });

  it("browses without touching order or flags, page by page", async ({ skip }) => {
    const rig = use();
    const client = await rig.client();
    skip(client.broker.features.browse === "none", "the broker cannot be browsed");
    const queue = rig.name("browse");
    const ids = Array.from({ length: 23 }, (_, index) => `b${index}`);
    await rig.send(client, queue, ids);
    const items = await browseAll(client, queue, "ready", 5);
    expect(new Set(items.map((item) => item.key)).size).toBe(23);
    const texts = items.map((item) => Buffer.from(item.raw).toString());
    for (const id of ids) expect(texts.filter((text) => text.includes(`"${id}"`))).toHaveLength(1);
    expect(items.every((item) => item.state === "ready" && item.since > 0)).toBe(true);
    await browseAll(client, queue, "ready", 200);
    const tray = await rig.consume(client, [queue], 23);
    const came = await tray.take(23);
    expect(came.map(idOf)).toEqual(ids);
    expect(came.some((delivery) => delivery.redelivered)).toBe(false);
  });

  it("gives at most 200 at a time", async ({ skip }) => {
    const rig = use();
    const client = await rig.client();
    skip(client.broker.features.browse === "none", "the broker cannot be browsed");
    const queue = rig.name("pages");
    await rig.send(
      client,
      queue,
      Array.from({ length: 450 }, (_, index) => `m${index}`),
    );
    const first = await client.broker.queues.browse(queue, "ready", undefined, 1_000);
    expect(first.items).toHaveLength(200);
    expect(await browseAll(client, queue, "ready", 200)).toHaveLength(450);
    expect(await client.broker.queues.browse(rig.name("empty"), "ready", undefined, 10)).toEqual({
      items: [],
      next: undefined,
    });
  });

  it("browses what is delayed and what is leased, and says until when and by whom", async ({ skip }) => {
    const rig = use();
    const client = await rig.client();
    skip(client.broker.features.browse !== "all", "the broker shows ready messages at most");
    const queue = rig.name("states");
    await rig.send(client, queue, ["held", "waiting"]);
    const due = rig.server.now() + 3_600_000;
    await rig.publishOne(client, rig.outgoing(queue, { id: "later" }, { due }));
    const tray = await rig.consume(client, [queue], 1);
    await tray.one();
    const [delayed] = await browseAll(client, queue, "delayed", 10);
    expect(delayed).toMatchObject({ state: "delayed" });
    expect(Math.abs((delayed?.due ?? 0) - due)).toBeLessThanOrEqual(1_000);
    const leased = await browseAll(client, queue, "leased", 10);
    expect(leased).toMatchObject([{ state: "leased", worker: tray.worker, leaseUntil: expect.any(Number) }]);
    expect(await browseAll(client, queue, "ready", 10)).toHaveLength(1);
  });

  it("finds a task wherever it is", async ({ skip }) => {
    const rig = use();
    const client = await rig.client();
    skip(client.broker.features.browse !== "all", "the broker shows ready messages at most");
    const queue = rig.name("find");
    const [held, ready, later] = [rig.name("held"), rig.name("ready"), rig.name("later")];
    await rig.send(client, queue, [held, ready]);
    await rig.publishOne(client, rig.outgoing(queue, { id: later }, { due: rig.server.now() + 3_600_000 }));
    const tray = await rig.consume(client, [queue], 1);
    await tray.one();
    expect(await client.broker.queues.find(queue, held)).toMatchObject({ state: "leased" });
    expect(await client.broker.queues.find(queue, ready)).toMatchObject({ state: "ready" });
    expect(await client.broker.queues.find(queue, later)).toMatchObject({ state: "delayed" });
    expect(await client.broker.queues.find(queue, "nobody")).toBeUndefined();
  });

  it("purges ready alone, or delayed too, and never what is held", async () => {
    const rig = use();
    const client = await rig.client();
    const queue = rig.name("purge");
    const delays = client.broker.features.delay !== undefined;
    await rig.send(client, queue, ["held", "a", "b", "c"]);
    const later = async () => {
      if (delays) await rig.publishOne(client, rig.outgoing(queue, { id: "later" }, { due: rig.server.now() + 3_000 }));
    };
    await later();
    const tray = await rig.consume(client, [queue], 1);
    const held = await tray.one();
    expect(await client.broker.queues.purge(queue, { ready: true, delayed: false })).toBe(3);
    expect(await client.broker.queues.purge(queue, { ready: true, delayed: false })).toBe(0);
    expect(held.lost.aborted).toBe(false);
    await tray.ack([held]);
    if (!delays) return;
    const kept = await tray.one();
    expect(idOf(kept)).toBe("later");
    await tray.ack([kept]);
    if (!client.broker.features.purgeDelayed) {
      const delayed = client.broker.queues.purge(queue, { ready: false, delayed: true });
      await expect(delayed).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
      tray.consumer.want(0, 0);
      await rig.send(client, queue, ["d"]);
      expect(await client.broker.queues.purge(queue, { ready: true, delayed: true })).toBe(1);
      return;
    }
    await later();
    tray.consumer.want(0, 0);
    await rig.send(client, queue, ["d"]);
    expect(await client.broker.queues.purge(queue, { ready: false, delayed: true })).toBe(1);
    expect(await client.broker.queues.purge(queue, { ready: true, delayed: true })).toBe(1);
    tray.consumer.want(5, 5);
    await tray.quiet(3_300);
  });

  it("pauses a queue for everybody, also across a reopening, until it is resumed", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const queue = rig.name("pause");
    const tray = await rig.consume(client, [queue], 5);
    await rig.send(client, queue, ["before"]);
    const before = await tray.one();
    await other.broker.queues.pause(queue);
    const pushed = client.broker.features.lease === "connection";
    // Where the server pushes, consumers have to be told of it, and are none when they have been and hold nothing.
    const heard = async (): Promise<boolean> => (await stateOf(other, queue))?.consumers === 0;
    if (pushed) {
      await tray.ack([before]);
      await rig.until("consumers to hear of it", heard);
    }
    await rig.server.pass(100);
    await rig.send(client, queue, ["a"]);
    await tray.quiet();
    if (!pushed) await tray.ack([before]);
    expect(await stateOf(other, queue)).toMatchObject({ paused: true });
    await client.close();
    await other.close();
    await rig.server.restart?.();
    const later = await rig.client();
    expect(await stateOf(later, queue)).toMatchObject({ paused: true });
    const again = await rig.consume(later, [queue], 5);
    await again.quiet();
    await later.broker.queues.resume(queue);
    let next = await again.one(2_500);
    // Where nothing but a connection holds a message, a server that is killed may give out again what was acknowledged just before.
    if (pushed && idOf(next) === "before") next = await again.one();
    expect(idOf(next)).toBe("a");
    expect(await stateOf(later, queue)).toMatchObject({ paused: false });
  });
}
