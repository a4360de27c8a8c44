/** The conformance suite of `Joins`: each member counts once, all of them make it full, and it stays so until somebody closes it. */

import { describe, expect, it } from "vitest";
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
import { settledJoinCases } from "./joins-settled.ts";
import { staleCases } from "./joins-stale.ts";
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
    expect(await arriveOne(other, group, 1)).toEqual(joined(group, 3, 3, true));
    expect(await arriveOne(client, group, 1)).toEqual(joined(group, 3, 3, true));
    expect(await arriveOne(client, group, 0)).toEqual(joined(group, 3, 3, true));
    await joinsOf(other).close([group]);
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
    expect(await joins.members(group, -1, 10)).toEqual([]);
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

  it("counts a member once by its index, and keeps what it said first", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const group = rig.name("index");
    await joinsOf(client).open([joinOf(group, 2)]);
    await arriveOne(client, group, 0, { value: bytes('"first"') });
    const again = { value: bytes('"second"'), state: "FAILURE", member: "another" } as const;
    expect(await arriveOne(other, group, 0, again)).toEqual(joined(group, 1, 2));
    expect(await joinsOf(client).members(group, -1, 10)).toMatchObject([
      { index: 0, member: `${group}.0`, state: "SUCCESS" },
    ]);
    expect(await valuesOf(client, group)).toEqual(['"first"']);
    await Promise.all([client, other, client].map((who) => arriveOne(who, group, 1)));
    expect(await arriveOne(client, group, 1)).toEqual(joined(group, 2, 2, true));
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
    const values = await joinsOf(client).members(group, -1, 2000);
    expect(values.map(({ index }) => index)).toEqual(arrivals.map(({ index }) => index));
  });

  it("is kept for its time after its last arrival", async () => {
    const rig = use();
    const client = await rig.client();
    const [group, gone] = [rig.name("kept"), rig.name("gone")];
    const ttl = 600;
    await joinsOf(client).open([joinOf(group, 4, { ttl }), joinOf(gone, 2, { ttl })]);
    for (let index = 0; index < 3; index += 1) {
      await rig.server.pass(ttl / 2);
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

  it("waits for more members when it grew, and no longer grows when it is full or closed", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const joins = joinsOf(client);
    const group = rig.name("grow");
    expect(await joins.grow(group, 1)).toBe(false);
    await joins.open([joinOf(group, 1)]);
    expect(await joins.grow(group, 1)).toBe(true);
    expect(await joinsOf(other).grow(group, 2)).toBe(true);
    expect(await joins.arrive([0, 1, 2].map((index) => arrivalOf(group, index)))).toEqual(
      [1, 2, 3].map((count) => joined(group, count, 4)),
    );
    expect(await arriveOne(other, group, 3)).toEqual(joined(group, 4, 4, true));
    expect(await joins.grow(group, 1)).toBe(false);
    expect(await arriveOne(other, group, 3)).toEqual(joined(group, 4, 4, true));
    await joins.close([group]);
    expect(await joins.grow(group, 1)).toBe(false);
  });

  it("does not grow what nobody opened, though members have arrived", async () => {
    const rig = use();
    const client = await rig.client();
    const group = rig.name("unopened");
    await arriveOne(client, group, 0);
    expect(await joinsOf(client).grow(group, 1)).toBe(false);
    await joinsOf(client).open([joinOf(group, 1)]);
    expect(await arriveOne(client, group, 0)).toEqual(joined(group, 1, 1, true));
  });

  it("grows once though the answer was lost", async ({ skip }) => {
    const rig = use();
    const client = await rig.client();
    skip(rig.server.cutReply === undefined, "the harness cannot cut answers");
    const group = rig.name("cut");
    await joinsOf(client).open([joinOf(group, 1)]);
    await rig.server.cutReply?.(client, "grow");
    expect(await joinsOf(client).grow(group, 1)).toBe(true);
    expect(await arriveOne(client, group, 0)).toEqual(joined(group, 1, 2));
  });
}

function memberCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);

  it("reads members page by page in the order of their indexes, as they arrived, until it is closed", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const group = rig.name("pages");
    await joinsOf(client).open([joinOf(group, 12)]);
    const failure = bytes('{"exc_type": "Error", "exc_message": ["ü \\" ] \\\\"], "exc_module": "b"}');
    const order = [7, 0, 11, 3, 10, 2];
    for (const index of order)
      await arriveOne(client, group, index, index === 3 ? { state: "FAILURE", value: failure, member: 'a "b" ü' } : {});
    const first = await joinsOf(other).members(group, -1, 4);
    expect(first.map(({ index }) => index)).toEqual([0, 2, 3, 7]);
    expect(first[0]).toMatchObject({ member: `${group}.0`, state: "SUCCESS" });
    expect(first[2]).toMatchObject({ index: 3, member: 'a "b" ü', state: "FAILURE" });
    expect(text(first[2]?.value)).toBe(text(failure));
    expect((await joinsOf(other).members(group, 7, 4)).map(({ index }) => index)).toEqual([10, 11]);
    expect(await joinsOf(other).members(group, 11, 4)).toEqual([]);
    // A member that comes late stands in its place.
    await arriveOne(client, group, 1);
    expect((await joinsOf(other).members(group, 0, 1)).map(({ index }) => index)).toEqual([1]);
    await joinsOf(client).close([group]);
    expect(await joinsOf(other).members(group, -1, 4)).toEqual([]);
    expect(await joinsOf(other).members(rig.name("nobody"), -1, 4)).toEqual([]);
  });

  it("keeps large values and bodies", async () => {
    const rig = use();
    const client = await rig.client();
    const group = rig.name("large");
    const [value, body] = [bytes(`"${"x".repeat(300_000)}"`), bytes("y".repeat(200_000))];
    await joinsOf(client).open([joinOf(group, 2, { body })]);
    await joinsOf(client).arrive([0, 1].map((index) => arrivalOf(group, index, { value, body })));
    expect((await valuesOf(client, group)).map((one) => one?.length)).toEqual([300_002, 300_002]);
    expect((await staleOne(client, group, 0))?.body?.length).toBe(200_000);
  });
}

function savedCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);

  it("keeps a group's list of members, its last one, for its time or until it is dropped", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const [group, brief] = [rig.name("saved"), rig.name("brief")];
    expect(await joinsOf(client).saved(group)).toBeUndefined();
    await joinsOf(client).save(group, bytes('{"result": 1}'), undefined);
    await joinsOf(client).save(group, bytes('{"result": [["ü", null], []]}'), day);
    await joinsOf(client).save(brief, bytes("{}"), 100);
    expect(text(await joinsOf(other).saved(group))).toBe('{"result": [["ü", null], []]}');
    await rig.server.pass(200);
    expect(await joinsOf(other).saved(brief)).toBeUndefined();
    await joinsOf(other).unsave(group);
    await joinsOf(other).unsave(group);
    expect(await joinsOf(client).saved(group)).toBeUndefined();
  });

  it("has nothing to do with the join of the same group", async () => {
    const rig = use();
    const client = await rig.client();
    const group = rig.name("both");
    await joinsOf(client).open([joinOf(group, 1)]);
    await joinsOf(client).save(group, bytes("{}"), day);
    await arriveOne(client, group, 0);
    await joinsOf(client).close([group]);
    expect(text(await joinsOf(client).saved(group))).toBe("{}");
  });
}
