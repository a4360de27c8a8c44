/** The conformance suite of `Limits`: buckets and slots that all clients share, on one clock. */

import { describe, expect, it } from "vitest";
import type { Granted, LimitAsk, Limits, RateAsk } from "../../port/limits.ts";
import { lineCases } from "./limits-line.ts";
import { type Rig, useRig } from "./rig.ts";
import type { MakeServer } from "./suite-server.ts";

export function limitsSuite(name: string, makeServer: MakeServer): void {
  describe(`${name} as limits`, () => {
    rateCases(makeServer);
    slotCases(makeServer);
    lineCases(makeServer);
    limitClockCases(makeServer);
  });
}

/** Slow enough that no machine's pace lets a token in between, unless a case waits for it. */
const hour = 3_600_000;

function rate(key: string, rest: Partial<RateAsk> = {}): RateAsk {
  return { kind: "rate", key, limit: 1, per: hour, burst: 1, ...rest };
}

async function takeOne(limits: Limits, ask: LimitAsk): Promise<Granted> {
  const [answer] = await limits.take([ask]);
  if (answer === undefined) throw new Error("take answered nothing");
  return answer;
}

function waitOf(granted: Granted | undefined): number {
  if (granted?.ok !== false) throw new Error("it was granted");
  return granted.retryAfter;
}

function rateCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);

  it("shares a bucket between clients, and keeps keys apart", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const keys = ["a", "a:b", "ä 🎉 \u0000", "x".repeat(400)].map((label) => rig.name("bucket") + label);
    for (const key of keys) {
      const ask = rate(key, { burst: 3 });
      expect(await client.limits.take([ask, ask])).toEqual([{ ok: true }, { ok: true }]);
      expect(await takeOne(other.limits, ask)).toEqual({ ok: true });
      expect(await takeOne(client.limits, ask)).toMatchObject({ ok: false });
      expect(await takeOne(other.limits, ask)).toMatchObject({ ok: false });
    }
    expect(await client.limits.take([])).toEqual([]);
  });

  it("answers a batch in its order, each ask seeing what those before it took", async () => {
    const rig = use();
    const client = await rig.client();
    const [a, b] = [rig.name("bucket"), rig.name("bucket")];
    const slot = { kind: "slots", key: a, limit: 1, holder: "one", lease: hour } as const;
    const answers = await client.limits.take([rate(a), rate(b), slot, rate(a), { ...slot, holder: "two" }, rate(b)]);
    expect(answers.map(({ ok }) => ok)).toEqual([true, true, true, false, false, false]);
  });

  it("says when to ask again: one after the other, at most a minute ahead unless even the first is later", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const ask = rate(rig.name("bucket"), { limit: 6, per: 120_000 });
    const answers = [...(await client.limits.take([ask, ask, ask])), await takeOne(other.limits, ask)];
    expect(answers[0]).toEqual({ ok: true });
    for (const [index, answer] of answers.slice(1).entries()) {
      expect(waitOf(answer)).toBeLessThanOrEqual((index + 1) * 20_000);
      expect(waitOf(answer)).toBeGreaterThan((index + 1) * 20_000 - 10_000);
    }
    expect(waitOf(await takeOne(client.limits, ask))).toBeLessThanOrEqual(60_000);
    const slow = rate(rig.name("bucket"));
    await client.limits.take([slow]);
    for (const answer of await other.limits.take([slow, slow])) {
      expect(waitOf(answer)).toBeLessThanOrEqual(hour);
      expect(waitOf(answer)).toBeGreaterThan(hour - 60_000);
    }
  });

  it("grants who comes back when he was told, and nobody before", async () => {
    const rig = use();
    const client = await rig.client();
    const interval = 500;
    const ask = rate(rig.name("bucket"), { limit: 2, per: 2 * interval });
    for (let round = 0; round < 4; round += 1) {
      const from = rig.server.now();
      expect(await takeOne(client.limits, ask)).toEqual({ ok: true });
      const early = await takeOne(client.limits, ask);
      // A machine that stood still in between is early by less, or not at all.
      const passed = rig.server.now() - from;
      const wait = early.ok ? 0 : early.retryAfter;
      expect(wait).toBeGreaterThanOrEqual(interval - passed - 5);
      expect(wait).toBeLessThanOrEqual(interval + 1);
      await rig.server.pass(early.ok ? interval + 1 : wait + 1);
    }
  });

  it("is exceeded over no window of time by more than the burst, whoever asks how often", async () => {
    const rig = use();
    const clients = [await rig.client(), await rig.client()];
    const ask = rate(rig.name("bucket"), { limit: 20, per: 1_000, burst: 4 });
    const grants: { readonly before: number; readonly after: number }[] = [];
    const start = performance.now();
    const passed = (): number => (rig.server.virtual === true ? rig.server.now() : performance.now() - start);
    const begin = passed();
    while (passed() - begin < 1_500 || grants.length <= 20) {
      const before = passed();
      const answers = await Promise.all(clients.map(({ limits }) => limits.take([ask, ask])));
      // The grant lies between the two moments.
      for (const { ok } of answers.flat()) if (ok) grants.push({ before, after: passed() });
      await rig.server.pass(7);
    }
    // Each window from one grant to a later one, at its longest; server and we may count fractions of a ms apart.
    for (const [from, { before }] of grants.entries())
      for (const [offset, { after }] of grants.slice(from).entries())
        expect(offset + 1).toBeLessThanOrEqual(4 + ((after - before + 5) * 20) / 1_000);
  });

  it("keeps the burst for who has not asked for a while, and no more", async () => {
    const rig = use();
    const client = await rig.client();
    const ask = rate(rig.name("bucket"), { limit: 10, per: 1_000, burst: 2 });
    expect((await client.limits.take([ask, ask, ask])).map(({ ok }) => ok)).toEqual([true, true, false]);
    await rig.server.pass(700);
    expect((await client.limits.take([ask, ask, ask])).map(({ ok }) => ok)).toEqual([true, true, false]);
  });

  it("takes a changed rate at once: a slower one owes what was used, a faster one owes no hour", async () => {
    const rig = use();
    const client = await rig.client();
    const key = rig.name("bucket");
    await client.limits.take([rate(key), rate(key)]);
    const fast = rate(key, { limit: 20, per: 1_000 });
    const wait = waitOf(await takeOne(client.limits, fast));
    expect(wait).toBeLessThanOrEqual(50);
    await rig.server.pass(wait + 1);
    expect(await takeOne(client.limits, fast)).toEqual({ ok: true });
    expect(waitOf(await takeOne(client.limits, rate(key)))).toBeLessThanOrEqual(hour);
    const large = rate(rig.name("bucket"), { burst: 20 });
    await client.limits.take(Array.from({ length: 20 }, () => large));
    // One bucket of the new size, not twenty hours.
    expect(waitOf(await takeOne(client.limits, { ...large, burst: 1 }))).toBeLessThanOrEqual(hour);
  });

  it("shows a bucket without taking from it, to any client", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const key = rig.name("bucket");
    expect(await client.limits.look([key])).toEqual([undefined]);
    const ask = rate(key, { limit: 6, per: 600_000, burst: 2 });
    await client.limits.take([ask]);
    expect(await other.limits.look([key, rig.name("none")])).toEqual([
      { interval: 100_000, burst: 2, next: 0 },
      undefined,
    ]);
    await client.limits.take([ask]);
    const [bucket] = await other.limits.look([key]);
    expect(bucket).toMatchObject({ interval: 100_000, burst: 2 });
    expect(bucket?.next).toBeLessThanOrEqual(100_000);
    expect(bucket?.next).toBeGreaterThan(50_000);
  });
}

function slotCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);

  const slotsOf = (rig: Rig, lease: number, limit = 2): ((holder: string) => LimitAsk) => {
    const key = rig.name("slots");
    return (holder) => ({ kind: "slots", key, limit, holder, lease });
  };

  it("gives as many slots as there are, and those that are given back again", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const slot = slotsOf(rig, hour);
    expect(await client.limits.take([slot("a"), slot("b"), slot("c")])).toMatchObject([
      { ok: true },
      { ok: true },
      { ok: false },
    ]);
    expect(waitOf(await takeOne(other.limits, slot("c")))).toBeLessThanOrEqual(hour);
    // Who holds one asks for no second.
    expect(await takeOne(other.limits, slot("a"))).toEqual({ ok: true });
    const { key } = slot("a");
    const given = { key, limit: 2, lease: hour };
    await other.limits.give([
      { ...given, holder: "a" },
      { ...given, holder: "nobody" },
      { ...given, key: rig.name("none"), holder: "a" },
    ]);
    expect(await takeOne(client.limits, slot("c"))).toEqual({ ok: true });
    expect(await takeOne(client.limits, slot("d"))).toMatchObject({ ok: false });
  });

  it("takes a slot from a holder that died when its lease ends, and not from one that prolongs it", async () => {
    const rig = use();
    const [dying, living] = [await rig.client(), await rig.client()];
    const slot = slotsOf(rig, 4_000);
    await dying.limits.take([slot("dead")]);
    await dying.kill();
    expect(await living.limits.take([slot("living")])).toEqual([{ ok: true }]);
    const wait = waitOf(await takeOne(living.limits, slot("third")));
    expect(wait).toBeLessThanOrEqual(4_000);
    await rig.server.pass(2_500);
    expect(await takeOne(living.limits, slot("living"))).toEqual({ ok: true });
    await rig.server.pass(1_600);
    expect(await living.limits.take([slot("third"), slot("fourth")])).toMatchObject([{ ok: true }, { ok: false }]);
  });
}

export function limitClockCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);

  it("leaves nobody waiting for a clock that was set back", async ({ skip }) => {
    const rig = use();
    skip(rig.server.jumpWallClock === undefined, "nobody can set this clock");
    const client = await rig.client();
    const ask = rate(rig.name("bucket"), { limit: 1, per: 60_000, burst: 2 });
    const slot = { kind: "slots", key: rig.name("slots"), limit: 1, holder: "a", lease: 500 } as const;
    await client.limits.take([ask, ask, slot]);
    await rig.server.jumpWallClock?.(-hour);
    expect(waitOf(await takeOne(client.limits, ask))).toBeLessThanOrEqual(60_000);
    await rig.server.pass(600);
    expect(await takeOne(client.limits, { ...slot, holder: "b" })).toEqual({ ok: true });
    await rig.server.jumpWallClock?.(hour);
  });
}
