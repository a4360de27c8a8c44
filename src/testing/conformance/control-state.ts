/** The conformance suite of `ControlState`: facts that all clients see change, and that outlive them. */

import { describe, expect, it } from "vitest";
import type { ControlFact } from "../../port/control-state.ts";
import { type Rig, useRig } from "./rig.ts";
import type { MakeServer } from "./suite-server.ts";

const day = 86_400_000;

/** All facts of one server are told together: a test looks at its own, by their keys. */
function own(kind: string, changed: readonly ControlFact[]): readonly (readonly [string, string | null])[] {
  const facts = changed.filter((fact) => fact.kind === kind);
  return facts.toSorted((a, b) => (a.key < b.key ? -1 : 1)).map(({ key, value }) => [key, value] as const);
}

function kindOf(rig: Rig): string {
  return rig.name("kind").replace(/\W/g, "-");
}

export function controlStateSuite(name: string, makeServer: MakeServer): void {
  describe(`${name} as control state`, () => {
    factCases(makeServer);
    factTimeCases(makeServer);
  });
}

function factCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);

  it("tells each change once, as it is, to every client, under a version that grows", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const kind = kindOf(rig);
    const { version: start } = await other.control.changes(0);
    const first = await client.control.set([
      { kind, key: "a", value: '{"n":1}' },
      { kind, key: "b", value: "2" },
    ]);
    expect(first).toBeGreaterThan(start);
    expect(Number.isSafeInteger(first)).toBe(true);
    const seen = await other.control.changes(start);
    expect(seen.version).toBe(first);
    expect(own(kind, seen.changed)).toEqual([
      ["a", '{"n":1}'],
      ["b", "2"],
    ]);
    const second = await other.control.set([{ kind, key: "a", value: '"ü\\u0000 :"' }]);
    const third = await client.control.set([{ kind, key: "a", value: "null" }]);
    expect(second).toBeGreaterThan(first);
    expect(third).toBeGreaterThan(second);
    expect(await client.control.changes(first)).toEqual({
      version: third,
      changed: [{ kind, key: "a", value: "null" }],
      complete: false,
    });
    expect(await client.control.changes(third)).toEqual({ version: third, changed: [], complete: false });
    expect(await client.control.set([])).toBe(third);
    const all = await client.control.changes(0);
    expect(all).toMatchObject({ version: third, complete: true });
    expect(own(kind, all.changed)).toEqual([
      ["a", "null"],
      ["b", "2"],
    ]);
  });

  it("keeps kinds and keys of any text apart", async () => {
    const rig = use();
    const client = await rig.client();
    const [kind, longer] = [kindOf(rig), `${kindOf(rig)}-x`];
    const before = (await client.control.changes(0)).version;
    const keys = ["a", "a:b", ":", "ä 🎉", "version", "x".repeat(400), ""];
    const facts = [kind, longer].flatMap((one) => keys.map((key) => ({ kind: one, key, value: `"${one} ${key}"` })));
    await client.control.set(facts);
    const { changed } = await client.control.changes(before);
    expect(changed).toHaveLength(facts.length);
    expect(changed).toEqual(expect.arrayContaining(facts));
  });

  it("tells who knew a fact that it is no more, and nobody else", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const kind = kindOf(rig);
    const first = await client.control.set([{ kind, key: "a", value: "1" }]);
    const second = await client.control.set([
      { kind, key: "a", value: null },
      { kind, key: "never", value: null },
    ]);
    const told = await other.control.changes(first);
    expect(told).toMatchObject({ version: second, complete: false });
    expect(own(kind, told.changed)).toContainEqual(["a", null]);
    expect((await other.control.changes(second)).changed).toEqual([]);
    expect(own(kind, (await other.control.changes(0)).changed)).toEqual([]);
    const third = await other.control.set([{ kind, key: "a", value: "3" }]);
    expect(await client.control.changes(second)).toEqual({
      version: third,
      changed: [{ kind, key: "a", value: "3" }],
      complete: false,
    });
  });

  it("takes the last word where a call has two for one fact", async () => {
    const rig = use();
    const client = await rig.client();
    const kind = kindOf(rig);
    const before = (await client.control.changes(0)).version;
    await client.control.set(["1", "2", null, "3"].map((value) => ({ kind, key: "a", value })));
    expect((await client.control.changes(before)).changed).toEqual([{ kind, key: "a", value: "3" }]);
  });

  it("replaces only what still is as it was read", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const kind = kindOf(rig);
    const { control } = client;
    const { version } = await control.changes(0);
    expect(await control.replace({ kind, key: "a", value: "1" }, "0")).toBe(false);
    expect(await control.changes(version)).toEqual({ version, changed: [], complete: version === 0 });
    expect(await control.replace({ kind, key: "a", value: "1" }, null)).toBe(true);
    expect(await control.replace({ kind, key: "a", value: "2" }, null)).toBe(false);
    const race = ["2", "3"].map((value, index) =>
      (index === 0 ? client : other).control.replace({ kind, key: "a", value }, "1"),
    );
    const answers = await Promise.all(race);
    expect(answers.filter(Boolean)).toHaveLength(1);
    const stands = answers[0] === true ? "2" : "3";
    expect(own(kind, (await other.control.changes(version)).changed)).toEqual([["a", stands]]);
    expect(await control.replace({ kind, key: "a", value: null }, stands)).toBe(true);
    expect(await control.replace({ kind, key: "a", value: "4" }, stands)).toBe(false);
    expect(await control.replace({ kind, key: "a", value: "4" }, null)).toBe(true);
    expect(own(kind, (await other.control.changes(version)).changed)).toEqual([["a", "4"]]);
  });

  it("shows a call whole or not at all, to readers at any moment", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const kind = kindOf(rig);
    const keys = Array.from({ length: 700 }, (_, index) => `k${index}`);
    const write = async (): Promise<void> => {
      for (let round = 1; round <= 4; round += 1)
        await client.control.set(keys.map((key) => ({ kind, key, value: String(round) })));
    };
    const known = new Map<string, string | null>();
    let since = 0;
    const writing = write();
    let ended = false;
    void writing.finally(() => (ended = true));
    for (let last = false; !last;) {
      last = ended;
      const { version, changed } = await other.control.changes(since);
      since = version;
      for (const [key, value] of own(kind, changed)) known.set(key, value);
      expect(new Set(known.values()).size).toBeLessThan(2);
    }
    await writing;
    expect([...known.values()]).toEqual(keys.map(() => "4"));
  });

  it("holds a thousand facts", async () => {
    const rig = use();
    const client = await rig.client();
    const kind = kindOf(rig);
    const before = (await client.control.changes(0)).version;
    const facts = Array.from({ length: 1_000 }, (_, index) => ({ kind, key: `k${index}`, value: `{"n":${index}}` }));
    const version = await client.control.set(facts);
    const told = await client.control.changes(before);
    expect(told.version).toBe(version);
    expect(new Map(own(kind, told.changed))).toEqual(new Map(facts.map(({ key, value }) => [key, value])));
  });

  it("outlives its server's process, with its version and what is to be told of deletions", async ({ skip }) => {
    const rig = use();
    skip(rig.server.restart === undefined, "nothing outlives this server");
    const client = await rig.client();
    const kind = kindOf(rig);
    const facts = ["a", "b"].map((key) => ({ kind, key, value: "1" }));
    const first = await client.control.set(facts);
    const second = await client.control.set([{ kind, key: "a", value: null }]);
    await client.close();
    await rig.server.restart?.();
    const again = await rig.client();
    expect(own(kind, (await again.control.changes(0)).changed)).toEqual([["b", "1"]]);
    const told = await again.control.changes(first);
    expect(told).toMatchObject({ version: second, complete: false });
    expect(own(kind, told.changed)).toEqual([["a", null]]);
    expect(await again.control.set(facts)).toBeGreaterThan(second);
  });
}

