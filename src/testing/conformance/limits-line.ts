/** Standing in line for a place: who is refused comes back when one is free, in order, and nobody gets in before. */

import { expect, it } from "vitest";
import type { Delivery } from "../../port/broker.ts";
import type { Granted, SlotAsk } from "../../port/limits.ts";
import { idOf, type Rig, type Tray, useRig } from "./rig.ts";
import type { MakeServer, OpenClient } from "./suite-server.ts";

const hour = 3_600_000;

interface Bench {
  readonly rig: Rig;
  readonly client: OpenClient;
  readonly queue: string;
  readonly tray: Tray;
  readonly ask: (holder: string, rest?: Partial<SlotAsk>) => SlotAsk;
  readonly take: (holder: string, rest?: Partial<SlotAsk>) => Promise<Granted>;
  readonly give: (holder: string, rest?: Partial<SlotAsk>) => Promise<void>;
  /** Puts it back to wait, as a worker does. */
  readonly park: (delivery: Delivery | undefined, due?: number) => Promise<void>;
}

export function lineCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);
  const open = async (skip: (yes: boolean, why: string) => void, limit = 1): Promise<Bench> => {
    const rig = use();
    const client = await rig.client();
    skip(!client.broker.features.line, "the broker calls nobody");
    const [queue, key] = [rig.name("line"), rig.name("place")];
    const tray = await rig.consume(client, [queue], 10);
    const ask: Bench["ask"] = (holder, rest) => ({
      kind: "slots",
      key,
      limit,
      holder,
      lease: hour,
      line: true,
      ...rest,
    });
    return {
      rig,
      client,
      queue,
      tray,
      ask,
      take: async (holder, rest) => (await client.limits.take([ask(holder, rest)]))[0] ?? { ok: true },
      give: (holder, rest) => client.limits.give([ask(holder, rest)]),
      async park(delivery, due = rig.server.now() + hour) {
        if (delivery === undefined) throw new Error("there is nothing to park");
        const then = { kind: "requeue", at: "front", due, behind: key } as const;
        expect(await tray.settle({ delivery, then })).toMatchObject({ kind: "settled" });
      },
    };
  };
  const refused = { ok: false };

  it("calls who waits, in order, each to the front of its queue, and keeps the place for it", async ({ skip }) => {
    const { rig, client, queue, tray, take, give, park, ask } = await open(skip);
    expect(await take("runs")).toEqual({ ok: true });
    await rig.send(client, queue, ["a", "b", "c"]);
    const came = await tray.take(3);
    for (const delivery of came) expect(await take(idOf(delivery))).toMatchObject(refused);
    for (const delivery of came) await park(delivery);
    await tray.quiet();
    expect(await client.limits.places([ask("x").key])).toEqual([{ holders: ["runs"], waiting: 3 }]);
    tray.consumer.want(0, 0);
    await rig.send(client, queue, ["late"]);
    await give("runs");
    expect(await take("late")).toMatchObject(refused);
    tray.consumer.want(1, 1);
    const next = await tray.one();
    expect(idOf(next)).toBe("a");
    expect(next.redelivered).toBe(false);
    expect(await client.limits.places([ask("x").key])).toEqual([{ holders: ["a"], waiting: 3 }]);
    expect(await take("a", { claim: "1" })).toEqual({ ok: true });
    await tray.ack([next]);
    const late = await tray.one();
    expect(idOf(late)).toBe("late");
    await tray.ack([late]);
    for (const [done, then] of [
      ["a", "b"],
      ["b", "c"],
    ] as const) {
      await give(done);
      const called = await tray.one();
      expect(idOf(called)).toBe(then);
      expect(await take(then)).toEqual({ ok: true });
      await tray.ack([called]);
    }
  });

  it("calls as many as there are places, and who is called while it is put back does not wait at all", async ({
    skip,
  }) => {
    const { rig, client, queue, tray, take, give, park } = await open(skip, 2);
    await take("one");
    await take("two");
    await rig.send(client, queue, ["a", "b", "c"]);
    const [a, b, c] = await tray.take(3);
    for (const id of ["a", "b", "c"]) expect(await take(id)).toMatchObject(refused);
    await park(b);
    await give("one");
    await give("two");
    expect(idOf(await tray.one())).toBe("b");
    // Somebody else's hold; what was kept for it stays.
    await give("b", { claim: "other" });
    await park(c);
    await park(a);
    expect(idOf(await tray.one())).toBe("a");
    expect(await take("a")).toEqual({ ok: true });
    expect(await take("b")).toEqual({ ok: true });
    await tray.quiet();
  });

  it("passes over those that are gone, and gives nobody two places", async ({ skip }) => {
    const { rig, client, queue, tray, take, give, park, ask } = await open(skip);
    await take("runs", { claim: "first" });
    await rig.send(client, queue, ["gone", "stays"]);
    for (const delivery of await tray.take(2)) {
      await take(idOf(delivery));
      await park(delivery);
    }
    await client.broker.queues.purge(queue, { ready: false, delayed: true });
    await rig.send(client, queue, ["next"]);
    const [next] = await tray.take(1);
    await take("next");
    await park(next);
    // A former hold of the same holder ends late.
    await give("runs", { claim: "former" });
    await tray.quiet();
    await give("runs", { claim: "first" });
    expect(idOf(await tray.one())).toBe("next");
    expect(await client.limits.places([ask("x").key])).toEqual([{ holders: ["next"], waiting: 0 }]);
    await give("next", { claim: "" });
    expect(await client.limits.places([ask("x").key])).toEqual([{ holders: [], waiting: 0 }]);
    await take("next", { claim: "runs" });
    await give("next", { claim: "" });
    expect(await client.limits.places([ask("x").key])).toEqual([{ holders: ["next"], waiting: 0 }]);
  });

  it("comes by itself when a holder may have died, first in line first, and later those behind", async ({ skip }) => {
    const { take, rig, tray, client, queue, park } = await open(skip);
    const lease = 4_000;
    await take("dies", { lease });
    await rig.send(client, queue, ["a", "b"]);
    const [a, b] = await tray.take(2);
    const waits: number[] = [];
    for (const delivery of [a, b]) {
      const granted = await take(idOf(delivery as Delivery), { lease });
      if (granted.ok) throw new Error("it was granted");
      waits.push(granted.retryAfter);
      await park(delivery, rig.server.now() + granted.retryAfter);
    }
    expect(waits[0]).toBeLessThanOrEqual(lease);
    expect(waits[1]).toBeGreaterThan(lease);
    expect(idOf(await tray.one())).toBe("a");
    expect(await take("a", { lease })).toEqual({ ok: true });
    expect(await take("b", { lease })).toMatchObject(refused);
  });

  it("keeps its place in line, however often it asks", async ({ skip }) => {
    const { take, rig, tray, client, queue, give, park } = await open(skip);
    await take("runs");
    await rig.send(client, queue, ["a", "b"]);
    const [a, b] = await tray.take(2);
    await take("a");
    await take("b");
    await park(b);
    await park(a, rig.server.now() + 50);
    const again = await tray.one();
    expect(idOf(again)).toBe("a");
    expect(await take("a")).toMatchObject(refused);
    await park(again);
    await give("runs");
    expect(idOf(await tray.one())).toBe("a");
    await tray.quiet();
  });
}
