/** Joins that somebody must look after: full ones that nobody closed, and those whose sender never said that it was done. */

import { describe, expect, it } from "vitest";
import {
  arrivalOf,
  arriveOne,
  bodyText,
  bytes,
  closeStale,
  joinOf,
  joinsOf,
  staleOne,
  staleSoon,
  text,
} from "./join-rig.ts";
import { useRig } from "./rig.ts";
import type { MakeServer } from "./suite-server.ts";

/** Long against the time that a call takes, for what must not be named yet; what must be is waited for. */
const long = 60_000;

export function staleCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);

  it("names a full one with its body, once an age and to one of two", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const group = rig.name("full");
    await joinsOf(client).open([joinOf(group, 1)]);
    expect(await staleOne(client, group, 0)).toBeUndefined();
    await arriveOne(client, group, 0);
    expect(await staleOne(client, group, long)).toBeUndefined();
    // An age that does not pass between two looks of one moment.
    const age = 2_000;
    await rig.server.pass(age + 50);
    const looks = await Promise.all([staleOne(client, group, age), staleOne(other, group, age)]);
    const named = looks.filter((join) => join !== undefined);
    expect(named).toEqual([{ group, why: "full", body: expect.anything() }]);
    expect(text(named[0]?.body)).toBe(bodyText);
    expect(await staleOne(other, group, long)).toBeUndefined();
    // Another arrival at it is no new moment at which it became full.
    await rig.server.pass(30);
    await arriveOne(other, group, 0);
    await rig.server.pass(30);
    expect(await staleOne(other, group, 50)).toMatchObject({ why: "full" });
    await joinsOf(client).close([group]);
    await rig.server.pass(5);
    expect(await staleOne(other, group, 0)).toBeUndefined();
  });

  it("names one that was not sealed after its time and the age, until it is sealed or closed", async () => {
    const rig = use();
    const client = await rig.client();
    await closeStale(client);
    const [group, slow, closed] = [rig.name("unsent"), rig.name("slow"), rig.name("closed")];
    const sending = 2_000;
    await joinsOf(client).open([
      joinOf(group, 3, { sending }),
      joinOf(slow, 3, { sending: long }),
      joinOf(closed, 3, { sending }),
    ]);
    await arriveOne(client, group, 0);
    expect(await staleOne(client, group, 0)).toBeUndefined();
    await joinsOf(client).close([closed]);
    const named = await staleSoon(rig, client, group, 50);
    expect(named).toMatchObject({ group, why: "unsent" });
    expect(text(named.body)).toBe(bodyText);
    await staleSoon(rig, client, group, 50);
    await joinsOf(client).seal([group, rig.name("nobody")]);
    await rig.server.pass(20);
    expect((await joinsOf(client).stale(0, 100)).map((join) => join.group)).toEqual([]);
  });

  it("names none that was sealed, or opened when all was sent", async () => {
    const rig = use();
    const client = await rig.client();
    await closeStale(client);
    const [sealed, whole] = [rig.name("sealed"), rig.name("whole")];
    await joinsOf(client).open([joinOf(sealed, 2, { sending: 0 }), joinOf(whole, 2)]);
    await joinsOf(client).seal([sealed]);
    await rig.server.pass(20);
    expect(await joinsOf(client).stale(0, 100)).toEqual([]);
  });

  it("names a full one as full, whether it was sealed or not, and however it became so", async () => {
    const rig = use();
    const client = await rig.client();
    await closeStale(client);
    const [unsealed, sealed, early, empty] = [rig.name("a"), rig.name("b"), rig.name("c"), rig.name("d")];
    const joins = joinsOf(client);
    await joins.arrive([arrivalOf(early, 0, { body: bytes("arrived") })]);
    await joins.open([
      joinOf(unsealed, 1, { sending: long }),
      joinOf(sealed, 1, { sending: long }),
      joinOf(early, 1),
      joinOf(empty, 0),
    ]);
    await joins.arrive([unsealed, sealed].map((group) => arrivalOf(group, 0)));
    await joins.seal([sealed]);
    await rig.server.pass(20);
    const named = await joins.stale(0, 100);
    expect(new Map(named.map(({ group, why }) => [group, why]))).toEqual(
      new Map([unsealed, sealed, early, empty].map((group) => [group, "full"])),
    );
    // The first body stays.
    expect(text(named.find(({ group }) => group === early)?.body)).toBe("arrived");
  });

  it("names at most as many as were asked for, the oldest first, and the others next", async () => {
    const rig = use();
    const client = await rig.client();
    await closeStale(client);
    const groups = [rig.name("first"), rig.name("second"), rig.name("third")];
    await joinsOf(client).open(groups.map((group) => joinOf(group, 1)));
    for (const group of groups) {
      await arriveOne(client, group, 0);
      await rig.server.pass(5);
    }
    const named = async (limit: number): Promise<string[]> =>
      (await joinsOf(client).stale(1, limit)).map(({ group }) => group);
    expect(await named(2)).toEqual(groups.slice(0, 2));
    expect((await joinsOf(client).stale(long, 2)).length).toBe(0);
    await joinsOf(client).close(groups.slice(0, 2));
    expect(await named(2)).toEqual(groups.slice(2));
  });

  it("names none whose time is over", async () => {
    const rig = use();
    const client = await rig.client();
    const group = rig.name("expired");
    await joinsOf(client).open([joinOf(group, 1, { ttl: 100 })]);
    await arriveOne(client, group, 0, { ttl: 100 });
    await rig.server.pass(200);
    expect(await staleOne(client, group, 0)).toBeUndefined();
  });
}

/** On a server of its own, for its clock is spoilt. */
export function joinClockCases(makeServer: MakeServer): void {
  describe("a clock set forward", () => {
    const use = useRig(makeServer);
    // The chord of a sender that was alive failed: found by chaos.
    it("takes no sender for dead that is within its time, and one that is not in the end", async ({ skip }) => {
      const rig = use();
      skip(rig.server.jumpWallClock === undefined, "the harness cannot step the clock");
      const [client, other] = [await rig.client(), await rig.client()];
      const group = rig.name("unsent");
      expect(await joinsOf(client).stale(0, 10)).toEqual([]);
      await joinsOf(client).open([joinOf(group, 1, { sending: 2000 })]);
      await rig.server.jumpWallClock?.(3_600_000);
      expect(await staleOne(client, group, 0)).toBeUndefined();
      expect(await staleOne(other, group, 0), "of who has not looked before").toBeUndefined();
      await rig.until("it to be named", async () => (await staleOne(client, group, 0))?.why === "unsent");
    });
  });
  describe("a clock set back", () => {
    const use = useRig(makeServer);
    it("leaves no join stuck", async ({ skip }) => {
      const rig = use();
      skip(rig.server.jumpWallClock === undefined, "the harness cannot step the clock");
      const client = await rig.client();
      const [full, unsent] = [rig.name("full"), rig.name("unsent")];
      await joinsOf(client).open([joinOf(full, 1), joinOf(unsent, 1, { sending: 200 })]);
      await arriveOne(client, full, 0);
      expect(await staleOne(client, full, long)).toBeUndefined();
      await rig.server.jumpWallClock?.(-3_600_000);
      const left = new Set([full, unsent]);
      await rig.until("both to be named", async () => {
        for (const { group } of await joinsOf(client).stale(300, 10)) left.delete(group);
        return left.size === 0;
      });
    });
  });
}
