/** The conformance suite of `Joins`: each member counts once, all of them make it full, and it stays so until somebody closes it. */

import { describe, expect, it } from "vitest";
import type { Arrival } from "../../port/joins.ts";
import {
  arrivalOf,
  arriveOne,
  bodyText,
  bytes,
  day,
  joined,
  joinOf,
  joinsOf,
  staleOne,
  text,
  valuesOf,
} from "./join-rig.ts";
import { memberCases, savedCases } from "./joins-kept.ts";
import { settledJoinCases } from "./joins-settled.ts";
import { joinClockCases, staleCases } from "./joins-stale.ts";
import { useRig } from "./rig.ts";
import type { MakeServer } from "./suite-server.ts";

export function joinsSuite(name: string, makeServer: MakeServer): void {
  describe(`${name} as a place of joins`, () => {
    describe("arrivals", () => arrivalCases(makeServer));
    describe("growth", () => growthCases(makeServer));
    describe("members", () => memberCases(makeServer));
    describe("saved groups", () => savedCases(makeServer));
    describe("what was left", () => staleCases(makeServer));
    describe("in a settlement", () => settledJoinCases(makeServer));
    joinClockCases(makeServer);
  });
}

function arrivalCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);

  it("is full with the last arrival, and says so to every one until it is closed", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const group = rig.name("full");
    await joinsOf(client).open([joinOf(group, 3)]);
    expect(await arriveOne(client, group, 0)).toEqual(joined(group, 1, 3));
    expect(await arriveOne(other, group, 2)).toEqual(joined(group, 2, 3));
    expect(await arriveOne(client, group, 2)).toEqual(joined(group, 2, 3));
    expect(await joinsOf(client).look(group)).toEqual(joined(group, 2, 3));
    expect(await arriveOne(other, group, 1)).toEqual(joined(group, 3, 3, true));
    expect(await arriveOne(client, group, 1)).toEqual(joined(group, 3, 3, true));
    expect(await arriveOne(client, group, 0)).toEqual(joined(group, 3, 3, true));
    expect(await joinsOf(other).look(group)).toEqual(joined(group, 3, 3, true));
    await joinsOf(other).close([group]);
    expect(await joinsOf(client).look(group)).toBeUndefined();
    expect(await joinsOf(client).look(rig.name("never"))).toBeUndefined();
    expect(await arriveOne(client, group, 1)).toEqual(joined(group, 0, undefined));
    await joinsOf(client).close([group]);
  });

  it("opens once: a second size and body change nothing, whether it fills, is full or is closed", async () => {
    const rig = use();
    const client = await rig.client();
    const joins = joinsOf(client);
    const group = rig.name("twice");
    await joins.open([joinOf(group, 2)]);
    await joins.open([joinOf(group, 1, { body: bytes("other"), sending: 0 })]);
    expect(await arriveOne(client, group, 0)).toEqual(joined(group, 1, 2));
    expect(await staleOne(client, group, 0)).toBeUndefined();
    await arriveOne(client, group, 1);
    await joins.open([joinOf(group, 5)]);
    expect(await arriveOne(client, group, 1)).toEqual(joined(group, 2, 2, true));
    expect(text((await staleOne(client, group, 0))?.body)).toBe(bodyText);
    await joins.close([group]);
    await joins.open([joinOf(group, 1)]);
    expect(await arriveOne(client, group, 0)).toEqual(joined(group, 0, undefined));
    expect(await joins.members(group, 0, 10)).toEqual([]);
  });

  it("lets members arrive before it is open: never full then, and full once it is", async () => {
    const rig = use();
    const client = await rig.client();
    const group = rig.name("early");
    expect(await arriveOne(client, group, 0)).toEqual(joined(group, 1, undefined));
    expect(await arriveOne(client, group, 1)).toEqual(joined(group, 2, undefined));
    await joinsOf(client).open([joinOf(group, 2)]);
    expect(await arriveOne(client, group, 0)).toEqual(joined(group, 2, 2, true));
    expect(await valuesOf(client, group)).toEqual(["0", "1"]);
  });

  it("writes nothing for a member of a plain group, which nobody opened and no body waits for", async () => {
    const rig = use();
    const client = await rig.client();
    const group = rig.name("plain");
    const arrival = { ...arrivalOf(group, 0) };
    delete arrival.body;
    expect(await joinsOf(client).arrive([arrival])).toEqual([joined(group, 0, undefined)]);
    expect(await valuesOf(client, group)).toEqual([]);
    await joinsOf(client).open([joinOf(group, 1)]);
    expect(await joinsOf(client).arrive([arrival])).toEqual([joined(group, 1, 1, true)]);
  });

  it("counts a member once, and keeps what it said first", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const group = rig.name("once");
    await joinsOf(client).open([joinOf(group, 2)]);
    await arriveOne(client, group, 0, { value: bytes('"first"') });
    const again = { value: bytes('"second"'), state: "FAILURE" } as const;
    expect(await arriveOne(other, group, 0, again)).toEqual(joined(group, 1, 2));
    expect(await joinsOf(client).members(group, 0, 10)).toMatchObject([
      { index: 0, member: `${group}.0`, state: "SUCCESS" },
    ]);
    expect(await valuesOf(client, group)).toEqual(['"first"']);
    await Promise.all([client, other, client].map((who) => arriveOne(who, group, 1)));
    expect(await arriveOne(client, group, 1)).toEqual(joined(group, 2, 2, true));
  });

  it("counts members that share an index, or have none, each once", async () => {
    const rig = use();
    const client = await rig.client();
    const group = rig.name("shared");
    const names = ["b", "ä", "a", "B", '"', "é\n\\", "ab", "😀", "a ", "0"];
    const [shared, none] = [5, Infinity].map((index) =>
      names.map((name) =>
        arrivalOf(group, index, { member: name + String(index), value: bytes(JSON.stringify(name)) }),
      ),
    ) as [Arrival[], Arrival[]];
    await joinsOf(client).open([joinOf(group, 21)]);
    const all = [...none, ...shared];
    const answers = await joinsOf(client).arrive([...all, ...all.toReversed(), arrivalOf(group, 6), ...all]);
    expect(answers.map(({ arrived }) => arrived)).toEqual([
      ...all.map((_, index) => index + 1),
      ...all.map(() => 20),
      ...Array.from({ length: 21 }, () => 21),
    ]);
    const members = await joinsOf(client).members(group, 0, 100);
    expect(members.map(({ index }) => index)).toEqual([...shared.map(() => 5), 6, ...none.map(() => Infinity)]);
    const idsOf = (some: readonly { readonly member: string }[]): string[] =>
      some.map(({ member }) => member).toSorted();
    expect(idsOf(members.slice(0, 10))).toEqual(idsOf(shared));
    expect(idsOf(members.slice(11))).toEqual(idsOf(none));
  });

  it("takes many groups in one call, each arrival answered in its order and its turn", async () => {
    const rig = use();
    const client = await rig.client();
    const joins = joinsOf(client);
    const [a, b, c] = [rig.name("a"), rig.name("b"), rig.name("c")];
    expect(await joins.arrive([])).toEqual([]);
    await joins.open([joinOf(a, 2), joinOf(b, 1)]);
    const arrivals = [arrivalOf(a, 1), arrivalOf(b, 0), arrivalOf(c, 0), arrivalOf(a, 0), arrivalOf(a, 1)];
    expect(await joins.arrive(arrivals)).toEqual([
      joined(a, 1, 2),
      joined(b, 1, 1, true),
      joined(c, 1, undefined),
      joined(a, 2, 2, true),
      joined(a, 2, 2, true),
    ]);
    await joins.seal([a, b, c]);
    await joins.close([a, b, c]);
    expect(await joins.arrive(arrivals)).toEqual([a, b, c, a, a].map((group) => joined(group, 0, undefined)));
  });

  it("takes more than fit into one step", async () => {
    const rig = use();
    const client = await rig.client();
    const group = rig.name("many");
    await joinsOf(client).open([joinOf(group, 1200)]);
    const arrivals = Array.from({ length: 1200 }, (_, index) => arrivalOf(group, index));
    const answers = await joinsOf(client).arrive(arrivals);
    expect(answers).toHaveLength(1200);
    expect(answers.filter(({ full }) => full)).toEqual([joined(group, 1200, 1200, true)]);
    const values = await joinsOf(client).members(group, 0, 2000);
    expect(values.map(({ index }) => index)).toEqual(arrivals.map(({ index }) => index));
  });

  it("is kept for its time after its last arrival", async () => {
    const rig = use();
    const client = await rig.client();
    const [group, gone] = [rig.name("kept"), rig.name("gone")];
    const ttl = 3_000;
    await joinsOf(client).open([joinOf(group, 4, { ttl }), joinOf(gone, 2, { ttl })]);
    for (let index = 0; index < 3; index += 1) {
      await rig.server.pass(0.4 * ttl);
      expect(await arriveOne(client, group, index, { ttl: index === 2 ? day : ttl })).toEqual(
        joined(group, index + 1, 4),
      );
    }
    expect(await arriveOne(client, gone, 0)).toEqual(joined(gone, 1, undefined));
    await rig.server.pass(ttl);
    expect(await arriveOne(client, group, 3)).toEqual(joined(group, 4, 4, true));
  });
}

function growthCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);

  it("waits for each member that was announced, once, and no longer grows when it is full or closed", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const joins = joinsOf(client);
    const group = rig.name("grow");
    expect(await joins.grow(group, "a")).toBe(false);
    await joins.open([joinOf(group, 1)]);
    expect(await joins.grow(group, "a")).toBe(true);
    expect(await joinsOf(other).grow(group, "b")).toBe(true);
    expect(await joinsOf(other).grow(group, "a")).toBe(true);
    expect(await joins.arrive([0, 1].map((index) => arrivalOf(group, index)))).toEqual([
      joined(group, 1, 3),
      joined(group, 2, 3),
    ]);
    expect(await arriveOne(other, group, Infinity, { member: "b" })).toEqual(joined(group, 3, 3, true));
    expect(await joins.grow(group, "c")).toBe(false);
    // Who was counted is: a worker that runs again hears what the first heard.
    expect(await joins.grow(group, "b")).toBe(true);
    expect(await arriveOne(other, group, 0)).toEqual(joined(group, 3, 3, true));
    await joins.close([group]);
    expect([await joins.grow(group, "c"), await joins.grow(group, "b")]).toEqual([false, false]);
  });

  it("does not grow what nobody opened, though members have arrived", async () => {
    const rig = use();
    const client = await rig.client();
    const group = rig.name("unopened");
    await arriveOne(client, group, 0);
    expect(await joinsOf(client).grow(group, "a")).toBe(false);
    await joinsOf(client).open([joinOf(group, 1)]);
    expect(await arriveOne(client, group, 0)).toEqual(joined(group, 1, 1, true));
  });

  it("is told that it grew though the first answer was lost", async ({ skip }) => {
    const rig = use();
    const client = await rig.client();
    skip(rig.server.cutReply === undefined, "the harness cannot cut answers");
    const group = rig.name("cut");
    await joinsOf(client).open([joinOf(group, 1)]);
    await rig.server.cutReply?.(client, "grow");
    expect(await joinsOf(client).grow(group, "a")).toBe(true);
    expect(await arriveOne(client, group, 0)).toEqual(joined(group, 1, 2));
  });
}
