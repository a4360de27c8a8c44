/** What ends after an hour or a week, and steps of the wall clock. Each case has a server of its own, for its clock is spoilt. */

import { describe, expect, it } from "vitest";
import { beginOne, fenceOf, go, goes, givenBack, ledgerOf, take } from "./ledger-rig.ts";
import { resultOf, useRig, type Rig } from "./rig.ts";
import type { MakeServer } from "./suite-server.ts";

const hour = 3_600_000;
const day = 24 * hour;

/** By virtual time or by a step of the clock; `canWait` says if there is one of them. */
async function wait(rig: Rig, ms: number): Promise<void> {
  await (rig.server.virtual === true ? rig.server.pass(ms) : rig.server.jumpWallClock?.(ms));
}
const canWait = ({ server }: Rig): boolean => server.virtual === true || server.jumpWallClock !== undefined;

export function longCases(makeServer: MakeServer): void {
  describe("after an hour", () => {
    const use = useRig(makeServer);
    it("forgets a run that left no result", async ({ skip }) => {
      const rig = use();
      skip(!canWait(rig), "the harness cannot let an hour pass");
      const client = await rig.client();
      const [id, cached] = [rig.name("tombstone"), rig.name("cached")];
      const runs = [await go(client, id), await go(client, cached)] as const;
      await client.store.checkpoints?.write(cached, runs[1].fence, "a", new Uint8Array(1), 7 * day);
      await ledgerOf(client).finish(runs);
      await wait(rig, hour - 10_000);
      expect(await beginOne(client, id)).toEqual({ kind: "final", outcome: undefined });
      await wait(rig, 20_000);
      for (const { id, fence } of runs) {
        const answer = await beginOne(client, id);
        expect(answer).toEqual(goes(0, 0));
        expect(fenceOf(answer)).toBeGreaterThan(fence);
      }
      expect((await client.store.checkpoints?.read(cached))?.size ?? 1).toBe(1);
    });
  });

  describe("after days", () => {
    const use = useRig(makeServer);
    it("knows what has begun for a week, and what it keeps for ever", async ({ skip }) => {
      const rig = use();
      skip(!canWait(rig), "the harness cannot let a week pass");
      const client = await rig.client();
      const ledger = ledgerOf(client);
      const [id, kept, released] = [rig.name("week"), rig.name("kept"), rig.name("released")];
      const claimed = await go(client, id);
      // A short-lived checkpoint or state does not shorten it.
      await client.store.checkpoints?.write(id, claimed.fence, "a", new Uint8Array(1), 1_000);
      await client.store.commit([resultOf(id, "STARTED", claimed.fence, { ttl: 1_000 })]);
      await take(client, await go(client, kept), hour);
      const run = await go(client, released);
      await take(client, run, hour);
      await ledger.release([run]);
      await wait(rig, 6 * day);
      expect(await beginOne(client, id)).toEqual({ kind: "stale" });
      await wait(rig, 2 * day);
      expect(await beginOne(client, id)).toEqual(goes(0, 0));
      expect(await beginOne(client, kept)).toEqual({ kind: "held" });
      expect(await beginOne(client, released)).toEqual(goes(0, 0));
      await ledger.finish([await go(client, rig.name("other"))]);
      await wait(rig, 8 * day);
      expect(await beginOne(client, kept)).toEqual({ kind: "held" });
    });
  });

  describe("a clock set back", () => {
    const use = useRig(makeServer);
    it("leaves no hold stuck, and fences above the former ones", async ({ skip }) => {
      const rig = use();
      skip(rig.server.jumpWallClock === undefined, "the harness cannot step the clock");
      const client = await rig.client();
      const { sweep } = rig.server.timing;
      const { renewed: lease } = rig;
      const id = rig.name("back");
      const claimed = await go(client, id);
      await take(client, claimed, lease);
      expect(await ledgerOf(client).expired(lease, 10)).toEqual([]);
      await rig.server.jumpWallClock?.(-hour);
      const given = await givenBack(rig, client, id, lease, 4 * (lease + sweep) + 10_000);
      expect((await go(client, id, { messageId: given.messageId })).fence).toBeGreaterThan(claimed.fence);
    });
  });

  describe("a clock set forward", () => {
    const use = useRig(makeServer);
    it("takes nothing from the living", async ({ skip }) => {
      const rig = use();
      skip(rig.server.jumpWallClock === undefined, "the harness cannot step the clock");
      const client = await rig.client();
      const ledger = ledgerOf(client);
      const { renewed: lease } = rig;
      const claimed = await go(client, rig.name("forward"));
      await take(client, claimed, lease);
      expect(await ledger.expired(lease, 10)).toEqual([]);
      await rig.server.jumpWallClock?.(2 * hour);
      expect(await ledger.expired(lease, 10)).toEqual([]);
      for (let third = 0; third < 5; third += 1) {
        expect(await ledger.renew([claimed], lease)).toEqual([true]);
        await rig.server.pass(lease / 3);
        expect(await ledger.expired(lease, 10)).toEqual([]);
      }
    });
  });
}
