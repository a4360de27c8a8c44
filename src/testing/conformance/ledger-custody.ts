/** Messages kept while their runs go on: under a lease, given back once, never twice to be started. */

import { expect, it } from "vitest";
import type { Claimed } from "../../port/ledger.ts";
import { beginOne, go, goes, givenBack, holdOf, ledgerOf, take } from "./ledger-rig.ts";
import { resultOf, useRig } from "./rig.ts";
import type { MakeServer, OpenClient } from "./suite-server.ts";

const stale = { kind: "stale" };
const held = { kind: "held" };
const long = 60_000;

export function custodyCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);

  it("keeps a message, and knows every other one of it", async () => {
    const rig = use();
    const client = await rig.client();
    const id = rig.name("held");
    const claimed = await go(client, id, { messageId: "m" });
    await take(client, claimed, long);
    await take(client, claimed, long);
    expect(await beginOne(client, id, { messageId: "m" })).toEqual(held);
    expect(await beginOne(client, id, { messageId: "m", redelivered: true })).toEqual(held);
    expect(await beginOne(client, id, { messageId: undefined, redelivered: true })).toEqual(held);
    expect(await ledgerOf(client).expired(long, 10)).toEqual([]);
    expect(await ledgerOf(client).take([], long)).toEqual([]);
    await ledgerOf(client).release([claimed]);
  });

  it("keeps nothing for a start that was replaced, has ended, or never was", async () => {
    const rig = use();
    const client = await rig.client();
    const ledger = ledgerOf(client);
    const id = rig.name("fenced");
    const former = await go(client, id);
    const next = await go(client, id, { redelivered: true });
    const [ended, put, silent] = [rig.name("ended"), rig.name("put"), rig.name("silent")];
    const runs = [await go(client, ended), await go(client, put), await go(client, silent)] as const;
    await client.store.commit([resultOf(ended, "SUCCESS", runs[0].fence)]);
    await ledger.reopen([runs[1]]);
    await ledger.finish([runs[2]]);
    const holds = [former, next, ...runs, { id: rig.name("nobody"), fence: 5 }].map((claimed) => holdOf(claimed));
    const answers = ["fenced", "held", "fenced", "fenced", "fenced", "fenced"];
    expect(await ledger.take(holds, long)).toEqual(answers);
    expect(await ledger.renew([former, next, ...runs], long)).toEqual([false, true, false, false, false]);
    await ledger.release([former]);
    expect(await ledger.renew([next], long)).toEqual([true]);
    await ledger.release([next]);
    expect(await ledger.renew([next], long)).toEqual([false]);
    expect(await beginOne(client, id)).toEqual(stale);
    expect(await ledger.renew([], long)).toEqual([]);
    await ledger.release([]);
  });

  it("gives back what nobody renews, to one of many, byte by byte", async () => {
    const rig = use();
    const clients = [await rig.client(), await rig.client(), await rig.client()];
    const [client] = clients as [OpenClient];
    const { lease } = rig.server.timing;
    const raw = crypto.getRandomValues(new Uint8Array(60_000));
    const large = new Uint8Array(1_000_000).map((_, index) => index * 7);
    const living = await go(client, rig.name("living"));
    await take(client, living, rig.renewed);
    const sent = new Map<string, { readonly claimed: Claimed; readonly raw: Uint8Array; readonly queue: string }>();
    for (let n = 0; n < 30; n += 1) {
      const claimed = await go(client, rig.name("dead"));
      sent.set(claimed.id, { claimed, raw: n % 5 === 0 ? large : raw, queue: `ü "${n}"` });
    }
    const holds = [...sent.values()].map(({ claimed, ...rest }) => ({ ...claimed, ...rest }));
    expect(await ledgerOf(client).take(holds, lease)).toEqual(holds.map(() => "held"));
    const came: string[] = [];
    await rig.until("all to be given back", async () => {
      expect(await ledgerOf(client).renew([living], rig.renewed)).toEqual([true]);
      const asked = clients.map((asker) => ledgerOf(asker).expired(long, 7));
      for (const given of (await Promise.all(asked)).flat()) {
        const was = sent.get(given.id);
        came.push(given.id);
        expect(given).toMatchObject({ ...was?.claimed, queue: was?.queue, messageId: expect.any(String) });
        expect(Buffer.from(given.raw).equals(Buffer.from(was?.raw ?? []))).toBe(true);
      }
      return came.length >= sent.size;
    });
    expect(came.toSorted()).toEqual([...sent.keys()].toSorted());
    expect(new Set(came).size).toBe(came.length);
    await ledgerOf(client).release([living, ...holds]);
  });

  it("lets the copy that was given back go once, with one more death", async () => {
    const rig = use();
    const client = await rig.client();
    const id = rig.name("copy");
    await take(client, await go(client, id, { messageId: "m", blame: "suspect" }), 0);
    const given = await givenBack(rig, client, id, long);
    expect(await beginOne(client, id, { messageId: "m", redelivered: true }), "not the copy").toEqual(held);
    await ledgerOf(client).release([given]);
    expect(await beginOne(client, id, { messageId: "m" }), "not the copy").toEqual(stale);
    const { messageId } = given;
    expect(await beginOne(client, id, { messageId, blame: "sure" })).toEqual(goes(0, 1));
    expect(await beginOne(client, id, { messageId })).toEqual(stale);
    expect(await beginOne(client, id, { messageId, redelivered: true })).toEqual(goes(1, 1));
  });

  it("lets the copy go before its reaper has let go of it, and keeps it again", async () => {
    const rig = use();
    const client = await rig.client();
    const ledger = ledgerOf(client);
    const id = rig.name("fast");
    await take(client, await go(client, id), 0);
    const given = await givenBack(rig, client, id, 0);
    const next = await go(client, id, { messageId: given.messageId });
    await take(client, next, long);
    await ledger.release([given]);
    expect(await ledger.renew([next], long)).toEqual([true]);
    expect(await beginOne(client, id, { messageId: given.messageId }), "a second copy").toEqual(held);
    expect(await ledger.expired(long, 10)).toEqual([]);
    await ledger.release([next]);
  });

  it("gives back only to workers of the broker whose message it is", async () => {
    const rig = use();
    const client = await rig.client();
    const [ours, theirs] = [ledgerOf(client).within(rig.name("ours")), ledgerOf(client).within(rig.name("theirs"))];
    const claimed = await go(client, rig.name("apart"));
    expect(await ours.take([holdOf(claimed)], 0)).toEqual(["held"]);
    await rig.server.pass(20);
    expect(await theirs.expired(long, 10)).toEqual([]);
    expect(await ours.expired(long, 10)).toMatchObject([{ id: claimed.id }]);
    await ours.release([claimed]);
  });

  it("follows a reaper that died, under the same name", async () => {
    const rig = use();
    const client = await rig.client();
    const { renewed: lease } = rig;
    const id = rig.name("reaper");
    await take(client, await go(client, id), 0);
    const first = await givenBack(rig, client, id, lease);
    expect(await ledgerOf(client).expired(lease, 10)).toEqual([]);
    const second = await givenBack(rig, client, id, lease);
    expect(second).toMatchObject({ id, fence: first.fence, messageId: first.messageId });
    await ledgerOf(client).release([second]);
    await rig.server.pass(1.5 * lease);
    expect(await ledgerOf(client).expired(lease, 10)).toEqual([]);
  });

  it("keeps what was put back until it is released", async () => {
    const rig = use();
    const client = await rig.client();
    const id = rig.name("put-back");
    const first = await go(client, id);
    await take(client, first, 0);
    await ledgerOf(client).reopen([first]);
    // The worker died before it published: the copy is all there is.
    const given = await givenBack(rig, client, id, long);
    await ledgerOf(client).release([given]);
    const second = await beginOne(client, id, { messageId: given.messageId });
    expect(second).toEqual(goes(0, 0));
    const other = rig.name("published");
    const run = await go(client, other);
    await take(client, run, long);
    await ledgerOf(client).reopen([run]);
    expect(await beginOne(client, other)).toEqual(goes(0, 0));
    expect(await ledgerOf(client).renew([run], long)).toEqual([false]);
  });

  it("keeps the message of an ended run until what follows is launched", async () => {
    const rig = use();
    const client = await rig.client();
    const ledger = ledgerOf(client);
    const { lease } = rig.server.timing;
    const [ended, silent, settled] = [rig.name("ended"), rig.name("silent"), rig.name("settled")];
    const runs = [await go(client, ended), await go(client, silent), await go(client, settled)] as const;
    for (const run of runs) await take(client, run, 0);
    await client.store.commit([resultOf(ended, "SUCCESS", runs[0].fence), resultOf(settled, "FAILURE", runs[2].fence)]);
    expect(await ledger.finish([runs[1]])).toEqual(["finished"]);
    await ledger.release([runs[2]]);
    const given = await ledger.expired(lease, 10);
    expect(given.map(({ id }) => id).toSorted()).toEqual([ended, silent].toSorted());
    const first = given.find(({ id }) => id === ended);
    expect(await beginOne(client, ended, { messageId: first?.messageId })).toMatchObject({
      kind: "final",
      outcome: { state: "SUCCESS" },
    });
    await ledger.release(given);
    await rig.server.pass(1.5 * lease);
    expect(await ledger.expired(long, 10)).toEqual([]);
    await client.store.forget([ended, settled]);
    for (const id of [ended, settled]) expect(await beginOne(client, id)).toEqual(goes(0, 0));
    expect(await beginOne(client, silent)).toEqual({ kind: "final", outcome: undefined });
  });
}

