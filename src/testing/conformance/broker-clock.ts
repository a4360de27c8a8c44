/** Steps of the wall clock: nothing living is taken, nothing is stuck. Each case has a server of its own, for its clock is spoilt. */

import { describe, expect, it } from "vitest";
import { idOf, useRig } from "./rig.ts";
import type { MakeServer } from "./suite-server.ts";

const hour = 3_600_000;

export function clockCases(makeServer: MakeServer): void {
  describe("two hours forward", () => {
    const use = useRig(makeServer);
    it("takes nothing from the living", async ({ skip }) => {
      const rig = use();
      skip(rig.server.jumpWallClock === undefined, "the harness cannot step the clock");
      const [client, other] = [await rig.client(), await rig.client()];
      const queue = rig.name("forward");
      await rig.send(client, queue, ["a"]);
      const tray = await rig.consume(client, [queue], 1, { lease: rig.renewed });
      const delivery = await tray.one();
      tray.consumer.started([delivery], "suspect");
      const rival = await rig.consume(other, [queue], 1, { lease: rig.renewed });
      await rig.server.pass(rig.renewed);
      await rig.server.jumpWallClock?.(2 * hour);
      await rival.quiet(2 * rig.renewed);
      expect(delivery.lost.aborted).toBe(false);
      await tray.ack([delivery]);
    });
  });

  describe("one hour back", () => {
    const use = useRig(makeServer);
    it("leaves nothing stuck", async ({ skip }) => {
      const rig = use();
      skip(rig.server.jumpWallClock === undefined, "the harness cannot step the clock");
      const [client, dying, other] = [await rig.client(), await rig.mortal(), await rig.client()];
      const [queue, living] = [rig.name("back"), rig.name("living")];
      await rig.send(client, queue, ["a"]);
      await rig.send(client, living, ["b"]);
      // What the longest lease is of all decides for how long the dead are waited for.
      const { renewed: lease } = rig;
      const tray = await rig.consume(client, [living], 1, { lease });
      const held = await tray.one();
      await (await rig.consume(dying, [queue], 1)).one();
      const rival = await rig.consume(other, [queue, living], 5, { lease });
      await rig.server.pass(rig.server.timing.lease / 2);
      await rig.server.jumpWallClock?.(-hour);
      await dying.kill();
      // A driver that reads the wall clock may sit out one lease after the step before it reaps, and one after that.
      expect(idOf(await rival.one(3 * rig.recovery + 6 * lease))).toBe("a");
      expect(held.lost.aborted).toBe(false);
      await tray.ack([held]);
      await rival.quiet();
    });
  });
}
