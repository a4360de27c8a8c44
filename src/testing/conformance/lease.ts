/** The conformance suite of `Lease`: one holder, terms that only grow, and ticks that fire at most once. */

import { describe, expect, it } from "vitest";
import { idOf, useRig } from "./rig.ts";
import type { MakeServer } from "./suite-server.ts";

export function leaseSuite(name: string, makeServer: MakeServer): void {
  describe(`${name} as a lease`, () => {
    termCases(makeServer);
    fireCases(makeServer);
  });
}

function termCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);

  it("has one holder at a time", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const name = rig.name("one");
    const term = await client.lease.acquire(name, "a", 10_000);
    expect(term).toMatchObject({ name, holder: "a", term: expect.any(Number) });
    expect(Math.abs((term?.until ?? 0) - (rig.server.now() + 10_000))).toBeLessThan(2_000);
    expect(await other.lease.acquire(name, "b", 10_000)).toBeUndefined();
    expect(await other.lease.acquire(rig.name("another"), "b", 10_000)).toMatchObject({ holder: "b" });
  });

  it("lets one of many win a race", async () => {
    const rig = use();
    const clients = await Promise.all([rig.client(), rig.client(), rig.client()]);
    const name = rig.name("race");
    const terms = await Promise.all(clients.map((client, index) => client.lease.acquire(name, `h${index}`, 10_000)));
    expect(terms.filter((term) => term !== undefined)).toHaveLength(1);
  });

  it("is handed over when it ends, with a higher term; the former holder can no longer renew or release it", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const name = rig.name("handover");
    const first = await client.lease.acquire(name, "a", 400);
    if (first === undefined) throw new Error("nobody held it");
    expect(await other.lease.acquire(name, "b", 10_000)).toBeUndefined();
    await rig.server.pass(600);
    const second = await other.lease.acquire(name, "b", 10_000);
    if (second === undefined) throw new Error("it had ended");
    expect(second.term).toBeGreaterThan(first.term);
    expect(await client.lease.renew(first, 10_000)).toBeUndefined();
    await client.lease.release(first);
    expect(await client.lease.acquire(name, "a", 10_000)).toBeUndefined();
    expect(await other.lease.renew(second, 10_000)).toMatchObject({ term: second.term, holder: "b" });
  });

  it("lasts as long as it is renewed, under the same term", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const name = rig.name("renew");
    let term = await client.lease.acquire(name, "a", 800);
    const number = term?.term;
    for (let n = 0; n < 4; n += 1) {
      await rig.server.pass(300);
      expect(await other.lease.acquire(name, "b", 800)).toBeUndefined();
      if (term) term = await client.lease.renew(term, 800);
      expect(term?.term).toBe(number);
    }
  });

  it("is free after release, and the next term is still higher", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const name = rig.name("release");
    const first = await client.lease.acquire(name, "a", 10_000);
    if (first === undefined) throw new Error("nobody held it");
    await client.lease.release(first);
    await client.lease.release(first);
    const second = await other.lease.acquire(name, "b", 10_000);
    expect(second?.term).toBeGreaterThan(first.term);
    expect(await client.lease.renew(first, 10_000)).toBeUndefined();
  });
}

function fireCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);

  it("fires a tick once, and the message is there", async () => {
    const rig = use();
    const client = await rig.client();
    const [name, queue, schedule] = [rig.name("leader"), rig.name("queue"), rig.name("schedule")];
    const term = await client.lease.acquire(name, "a", 10_000);
    if (term === undefined) throw new Error("nobody held it");
    const tick = rig.server.now();
    expect(await client.lease.fire(term, schedule, tick, rig.outgoing(queue, { id: "one" }))).toBe(true);
    expect(await client.lease.fire(term, schedule, tick, rig.outgoing(queue, { id: "again" }))).toBe(false);
    expect(await client.lease.fire(term, schedule, tick + 1_000, rig.outgoing(queue, { id: "two" }))).toBe(true);
    expect(await client.lease.fire(term, rig.name("schedule"), tick, rig.outgoing(queue, { id: "other" }))).toBe(true);
    const tray = await rig.consume(client, [queue], 10);
    expect((await tray.take(3)).map(idOf)).toEqual(["one", "two", "other"]);
    await tray.quiet();
  });

  it("fires a tick once when two try at the same moment", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const [name, queue, schedule] = [rig.name("leader"), rig.name("queue"), rig.name("schedule")];
    const term = await client.lease.acquire(name, "a", 10_000);
    if (term === undefined) throw new Error("nobody held it");
    const tick = rig.server.now();
    const fired = await Promise.all(
      [client, other, client].map((who) => who.lease.fire(term, schedule, tick, rig.outgoing(queue))),
    );
    expect(fired.filter(Boolean)).toHaveLength(1);
    const tray = await rig.consume(client, [queue], 10);
    await tray.one();
    await tray.quiet();
  });

  it("does not fire for a former holder, and sends nothing", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const [name, queue, schedule] = [rig.name("leader"), rig.name("queue"), rig.name("schedule")];
    const first = await client.lease.acquire(name, "a", 300);
    if (first === undefined) throw new Error("nobody held it");
    const tick = rig.server.now();
    expect(await client.lease.fire(first, schedule, tick, rig.outgoing(queue, { id: "one" }))).toBe(true);
    await rig.server.pass(500);
    const second = await other.lease.acquire(name, "b", 10_000);
    if (second === undefined) throw new Error("it had ended");
    expect(await client.lease.fire(first, schedule, tick + 1_000, rig.outgoing(queue, { id: "stale" }))).toBe(false);
    expect(await other.lease.fire(second, schedule, tick, rig.outgoing(queue, { id: "repeated" }))).toBe(false);
    expect(await other.lease.fire(second, schedule, tick + 1_000, rig.outgoing(queue, { id: "two" }))).toBe(true);
    const tray = await rig.consume(client, [queue], 10);
    expect((await tray.take(2)).map(idOf)).toEqual(["one", "two"]);
    await tray.quiet();
  });

  it("neither renews nor fires after its end, though nobody has taken over", async () => {
    const rig = use();
    const client = await rig.client();
    const queue = rig.name("queue");
    const term = await client.lease.acquire(rig.name("leader"), "a", 300);
    if (term === undefined) throw new Error("nobody held it");
    await rig.server.pass(500);
    expect(await client.lease.fire(term, rig.name("schedule"), rig.server.now(), rig.outgoing(queue))).toBe(false);
    expect(await client.lease.renew(term, 10_000)).toBeUndefined();
    await (await rig.consume(client, [queue], 1)).quiet();
  });

  it("keeps a fired message delayed if it says so", async ({ skip }) => {
    const rig = use();
    const client = await rig.client();
    skip(client.broker.features.delay === undefined, "the broker cannot delay");
    const [name, queue] = [rig.name("leader"), rig.name("queue")];
    const term = await client.lease.acquire(name, "a", 10_000);
    if (term === undefined) throw new Error("nobody held it");
    const due = rig.server.now() + 400;
    expect(await client.lease.fire(term, rig.name("schedule"), due, rig.outgoing(queue, {}, { due }))).toBe(true);
    const tray = await rig.consume(client, [queue], 1);
    expect((await tray.one()).claimedAt + 1).toBeGreaterThanOrEqual(due);
  });
}