export function frozenCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);

  it("that wakes after the copy began has lost everything", async () => {
    const rig = use();
    const [owner, other] = [await rig.client(), await rig.client()];
    const id = rig.name("frozen");
    const claimed = await go(owner, id);
    await take(owner, claimed, 0);
    const given = await givenBack(rig, other, id, long);
    await ledgerOf(other).release([given]);
    const next = await go(other, id, { messageId: given.messageId });
    expect(await ledgerOf(owner).renew([claimed], long)).toEqual([false]);
    expect(await ledgerOf(owner).take([holdOf(claimed)], long)).toEqual(["fenced"]);
    expect(await owner.store.commit([resultOf(id, "SUCCESS", claimed.fence)])).toEqual(["fenced"]);
    expect(await ledgerOf(owner).finish([claimed])).toEqual(["fenced"]);
    await ledgerOf(owner).reopen([claimed]);
    expect(await beginOne(owner, id)).toEqual(stale);
    expect(await other.store.commit([resultOf(id, "SUCCESS", next.fence)])).toEqual(["stored"]);
  });

  it("that wakes before the copy begins may still commit, and the copy meets the result", async () => {
    const rig = use();
    const [owner, other] = [await rig.client(), await rig.client()];
    const id = rig.name("woken");
    const claimed = await go(owner, id);
    await take(owner, claimed, 0);
    const given = await givenBack(rig, other, id, long);
    expect(await ledgerOf(owner).renew([claimed], long)).toEqual([false]);
    expect(await ledgerOf(owner).take([holdOf(claimed)], long)).toEqual(["fenced"]);
    expect(await owner.store.commit([resultOf(id, "SUCCESS", claimed.fence, { value: 1 })])).toEqual(["stored"]);
    await ledgerOf(other).release([given]);
    expect(await beginOne(other, id, { messageId: given.messageId })).toMatchObject({
      kind: "final",
      outcome: { state: "SUCCESS" },
    });
  });
}
