/** Ticks, in one step and in two: each at most once, whoever believes to lead. */

import { describe, expect, it } from "vitest";
import type { Term } from "../../port/lease.ts";
import { idOf, type Rig, useRig } from "./rig.ts";
import type { MakeServer, OpenClient } from "./suite-server.ts";

const keptTicks = 1_000;
const week = 7 * 86_400_000;

async function lead(rig: Rig, client: OpenClient, name = rig.name("leader"), ttl = 60_000): Promise<Term> {
  const term = await client.lease.acquire(name, "a", ttl);
  if (term === undefined) throw new Error("somebody else held it");
  return term;
}

/** What it leads from now on, it leads for a moment. */
async function endSoon(client: OpenClient, term: Term): Promise<void> {
  expect(await client.lease.renew(term, 300)).toMatchObject({ term: term.term });
}

export function fireCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);

  it("fires a tick once, and the message is there", async () => {
    const rig = use();
    const client = await rig.client();
    const [queue, schedule] = [rig.name("queue"), rig.name("schedule")];
    const term = await lead(rig, client);
    const tick = rig.server.now();
    const fire = (name: string, at: number, id: string) =>
      client.lease.fire(term, name, at, [rig.outgoing(queue, { id })]);
    expect(await fire(schedule, tick, "one")).toBe("fired");
    expect(await fire(schedule, tick, "again")).toBe("fired-before");
    expect(await fire(schedule, tick, "one")).toBe("mine-already");
    expect(await fire(schedule, tick + 1_000, "two")).toBe("fired");
    expect(await fire(rig.name("schedule"), tick, "other")).toBe("fired");
    const tray = await rig.consume(client, [queue], 10);
    expect((await tray.take(3)).map(idOf)).toEqual(["one", "two", "other"]);
    await tray.quiet();
  });

  it("fires a group whole, over several queues, and a tick with nothing to send", async () => {
    const rig = use();
    const client = await rig.client();
    const [one, two, schedule] = [rig.name("queue"), rig.name("queue"), rig.name("schedule")];
    const term = await lead(rig, client);
    const tick = rig.server.now();
    const group = Array.from({ length: 500 }, (_, index) =>
      rig.outgoing(index % 2 === 0 ? one : two, { id: `${schedule}.${index}`, priority: index % 3 }),
    );
    expect(await client.lease.fire(term, schedule, tick, group)).toBe("fired");
    expect(await client.lease.fire(term, schedule, tick, group)).toBe("mine-already");
    expect(await client.lease.fire(term, schedule, tick + 1, [])).toBe("fired");
    expect(await client.lease.fire(term, schedule, tick + 1, [])).toBe("mine-already");
    expect(await client.lease.fire(term, schedule, tick + 1, group.slice(1))).toBe("fired-before");
    expect(await client.lease.fired(schedule, 5)).toEqual([
      { tick: tick + 1, id: undefined },
      { tick, id: `${schedule}.0` },
    ]);
    const tray = await rig.consume(client, [one, two], 600);
    const ids = (await tray.take(500)).map(idOf);
    expect(new Set(ids)).toEqual(new Set(group.map((_, index) => `${schedule}.${index}`)));
    await tray.quiet();
  });

  it("sends what was sent before under its nonce only once", async () => {
    const rig = use();
    const client = await rig.client();
    const [queue, schedule] = [rig.name("queue"), rig.name("schedule")];
    const term = await lead(rig, client);
    const [id, twin] = [crypto.randomUUID(), crypto.randomUUID()];
    const known = rig.outgoing(queue, { id }, { dedupe: { id, nonce: "n", window: 60_000 } });
    expect(await rig.publishOne(client, known)).toEqual({ kind: "accepted" });
    const fresh = rig.outgoing(queue, { id: twin }, { dedupe: { id: twin, nonce: "m", window: 60_000 } });
    expect(await client.lease.fire(term, schedule, rig.server.now(), [known, fresh, fresh])).toBe("fired");
    const tray = await rig.consume(client, [queue], 10);
    expect((await tray.take(2)).map(idOf)).toEqual([id, twin]);
    await tray.quiet();
  });

  it("fires a tick once when two try at the same moment", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const [queue, schedule] = [rig.name("queue"), rig.name("schedule")];
    const term = await lead(rig, client);
    const tick = rig.server.now();
    const answers = await Promise.all(
      [client, other, client].map((who) => who.lease.fire(term, schedule, tick, [rig.outgoing(queue)])),
    );
    expect([...answers].sort()).toEqual(["fired", "fired-before", "fired-before"]);
    const tray = await rig.consume(client, [queue], 10);
    await tray.one();
    await tray.quiet();
  });

  it("does not fire for a former holder, and sends nothing", async () => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    const [name, queue, schedule] = [rig.name("leader"), rig.name("queue"), rig.name("schedule")];
    const first = await lead(rig, client, name);
    const tick = rig.server.now();
    const fire = (who: OpenClient, term: Term, at: number, id: string) =>
      who.lease.fire(term, schedule, at, [rig.outgoing(queue, { id })]);
    expect(await fire(client, first, tick, "one")).toBe("fired");
    await endSoon(client, first);
    await rig.server.pass(500);
    const second = await other.lease.acquire(name, "b", 60_000);
    if (second === undefined) throw new Error("it had ended");
    expect(await fire(client, first, tick + 1_000, "stale")).toBe("not-leader");
    expect(await fire(client, first, tick, "one")).toBe("mine-already");
    expect(await fire(other, second, tick, "repeated")).toBe("fired-before");
    expect(await fire(other, second, tick + 1_000, "two")).toBe("fired");
    const tray = await rig.consume(client, [queue], 10);
    expect((await tray.take(2)).map(idOf)).toEqual(["one", "two"]);
    await tray.quiet();
  });

  it("neither renews nor fires after its end, though nobody has taken over", async () => {
    const rig = use();
    const client = await rig.client();
    const [queue, schedule] = [rig.name("queue"), rig.name("schedule")];
    const term = await lead(rig, client, rig.name("leader"), 300);
    await rig.server.pass(500);
    const tick = rig.server.now();
    expect(await client.lease.fire(term, schedule, tick, [rig.outgoing(queue)])).toBe("not-leader");
    expect(await client.lease.renew(term, 10_000)).toBeUndefined();
    expect(await client.lease.fired(schedule, 1)).toEqual([]);
    await (await rig.consume(client, [queue], 1)).quiet();
  });

  it("keeps a fired message delayed if it says so", async ({ skip }) => {
    const rig = use();
    const client = await rig.client();
    skip(client.broker.features.delay === undefined, "the broker cannot delay");
    const queue = rig.name("queue");
    const term = await lead(rig, client);
    const due = rig.server.now() + 400;
    const answer = await client.lease.fire(term, rig.name("schedule"), due, [rig.outgoing(queue, {}, { due })]);
    expect(answer).toBe("fired");
    const tray = await rig.consume(client, [queue], 1);
    expect((await tray.one()).claimedAt + 1).toBeGreaterThanOrEqual(due);
  });

  it("has not fired what a full queue refused, and sent nothing of its group; a group goes over the limit whole", async () => {
    const rig = use();
    const client = await rig.client({ maxDepth: 2 });
    const [queue, full, schedule] = [rig.name("queue"), rig.name("full"), rig.name("schedule")];
    const term = await lead(rig, client);
    const tick = rig.server.now();
    await rig.send(client, full, ["a", "b"]);
    const group = [rig.outgoing(queue, { id: "one" }), rig.outgoing(full, { id: "two" })];
    const refused = expect.objectContaining({ code: "QUEUE_FULL" }) as Error;
    await expect(client.lease.fire(term, schedule, tick, group)).rejects.toThrow(refused);
    await expect(client.lease.fire(term, schedule, tick, group)).rejects.toThrow(refused);
    expect(await client.lease.fired(schedule, 1)).toEqual([]);
    const tray = await rig.consume(client, [queue, full], 10);
    const taken = await tray.take(2);
    expect(taken.map(idOf)).toEqual(["a", "b"]);
    await tray.ack(taken);
    const many = ["c", "d", "e"].map((id) => rig.outgoing(full, { id }));
    expect(await client.lease.fire(term, schedule, tick, [...group, ...many])).toBe("fired");
    expect((await tray.take(5)).map(idOf).sort()).toEqual(["c", "d", "e", "one", "two"]);
  });

  it("tells a message that is too large, which has not fired", async () => {
    const rig = use();
    const client = await rig.client({ maxMessageBytes: 2_000 });
    const [queue, schedule] = [rig.name("queue"), rig.name("schedule")];
    const term = await lead(rig, client);
    const group = [rig.outgoing(queue), rig.outgoing(queue, { body: `["${"x".repeat(3_000)}"]` })];
    await expect(client.lease.fire(term, schedule, rig.server.now(), group)).rejects.toThrow(
      expect.objectContaining({ code: "MESSAGE_TOO_LARGE" }) as Error,
    );
    expect(await client.lease.fired(schedule, 1)).toEqual([]);
    await (await rig.consume(client, [queue], 1)).quiet();
  });

  it("knows the last thousand ticks, and that what is a week older has fired; not what is of another time", async () => {
    const rig = use();
    const client = await rig.client();
    const schedule = rig.name("schedule");
    const term = await lead(rig, client, rig.name("leader"), 60_000);
    const start = Math.floor(rig.server.now());
    const fire = (tick: number) => client.lease.fire(term, schedule, tick, []);
    const ticks = Array.from({ length: keptTicks + 2 }, (_, index) => start + index);
    expect(new Set(await Promise.all(ticks.map(fire)))).toEqual(new Set(["fired"]));
    const latest = await client.lease.fired(schedule, 5_000);
    expect(latest.map(({ tick }) => tick)).toEqual(ticks.slice(-keptTicks).toReversed());
    expect((await client.lease.fired(schedule, 2)).map(({ tick }) => tick)).toEqual([start + 1_001, start + 1_000]);
    for (const tick of [start + 2, start + 500]) expect(await fire(tick)).toBe("mine-already");
    for (const tick of [start, start + 1, start - 60_000, start + 2 - week])
      expect(await fire(tick)).toBe("fired-before");
    // The clock was a month ahead, and is set right: what is planned then fires, once.
    for (const answer of ["fired", "mine-already"]) expect(await fire(start - 30 * 86_400_000)).toBe(answer);
    expect((await client.lease.fired(schedule, 1))[0]?.tick).toBe(start - 30 * 86_400_000);
  });

  it("tells ticks in the order in which they fired, however close together and whatever their times", async () => {
    const rig = use();
    const client = await rig.client();
    const schedule = rig.name("schedule");
    const term = await lead(rig, client);
    const ticks = Array.from({ length: 30 }, (_, index) => 2_000 - index);
    await Promise.all(ticks.map((tick) => client.lease.fire(term, schedule, tick, [])));
    expect((await client.lease.fired(schedule, 30)).map(({ tick }) => tick)).toEqual(ticks.toReversed());
  });

  it("forgets a schedule that is no more", async () => {
    const rig = use();
    const client = await rig.client();
    const [schedule, other] = [rig.name("schedule"), rig.name("schedule")];
    const term = await lead(rig, client);
    const tick = rig.server.now();
    for (const name of [schedule, other]) expect(await client.lease.fire(term, name, tick, [])).toBe("fired");
    expect(await client.lease.begin(term, schedule, tick + 1, "")).toBe("begun");
    await client.lease.forget([schedule, rig.name("never")]);
    expect(await client.lease.fired(schedule, 1)).toEqual([]);
    expect(await client.lease.begin(term, schedule, tick + 1, "")).toBe("begun");
    expect(await client.lease.fire(term, other, tick, [])).toBe("mine-already");
  });
}

