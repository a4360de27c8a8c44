/** Keys of calls: one message stands for all of a key, and its place is taken or not, but never half. */

import { expect, it } from "vitest";
import type { Delivery } from "../../port/broker.ts";
import { begin, Caller, inputOf, labelOf } from "./calls-rig.ts";
import { idOf, never, resultOf, useRig } from "./rig.ts";
import type { MakeServer } from "./suite-server.ts";

const accepted = { kind: "accepted" };

export function callCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);

  it("joins a call to the one that is queued, until that starts", async ({ skip }) => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    skip(!client.broker.features.calls, "the broker knows no keys of calls");
    const caller = new Caller(rig, { hold: "start", conflict: "join" });
    expect(await caller.send(client, "one", "1")).toEqual(accepted);
    expect(await caller.send(other, "two", "2")).toEqual({ kind: "held", id: "one", how: "join" });
    expect(await caller.send(client, "other", "o", { key: "suite.task:other" })).toEqual(accepted);
    const tray = await rig.consume(client, [caller.queue], 10);
    const [one, another] = (await tray.take(2)) as [Delivery, Delivery];
    expect([idOf(one), idOf(another)].map(labelOf)).toEqual(["one", "other"]);
    expect(await caller.send(other, "two", "2"), "claimed, not begun").toMatchObject({ kind: "held", id: "one" });
    expect([await begin(tray, one), await begin(tray, one)]).toEqual(["1", "1"]);
    expect(await caller.send(other, "two", "2")).toEqual(accepted);
    await tray.ack([one, another]);
    expect(await caller.send(other, "three", "3"), "the end of the first is not that of the second").toMatchObject({
      id: "two",
    });
  });

  it("joins a call to the one that is queued or runs, until that has ended", async ({ skip }) => {
    const rig = use();
    const client = await rig.client();
    skip(!client.broker.features.calls, "the broker knows no keys of calls");
    const caller = new Caller(rig, { hold: "end", conflict: "join" });
    await caller.send(client, "one", "1");
    const tray = await rig.consume(client, [caller.queue], 10);
    const one = await tray.one();
    await begin(tray, one);
    expect(await caller.send(client, "two", "2")).toEqual({ kind: "held", id: "one", how: "join" });
    // A retry is the same task.
    const { dedupe: _, call: __, ...next } = caller.outgoing("one", "again");
    expect((await tray.settle({ delivery: one, then: { kind: "replace", next } })).kind).toBe("settled");
    expect(await caller.send(client, "two", "2")).toMatchObject({ kind: "held", id: "one" });
    const retried = await tray.one();
    await begin(tray, retried);
    const result = resultOf(caller.id("one"), "SUCCESS", retried.fence);
    await tray.settle({ delivery: retried, then: { kind: "ack" }, result });
    expect(await caller.send(client, "two", "2")).toEqual(accepted);
    const two = await tray.one();
    const letter = {
      key: "",
      id: caller.id("two"),
      task: "suite.task",
      queue: caller.queue,
      reason: "rejected",
      at: two.claimedAt,
    } as const;
    await tray.settle({
      delivery: two,
      then: { kind: "bury", letter: { ...letter, raw: two.raw, attempts: [], detail: "by the suite" } },
    });
    expect(await caller.send(client, "three", "3"), "a dead letter holds no key").toEqual(accepted);
  });

  it("lets one of two racing producers win, and says who it was", async ({ skip }) => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    skip(!client.broker.features.calls, "the broker knows no keys of calls");
    const caller = new Caller(rig, { hold: "end", conflict: "join" });
    const answers = await Promise.all([caller.send(client, "a", "a"), caller.send(other, "b", "b")]);
    expect(answers.map(({ kind }) => kind).toSorted()).toEqual(["accepted", "held"]);
    const winner = answers[0]?.kind === "accepted" ? "a" : "b";
    expect(answers.find(({ kind }) => kind === "held")).toMatchObject({ id: winner });
    const tray = await rig.consume(client, [caller.queue], 10);
    expect(labelOf(idOf(await tray.one()))).toBe(winner);
    await tray.quiet();
  });

  it("takes the same call twice as one", async ({ skip }) => {
    const rig = use();
    const client = await rig.client();
    skip(!client.broker.features.calls, "the broker knows no keys of calls");
    const caller = new Caller(rig, { hold: "end", conflict: "join" });
    const outgoing = caller.outgoing("one", "1");
    expect(await rig.publishOne(client, outgoing)).toEqual(accepted);
    expect(await rig.publishOne(client, outgoing)).toEqual(accepted);
    const tray = await rig.consume(client, [caller.queue], 10);
    await tray.one();
    await tray.quiet();
  });

  it("puts a call in the place of one that is queued, claimed or not, and never after it began", async ({ skip }) => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    skip(!client.broker.features.calls, "the broker knows no keys of calls");
    const caller = new Caller(rig, { hold: "start", conflict: "replace" });
    await caller.send(client, "one", "1");
    await rig.send(client, caller.queue, [caller.id("behind")]);
    expect(await caller.send(other, "two", "2")).toEqual({ kind: "held", id: "one", how: "replace" });
    expect(await caller.swap(other, "one", "2")).toEqual(accepted);
    const tray = await rig.consume(client, [caller.queue], 10);
    const [one, behind] = (await tray.take(2)) as [Delivery, Delivery];
    expect([idOf(one), idOf(behind)].map(labelOf), "it keeps its place").toEqual(["one", "behind"]);
    expect(await caller.swap(other, "one", "3")).toEqual(accepted);
    expect(await begin(tray, one)).toBe("3");
    expect(await begin(tray, one), "asked again").toBe("3");
    expect(await caller.swap(other, "one", "4")).toEqual({ kind: "gone" });
    expect(await caller.send(other, "two", "4")).toEqual(accepted);
    await tray.settle({ delivery: one, then: { kind: "requeue", at: "front" } });
    const [back] = (await tray.take(2)).filter((delivery) => idOf(delivery) === caller.id("one"));
    expect(back && inputOf(back), "given back it is what it became").toBe("3");
  });

  it("waits until calls of a key have been quiet, and no longer than its limit", async ({ skip }) => {
    const rig = use();
    const client = await rig.client();
    skip(!client.broker.features.calls, "the broker knows no keys of calls");
    const hour = 3_600_000;
    const dueOf = async (caller: Caller): Promise<number> =>
      (await client.broker.queues.find(caller.queue, caller.id("one")))?.due ?? 0;
    for (const { most, limited } of [
      { most: 2 * hour, limited: false },
      { most: hour + 500, limited: true },
    ]) {
      const slow = new Caller(rig, { hold: "start", conflict: "replace", quiet: { wait: hour, most } });
      await slow.send(client, "one", "1");
      const first = await dueOf(slow);
      await rig.server.pass(2_000);
      expect(await slow.swap(client, "one", "2")).toEqual(accepted);
      // The second call moved it by the time that had passed, or to the limit of the first.
      const moved = (await dueOf(slow)) - first;
      if (limited) expect(moved).toBeLessThanOrEqual(1_000);
      else expect(moved).toBeGreaterThanOrEqual(1_900);
    }
    const caller = new Caller(rig, { hold: "start", conflict: "replace", quiet: { wait: 600, most: 1_200 } });
    await caller.send(client, "one", "1");
    expect(await caller.swap(client, "one", "2")).toEqual(accepted);
    const from = rig.server.now();
    expect(await caller.swap(client, "one", "3")).toEqual(accepted);
    const tray = await rig.consume(client, [caller.queue], 10);
    const one = await tray.one();
    expect(rig.server.now() - from).toBeGreaterThanOrEqual(590);
    expect(await begin(tray, one)).toBe("3");
    expect(await caller.send(client, "two", "5")).toEqual(accepted);
  });

  it("keeps the latest call while one runs, and lets it go when that has ended", async ({ skip }) => {
    const rig = use();
    const client = await rig.client();
    skip(!client.broker.features.calls, "the broker knows no keys of calls");
    const caller = new Caller(rig, { hold: "end", conflict: "after" });
    await caller.send(client, "one", "1");
    expect(await caller.send(client, "x", "2"), "none runs yet").toEqual({ kind: "held", id: "one", how: "replace" });
    expect(await caller.swap(client, "one", "2")).toEqual(accepted);
    const tray = await rig.consume(client, [caller.queue], 10);
    const one = await tray.one();
    expect(await begin(tray, one)).toBe("2");
    expect(await caller.send(client, "two", "3")).toEqual(accepted);
    expect(await caller.send(client, "x", "4")).toEqual({ kind: "held", id: "two", how: "replace" });
    expect(await caller.swap(client, "two", "4")).toEqual(accepted);
    await tray.quiet();
    await tray.ack([one]);
    const two = await tray.one();
    expect(await caller.swap(client, "two", "5"), "claimed, not begun").toEqual(accepted);
    expect(await begin(tray, two)).toBe("5");
    expect(await caller.send(client, "three", "6")).toEqual(accepted);
    await tray.ack([two]);
    const three = await tray.one();
    await begin(tray, three);
    await tray.ack([three]);
    expect(await caller.send(client, "four", "7")).toEqual(accepted);
  });

  it("keeps one call for the end of a period, which opens the next", async ({ skip }) => {
    const rig = use();
    const client = await rig.client();
    skip(!client.broker.features.calls, "the broker knows no keys of calls");
    const caller = new Caller(rig, { hold: 3_000, conflict: "after" });
    const tray = await rig.consume(client, [caller.queue], 10);
    const from = rig.server.now();
    await caller.send(client, "one", "1");
    const one = await tray.one();
    await begin(tray, one);
    await tray.ack([one]);
    expect(await caller.send(client, "two", "2")).toEqual(accepted);
    expect(await caller.send(client, "x", "3")).toEqual({ kind: "held", id: "two", how: "replace" });
    expect(await caller.swap(client, "two", "3")).toEqual(accepted);
    const two = await tray.one();
    expect(rig.server.now() - from).toBeGreaterThanOrEqual(2_995);
    expect(await begin(tray, two)).toBe("3");
    await tray.ack([two]);
    expect(await caller.send(client, "three", "4"), "the next period").toEqual(accepted);
    await tray.quiet();
  });

  it("lets one call through in a period", async ({ skip }) => {
    const rig = use();
    const client = await rig.client();
    skip(!client.broker.features.calls, "the broker knows no keys of calls");
    const caller = new Caller(rig, { hold: 3_000, conflict: "join" });
    await caller.send(client, "one", "1");
    const tray = await rig.consume(client, [caller.queue], 10);
    await tray.ack([await tray.one()]);
    expect(await caller.send(client, "two", "2")).toEqual({ kind: "held", id: "one", how: "join" });
    await rig.server.pass(3_100);
    expect(await caller.send(client, "two", "2")).toEqual(accepted);
  });

  it("refuses them in words where it knows no keys", async ({ skip }) => {
    const rig = use();
    const client = await rig.client();
    skip(client.broker.features.calls, "the broker knows keys of calls");
    const caller = new Caller(rig, { hold: "end", conflict: "join" });
    const plain = rig.outgoing(caller.queue);
    const answers = await client.broker.publish([plain, caller.outgoing("one", "1")], never);
    expect(answers).toEqual([accepted, expect.objectContaining({ kind: "refused", reason: "unsupported" })]);
  });
}