export function factTimeCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);

  it("forgets a fact at its end", async () => {
    const rig = use();
    const client = await rig.client();
    const kind = kindOf(rig);
    const before = (await client.control.changes(0)).version;
    const until = Math.ceil(rig.server.now()) + 3_000;
    await client.control.set([
      { kind, key: "short", value: "1", until },
      { kind, key: "long", value: "2", until: until + day },
    ]);
    expect((await client.control.changes(before)).changed).toContainEqual({ kind, key: "short", value: "1", until });
    await rig.server.pass(3_200);
    expect(own(kind, (await client.control.changes(0)).changed)).toEqual([["long", "2"]]);
    expect(own(kind, (await client.control.changes(before)).changed)).toEqual([["long", "2"]]);
    expect(await client.control.replace({ kind, key: "short", value: "3" }, "1")).toBe(false);
    expect(await client.control.replace({ kind, key: "short", value: "3" }, null)).toBe(true);
    const kept = (await client.control.changes(before)).changed.find(({ key }) => key === "short");
    expect(kept).toEqual({ kind, key: "short", value: "3" });
  });

  it("gives everything to a reader from before the oldest deletion it remembers", async ({ skip }) => {
    const rig = use();
    const client = await rig.client();
    const { server } = rig;
    skip(server.virtual !== true && server.jumpWallClock === undefined, "takes a day");
    const pass = (ms: number) => (server.virtual === true ? server.pass(ms) : server.jumpWallClock?.(ms));
    const kind = kindOf(rig);
    const first = await client.control.set([
      { kind, key: "a", value: "1" },
      { kind, key: "b", value: "2" },
    ]);
    const second = await client.control.set([{ kind, key: "a", value: null }]);
    await pass(day - 60_000);
    const third = await client.control.set([{ kind, key: "c", value: "3" }]);
    expect(own(kind, (await client.control.changes(first)).changed)).toEqual([
      ["a", null],
      ["c", "3"],
    ]);
    await pass(120_000);
    const fourth = await client.control.set([{ kind, key: "d", value: "4" }]);
    expect(fourth).toBeGreaterThan(third);
    const late = await client.control.changes(first);
    expect(late).toMatchObject({ version: fourth, complete: true });
    expect(own(kind, late.changed)).toEqual([
      ["b", "2"],
      ["c", "3"],
      ["d", "4"],
    ]);
    expect(await client.control.changes(second)).toMatchObject({ complete: false });
  });

  it("gives everything to a reader who knows more than the server does", async () => {
    const rig = use();
    const client = await rig.client();
    const kind = kindOf(rig);
    const version = await client.control.set([{ kind, key: "a", value: "1" }]);
    const told = await client.control.changes(version + 1);
    expect(told).toMatchObject({ version, complete: true });
    expect(own(kind, told.changed)).toEqual([["a", "1"]]);
  });
}
