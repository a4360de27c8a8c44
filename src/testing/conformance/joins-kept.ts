/** What is kept of joins and groups, and read back: members page by page, values of any size, saved lists. */

import { expect, it } from "vitest";
import { arrivalOf, arriveOne, bytes, day, joinOf, joinsOf, staleOne, text, valuesOf } from "./join-rig.ts";
import { useRig } from "./rig.ts";
import type { MakeServer } from "./suite-server.ts";

export function memberCases(makeServer: MakeServer): void {
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
    const first = await joinsOf(other).members(group, 0, 4);
    expect(first.map(({ index }) => index)).toEqual([0, 2, 3, 7]);
    expect(first[0]).toMatchObject({ member: `${group}.0`, state: "SUCCESS" });
    expect(first[2]).toMatchObject({ index: 3, member: 'a "b" ü', state: "FAILURE" });
    expect(text(first[2]?.value)).toBe(text(failure));
    expect((await joinsOf(other).members(group, 4, 4)).map(({ index }) => index)).toEqual([10, 11]);
    expect(await joinsOf(other).members(group, 6, 4)).toEqual([]);
    expect(await joinsOf(other).members(group, 0, 0)).toEqual([]);
    // A member that comes late stands in its place.
    await arriveOne(client, group, 1);
    expect((await joinsOf(other).members(group, 1, 1)).map(({ index }) => index)).toEqual([1]);
    await joinsOf(client).close([group]);
    expect(await joinsOf(other).members(group, 0, 4)).toEqual([]);
    expect(await joinsOf(other).members(rig.name("nobody"), 0, 4)).toEqual([]);
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

export function savedCases(makeServer: MakeServer): void {
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