export function stepCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);

  describe("in two steps", () => {
    it("has not fired before it is done, and the next leader is told so", async () => {
      const rig = use();
      const [client, other] = [await rig.client(), await rig.client()];
      const [name, schedule] = [rig.name("leader"), rig.name("schedule")];
      const first = await lead(rig, client, name);
      const tick = Math.floor(rig.server.now());
      expect(await client.lease.begin(first, schedule, tick, "one")).toBe("begun");
      expect(await client.lease.begin(first, schedule, tick, "one")).toBe("begun-before");
      expect(await client.lease.fired(schedule, 1)).toEqual([]);
      await endSoon(client, first);
      await rig.server.pass(500);
      expect(await client.lease.begin(first, schedule, tick, "one")).toBe("not-leader");
      const second = await lead(rig, other, name);
      expect(await client.lease.begin(first, schedule, tick + 1_000, "two")).toBe("not-leader");
      expect(await other.lease.begin(second, schedule, tick, "one")).toBe("begun-before");
      await other.lease.done(schedule, tick, "one");
      await client.lease.done(schedule, tick, "one");
      expect(await other.lease.begin(second, schedule, tick, "one")).toBe("mine-already");
      expect(await client.lease.begin(first, schedule, tick, "one")).toBe("mine-already");
      expect(await other.lease.begin(second, schedule, tick, "else")).toBe("fired-before");
      expect(await other.lease.fired(schedule, 9)).toEqual([{ tick, id: "one" }]);
    });

    it("is begun by one of two", async () => {
      const rig = use();
      const [client, other] = [await rig.client(), await rig.client()];
      const schedule = rig.name("schedule");
      const term = await lead(rig, client);
      const begin = (who: OpenClient) => who.lease.begin(term, schedule, 1_000, "one");
      expect((await Promise.all([begin(client), begin(other)])).sort()).toEqual(["begun", "begun-before"]);
    });

    it("keeps only so many that nobody ends", async () => {
      const rig = use();
      const client = await rig.client();
      const schedule = rig.name("schedule");
      const term = await lead(rig, client, rig.name("leader"), 60_000);
      const begin = (tick: number) => client.lease.begin(term, schedule, tick, "");
      const ticks = Array.from({ length: keptTicks + 1 }, (_, index) => index + 1);
      expect(new Set(await Promise.all(ticks.map(begin)))).toEqual(new Set(["begun"]));
      expect(await begin(keptTicks)).toBe("begun-before");
      expect(await begin(1)).toBe("begun");
    });

    it("counts none among those that is done", async () => {
      const rig = use();
      const client = await rig.client();
      const schedule = rig.name("schedule");
      const term = await lead(rig, client, rig.name("leader"), 60_000);
      const begin = (tick: number) => client.lease.begin(term, schedule, tick, "");
      expect(await begin(1)).toBe("begun");
      const ticks = Array.from({ length: keptTicks }, (_, index) => index + 2);
      for (const half of [ticks.slice(0, keptTicks / 2), ticks.slice(keptTicks / 2)]) {
        expect(new Set(await Promise.all(half.map(begin)))).toEqual(new Set(["begun"]));
        await Promise.all(half.map((tick) => client.lease.done(schedule, tick, "")));
      }
      expect(await begin(keptTicks + 2)).toBe("begun");
      expect(await begin(1)).toBe("begun-before");
    });
  });
}
