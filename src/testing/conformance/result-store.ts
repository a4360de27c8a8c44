/** The conformance suite of `ResultStore`: the first final state wins and stays, fences are obeyed, watchers see it all. */

import { describe, expect, it } from "vitest";
import type { StoredOutcome } from "../../port/result-store.ts";
import { never, resultOf, useRig } from "./rig.ts";
import type { MakeServer } from "./suite-server.ts";

export function resultStoreSuite(name: string, makeServer: MakeServer): void {
  describe(`${name} as a result store`, () => {
    describe("commit", () => commitCases(makeServer));
    describe("watch", () => watchCases(makeServer));
    describe("checkpoints", () => checkpointCases(makeServer));
  });
}

const textOf = (outcome: StoredOutcome | undefined): string => Buffer.from(outcome?.meta ?? []).toString();

function commitCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);

  it("stores and gives back the exact bytes, in the order asked", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const [a, b] = [rig.name("a"), rig.name("b")];
    const writes = [resultOf(a, "SUCCESS", 5, { value: "ü 😀" }), resultOf(b, "STARTED", 6)];
    expect(await client.store.commit(writes)).toEqual(["stored", "stored"]);
    const found = await other.store.get([b, rig.name("nobody"), a]);
    expect(found.map((outcome) => outcome?.state)).toEqual(["STARTED", undefined, "SUCCESS"]);
    expect(found[2]?.id).toBe(a);
    expect(textOf(found[2])).toBe(Buffer.from(writes[0]?.meta ?? []).toString());
    expect(await client.store.get([])).toEqual([]);
    expect(await client.store.commit([])).toEqual([]);
  });

  it.each(["SUCCESS", "FAILURE", "REVOKED"])("never changes a final %s", async (state) => {
    const rig = use();
    const client = await rig.client();
    const id = rig.name("final");
    const first = resultOf(id, state, 10, { value: "first" });
    expect(await client.store.commit([first])).toEqual(["stored"]);
    expect(await client.store.commit([resultOf(id, "SUCCESS", 11, { value: "second" })])).toEqual(["already-final"]);
    expect(await client.store.commit([resultOf(id, "PROGRESS", 12)])).toEqual(["already-final"]);
    expect(textOf((await client.store.get([id]))[0])).toBe(Buffer.from(first.meta).toString());
  });

  it("knows its own final write again", async () => {
    const rig = use();
    const client = await rig.client();
    const write = resultOf(rig.name("mine"), "SUCCESS", 10, { value: 1 });
    expect(await client.store.commit([write])).toEqual(["stored"]);
    expect(await client.store.commit([write])).toEqual(["mine-already"]);
    expect(await client.store.commit([{ ...write }])).toEqual(["mine-already"]);
  });

  it("lets one of two racing final writes win", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const id = rig.name("race");
    const answers = await Promise.all([
      client.store.commit([resultOf(id, "SUCCESS", 10, { value: "a" })]),
      other.store.commit([resultOf(id, "FAILURE", 10, { value: "b" })]),
    ]);
    expect(answers.flat().toSorted()).toEqual(["already-final", "stored"]);
  });

  it("refuses a fence below the highest it has seen, final or not", async () => {
    const rig = use();
    const client = await rig.client();
    const id = rig.name("fence");
    expect(await client.store.commit([resultOf(id, "STARTED", 20)])).toEqual(["stored"]);
    expect(await client.store.commit([resultOf(id, "PROGRESS", 19)])).toEqual(["fenced"]);
    expect(await client.store.commit([resultOf(id, "SUCCESS", 19)])).toEqual(["fenced"]);
    expect((await client.store.get([id]))[0]).toMatchObject({ state: "STARTED" });
    expect(await client.store.commit([resultOf(id, "PROGRESS", 20)])).toEqual(["stored"]);
    expect(await client.store.commit([resultOf(id, "SUCCESS", 21)])).toEqual(["stored"]);
    const [late] = await client.store.commit([resultOf(id, "FAILURE", 20)]);
    expect(["fenced", "already-final"]).toContain(late);
    expect((await client.store.get([id]))[0]).toMatchObject({ state: "SUCCESS" });
  });

  it("keeps a custom state, also one that quotes a final one", async () => {
    const rig = use();
    const client = await rig.client();
    const id = rig.name("custom");
    expect(await client.store.commit([resultOf(id, "UPLOADING", 1, { value: { status: "SUCCESS" } })])).toEqual([
      "stored",
    ]);
    expect(await client.store.commit([resultOf(id, "UPLOADING", 1, { value: '{"status":"SUCCESS"}' })])).toEqual([
      "stored",
    ]);
    expect((await client.store.get([id]))[0]).toMatchObject({ state: "UPLOADING" });
    expect(await client.store.commit([resultOf(id, "SUCCESS", 1)])).toEqual(["stored"]);
  });

  it("answers each write of a batch for itself, two of one id in their order", async () => {
    const rig = use();
    const client = await rig.client();
    const [a, b] = [rig.name("a"), rig.name("b")];
    const answers = await client.store.commit([
      resultOf(a, "STARTED", 3),
      resultOf(b, "SUCCESS", 3),
      resultOf(a, "SUCCESS", 3),
      resultOf(a, "FAILURE", 4),
    ]);
    expect(answers).toEqual(["stored", "stored", "stored", "already-final"]);
    expect((await client.store.get([a]))[0]).toMatchObject({ state: "SUCCESS" });
  });

  it("lets a result go when its time is over", async () => {
    const rig = use();
    const client = await rig.client();
    const [short, long] = [rig.name("short"), rig.name("long")];
    await client.store.commit([resultOf(short, "SUCCESS", 1, { ttl: 3_000 }), resultOf(long, "SUCCESS", 1)]);
    expect((await client.store.get([short, long])).map((outcome) => outcome?.state)).toEqual(["SUCCESS", "SUCCESS"]);
    await rig.server.pass(3_300);
    expect((await client.store.get([short, long])).map((outcome) => outcome?.state)).toEqual([undefined, "SUCCESS"]);
    expect(await client.store.commit([resultOf(short, "FAILURE", 2)])).toEqual(["stored"]);
  });

  it("forgets on demand", async () => {
    const rig = use();
    const client = await rig.client();
    const id = rig.name("forget");
    await client.store.commit([resultOf(id, "SUCCESS", 1)]);
    await client.store.forget([id, rig.name("nobody")]);
    await client.store.forget([]);
    expect(await client.store.get([id])).toEqual([undefined]);
  });

  it("takes ids that are traps for maps and keys", async () => {
    const rig = use();
    const client = await rig.client();
    for (const id of ["__proto__", "constructor", "a b\n", "ü*?[x]"]) {
      expect(await client.store.get([id])).toEqual([undefined]);
      await client.store.commit([resultOf(id, "SUCCESS", 1)]);
      expect((await client.store.get([id]))[0]).toMatchObject({ id, state: "SUCCESS" });
      await client.store.forget([id]);
    }
  });
}

function watchCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);

  it("yields what is there first, then what comes, and ends after the final state", async ({ skip }) => {
    const rig = use();
    const [client, reader] = [await rig.client(), await rig.client()];
    skip(!reader.store.features.watch, "the store cannot be watched");
    const id = rig.name("watch");
    await client.store.commit([resultOf(id, "STARTED", 1)]);
    const states: string[] = [];
    const watching = (async () => {
      for await (const outcome of reader.store.watch(id, never)) states.push(outcome.state);
    })();
    await rig.until("the present state", () => states.length === 1);
    await client.store.commit([resultOf(id, "PROGRESS", 1, { value: 50 })]);
    await rig.until("the progress", () => states.length === 2);
    await client.store.commit([resultOf(id, "SUCCESS", 1)]);
    await rig.until("the end", () => states.length === 3);
    await watching;
    expect(states).toEqual(["STARTED", "PROGRESS", "SUCCESS"]);
  });

  it("ends at once on a result that is final already", async ({ skip }) => {
    const rig = use();
    const client = await rig.client();
    skip(!client.store.features.watch, "the store cannot be watched");
    const id = rig.name("watch-final");
    await client.store.commit([resultOf(id, "FAILURE", 1)]);
    const states: string[] = [];
    for await (const outcome of client.store.watch(id, never)) states.push(outcome.state);
    expect(states).toEqual(["FAILURE"]);
  });

  it("misses nothing that is stored while it begins, for many watchers", async ({ skip }) => {
    const rig = use();
    const [client, reader] = [await rig.client(), await rig.client()];
    skip(!reader.store.features.watch, "the store cannot be watched");
    const ids = Array.from({ length: 40 }, () => rig.name("busy"));
    const ends: string[] = [];
    const watching = ids.map(async (id) => {
      for await (const outcome of reader.store.watch(id, never)) ends.push(`${outcome.id} ${outcome.state}`);
    });
    await client.store.commit(ids.map((id) => resultOf(id, "SUCCESS", 1)));
    await rig.until("all ends", () => ends.length >= ids.length);
    await Promise.all(watching);
    expect(ends.toSorted()).toEqual(ids.map((id) => `${id} SUCCESS`).toSorted());
  });

  it("ends when its signal aborts", async ({ skip }) => {
    const rig = use();
    const client = await rig.client();
    skip(!client.store.features.watch, "the store cannot be watched");
    const stop = new AbortController();
    let ended = false;
    const watching = (async () => {
      for await (const outcome of client.store.watch(rig.name("nobody"), stop.signal)) expect(outcome).toBeUndefined();
    })().catch(() => {});
    void watching.then(() => void (ended = true));
    await rig.server.pass(30);
    expect(ended).toBe(false);
    stop.abort(new Error("enough"));
    await rig.until("the watcher to end", () => ended);
  });

  it("ends when its client closes", async ({ skip }) => {
    const rig = use();
    const client = await rig.client();
    skip(!client.store.features.watch, "the store cannot be watched");
    let ended = false;
    void (async () => {
      for await (const outcome of client.store.watch(rig.name("nobody"), never)) expect(outcome).toBeUndefined();
    })()
      .catch(() => {})
      .then(() => void (ended = true));
    await rig.server.pass(30);
    await client.close();
    await rig.until("the watcher to end", () => ended);
  });
}

function checkpointCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  const read = async (points: ReadonlyMap<string, Uint8Array>): Promise<Record<string, string>> =>
    Object.fromEntries([...points].map(([name, value]) => [`point ${name}`, Buffer.from(value).toString()]));

  it("keeps values by name and fences them", async ({ skip }) => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const points = client.store.checkpoints;
    if (points === undefined || other.store.checkpoints === undefined) {
      skip("the store keeps no checkpoints");
      return;
    }
    const id = rig.name("points");
    expect((await points.read(id)).size).toBe(0);
    expect(await points.write(id, 5, "a", bytes("1"), 60_000)).toBe("stored");
    expect(await points.write(id, 7, "b", bytes("2"), 60_000)).toBe("stored");
    expect(await other.store.checkpoints.write(id, 6, "c", bytes("3"), 60_000)).toBe("fenced");
    expect(await points.write(id, 7, "a", bytes("4"), 60_000)).toBe("stored");
    expect(await read(await other.store.checkpoints.read(id))).toEqual({ "point a": "4", "point b": "2" });
    expect((await points.read(rig.name("nobody"))).size).toBe(0);
  });

  it("takes any name", async ({ skip }) => {
    const rig = use();
    const client = await rig.client();
    const points = client.store.checkpoints;
    if (points === undefined) {
      skip("the store keeps no checkpoints");
      return;
    }
    const id = rig.name("names");
    for (const name of ["#", "__proto__", "", "ü 😀"])
      expect(await points.write(id, 3, name, bytes(`v${name}`), 60_000)).toBe("stored");
    expect(await read(await points.read(id))).toEqual({
      "point #": "v#",
      "point __proto__": "v__proto__",
      "point ": "v",
      "point ü 😀": "vü 😀",
    });
    expect(await points.write(id, 2, "#", bytes("late"), 60_000)).toBe("fenced");
  });

  it("lets them go when their time is over", async ({ skip }) => {
    const rig = use();
    const client = await rig.client();
    const points = client.store.checkpoints;
    if (points === undefined) {
      skip("the store keeps no checkpoints");
      return;
    }
    const id = rig.name("points-ttl");
    await points.write(id, 3, "a", bytes("1"), 1_000);
    await rig.server.pass(1_300);
    expect((await points.read(id)).size).toBe(0);
  });
}
