/** Arrivals that ride in a settlement: with all of it or nothing of it, answered again as the first time. */

import { expect, it, type TestContext } from "vitest";
import type { Delivery, Settled, Settlement } from "../../port/broker.ts";
import { arrivalOf, joined, joinOf, joinsOf, staleOne, valuesOf } from "./join-rig.ts";
import { idOf, letterOf, resultOf, useRig, type Rig, type Tray } from "./rig.ts";
import type { MakeServer, OpenClient } from "./suite-server.ts";

interface Bench {
  readonly rig: Rig;
  readonly client: OpenClient;
  readonly queue: string;
  readonly group: string;
  readonly tray: Tray;
}

export function settledJoinCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);

  /** A join of that size, and as many deliveries. */
  async function bench(skip: TestContext["skip"], size: number): Promise<Bench & { readonly held: Delivery[] }> {
    const rig = use();
    const client = await rig.client();
    skip(!client.broker.joins(client.store), "arrivals do not ride along");
    const [queue, group] = [rig.name("queue"), rig.name("group")];
    await joinsOf(client).open([joinOf(group, size)]);
    const ids = Array.from({ length: size }, (_, index) => `${group}.${index}`);
    await rig.send(client, queue, ids);
    const tray = await rig.consume(client, [queue], size);
    return { rig, client, queue, group, tray, held: await tray.take(size) };
  }

  const ended = (delivery: Delivery | undefined, group: string, index: number): Settlement => {
    if (delivery === undefined) throw new Error("too few were sent");
    const result = resultOf(idOf(delivery), "SUCCESS", delivery.fence, { value: index });
    return { delivery, then: { kind: "ack" }, result, arrive: [arrivalOf(group, index)] };
  };

  it("answers what became of each, beside settlements that have none", async ({ skip }) => {
    const { rig, client, queue, group, tray, held } = await bench(skip, 2);
    const other = rig.name("other");
    await rig.send(client, queue, ["plain", "both"]);
    tray.consumer.want(4, 4);
    const [plain, both] = await tray.take(2);
    if (plain === undefined || both === undefined) throw new Error("two more were sent");
    const answers: readonly Settled[] = await tray.consumer.settle([
      ended(held[1], group, 1),
      { delivery: plain, then: { kind: "ack" } },
      { delivery: both, then: { kind: "ack" }, arrive: [arrivalOf(other, 0), arrivalOf(group, 1)] },
      ended(held[0], group, 0),
    ]);
    expect(answers).toEqual([
      { kind: "settled", joined: [joined(group, 1, 2)] },
      { kind: "settled" },
      { kind: "settled", joined: [joined(other, 1, undefined), joined(group, 1, 2)] },
      { kind: "settled", joined: [joined(group, 2, 2, true)] },
    ]);
    expect((await client.store.get([`${group}.0`]))[0]).toMatchObject({ state: "SUCCESS" });
    expect(await valuesOf(client, group)).toEqual(["0", "1"]);
    await rig.server.pass(5);
    expect(await staleOne(client, group, 0)).toMatchObject({ why: "full" });
  });

  it("answers a repeated settlement as the first time, though more have arrived since", async ({ skip }) => {
    const { client, group, tray, held } = await bench(skip, 2);
    const first = ended(held[0], group, 0);
    const answer = { kind: "settled", joined: [joined(group, 1, 2)] };
    expect(await tray.settle(first)).toEqual(answer);
    await tray.settle(ended(held[1], group, 1));
    await joinsOf(client).close([group]);
    expect(await tray.settle(first)).toEqual(answer);
  });

  it("answers the same after the answer was lost", async ({ skip }) => {
    const { rig, client, group, tray, held } = await bench(skip, 2);
    skip(rig.server.cutReply === undefined, "the harness cannot cut answers");
    const batch = [ended(held[0], group, 0), ended(held[1], group, 1)];
    await rig.server.cutReply?.(client, "settle");
    const first = await tray.consumer.settle(batch).catch(() => undefined);
    const answers = [
      { kind: "settled", joined: [joined(group, 1, 2)] },
      { kind: "settled", joined: [joined(group, 2, 2, true)] },
    ];
    expect([answers, undefined]).toContainEqual(first);
    await rig.until("the repeat to be answered", async () => {
      const again = await tray.consumer.settle(batch).catch(() => undefined);
      if (again !== undefined) expect(again).toEqual(answers);
      return again !== undefined;
    });
    expect(await valuesOf(client, group)).toEqual(["0", "1"]);
  });

  it("keeps the join for the time of its last arrival", async ({ skip }) => {
    const { rig, client, tray, held } = await bench(skip, 2);
    const brief = rig.name("brief");
    const ttl = 3_000;
    await joinsOf(client).open([joinOf(brief, 2, { ttl })]);
    await rig.server.pass(ttl / 10);
    expect(await tray.settle(ended(held[0], brief, 0))).toMatchObject({ joined: [joined(brief, 1, 2)] });
    await rig.server.pass(ttl);
    expect(await tray.settle(ended(held[1], brief, 1))).toMatchObject({ joined: [joined(brief, 2, 2, true)] });
  });

  it("arrives nothing where the delivery is lost", async ({ skip }) => {
    const { rig, client, group, queue, tray, held } = await bench(skip, 1);
    await tray.settle({ delivery: held[0] as Delivery, then: { kind: "requeue", at: "front" } });
    const next = await rig.consume(await rig.client(), [queue], 1);
    tray.consumer.pause();
    await tray.consumer.stop();
    const again = await next.one();
    expect(await tray.settle(ended(held[0], group, 0))).toEqual({ kind: "lost" });
    expect(await valuesOf(client, group)).toEqual([]);
    expect(await next.settle(ended(again, group, 0))).toMatchObject({ joined: [joined(group, 1, 1, true)] });
  });

  it("arrives again, in effect once, where the id is final already", async ({ skip }) => {
    const { rig, client, group, queue, tray, held } = await bench(skip, 2);
    await rig.send(client, queue, [`${group}.0`, `${group}.1`]);
    tray.consumer.want(4, 4);
    const [copy, late] = await tray.take(2);
    await tray.settle(ended(held[0], group, 0));
    const outcome = { id: `${group}.0`, state: "SUCCESS" };
    expect(await tray.settle(ended(copy, group, 0))).toMatchObject({
      kind: "already-final",
      outcome,
      joined: [joined(group, 1, 2)],
    });
    // It was stored, and its worker died before it arrived.
    await client.store.commit([resultOf(`${group}.1`, "SUCCESS", held[1]?.fence ?? 0)]);
    const next = { kind: "replace", next: rig.outgoing(queue, { id: `${group}.1` }) } as const;
    expect(await tray.settle({ ...ended(late, group, 1), then: next })).toMatchObject({
      kind: "already-final",
      joined: [joined(group, 2, 2, true)],
    });
    await tray.quiet();
    expect(await valuesOf(client, group)).toEqual(["0", "1"]);
  });

  it("goes together with follow-ups, dead letters, retries and large values", async ({ skip }) => {
    const { rig, client, group, queue, tray, held } = await bench(skip, 4);
    const [a, b, c, d] = held;
    if (b === undefined || c === undefined || d === undefined) throw new Error("four were sent");
    const follow = [rig.outgoing(queue, { id: "follow" })];
    const value = new TextEncoder().encode(`"${"x".repeat(100_000)}"`);
    const answers = await tray.consumer.settle([
      { ...ended(a, group, 0), follow },
      { delivery: b, then: { kind: "bury", letter: letterOf(b, "rejected") }, arrive: [arrivalOf(group, 1)] },
      { delivery: c, then: { kind: "replace", next: rig.outgoing(queue, { id: "retry" }) } },
      { ...ended(d, group, 3), arrive: [arrivalOf(group, 3, { value, state: "FAILURE" })] },
    ]);
    expect(answers).toEqual([
      { kind: "settled", joined: [joined(group, 1, 4)] },
      { kind: "settled", joined: [joined(group, 2, 4)] },
      { kind: "settled" },
      { kind: "settled", joined: [joined(group, 3, 4)] },
    ]);
    expect((await tray.take(2)).map(idOf).toSorted()).toEqual(["follow", "retry"]);
    expect((await valuesOf(client, group)).map((one) => one?.length)).toEqual([1, 1, 100_002]);
    expect((await client.broker.dead.list({ queue }, undefined, 10)).items.map(({ id }) => id)).toEqual([`${group}.1`]);
  });

  it("takes hundreds in one call", async ({ skip }) => {
    const { client, group, tray, held } = await bench(skip, 600);
    const answers = await tray.consumer.settle(held.map((delivery, index) => ended(delivery, group, index)));
    const counts = answers.flatMap((answer) => ("joined" in answer ? (answer.joined ?? []) : []));
    expect(counts.map(({ arrived }) => arrived).toSorted((one, other) => one - other)).toEqual(
      held.map((_, index) => index + 1),
    );
    expect(counts.filter(({ full }) => full)).toHaveLength(1);
    expect(await valuesOf(client, group)).toHaveLength(600);
  });
}
