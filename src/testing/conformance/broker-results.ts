/** Results that ride along with settlements, in the same step. */

import { expect, it } from "vitest";
import { idOf, resultOf, useRig } from "./rig.ts";
import type { MakeServer } from "./suite-server.ts";

const settled = { kind: "settled" };

export function settledResultCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);

  it("stores each result of a batch in which ends of many kinds, queues and times to live lie among each other", async ({
    skip,
  }) => {
    const rig = use();
    const client = await rig.client();
    skip(!client.broker.joins(client.store), "results do not ride along");
    const queues = [rig.name("one"), rig.name("other")];
    const ids = Array.from({ length: 24 }, (_, index) => rig.name(`r${index}`));
    for (const [index, id] of ids.entries()) await rig.send(client, queues[Math.floor(index / 3) % 2] ?? "", [id]);
    const tray = await rig.consume(client, queues, 24);
    const held = new Map((await tray.take(24)).map((delivery) => [idOf(delivery), delivery]));
    const stays = (index: number): boolean => index % 8 === 5;
    const answers = await tray.consumer.settle(
      ids.map((id, index) => {
        const delivery = held.get(id);
        if (delivery === undefined) throw new Error("all were sent");
        if (stays(index)) return { delivery, then: { kind: "requeue", at: "back" } } as const;
        const ttl = index % 7 < 3 ? {} : { ttl: 60_000 };
        const result = resultOf(id, "SUCCESS", delivery.fence, { value: `${String(index)} ü \u0000`, ...ttl });
        return { delivery, then: { kind: "ack" }, ...(index % 8 !== 6 && { result }) } as const;
      }),
    );
    expect(answers).toEqual(ids.map(() => settled));
    const texts = (await client.store.get(ids)).map((stored) => stored && Buffer.from(stored.meta).toString());
    const without = (index: number): boolean => stays(index) || index % 8 === 6;
    expect(texts.map((text) => text !== undefined)).toEqual(ids.map((_, index) => !without(index)));
    for (const [index, text] of texts.entries()) {
      if (text === undefined) continue;
      expect(JSON.parse(text)).toMatchObject({ task_id: ids[index], result: `${String(index)} ü \u0000` });
    }
    expect((await tray.take(3)).map(idOf).toSorted()).toEqual(ids.filter((_, index) => stays(index)).toSorted());
    await tray.quiet();
  });

  it("stores the result in the same step, for get and for watch", async ({ skip }) => {
    const rig = use();
    const [client, reader] = [await rig.client(), await rig.client()];
    skip(!client.broker.joins(client.store), "results do not ride along");
    const queue = rig.name("result");
    const id = rig.name("id");
    await rig.send(client, queue, [id]);
    const stop = new AbortController();
    const states: string[] = [];
    const watching = (async () => {
      for await (const outcome of reader.store.watch(id, stop.signal)) states.push(outcome.state);
    })();
    const tray = await rig.consume(client, [queue], 1);
    const delivery = await tray.one();
    const result = resultOf(id, "SUCCESS", delivery.fence, { value: 42 });
    expect(await tray.settle({ delivery, then: { kind: "ack" }, result })).toEqual(settled);
    const [stored] = await reader.store.get([id]);
    expect(stored).toMatchObject({ id, state: "SUCCESS" });
    expect(Buffer.from(stored?.meta ?? []).toString()).toBe(Buffer.from(result.meta).toString());
    await rig.until("the watcher to end", () => states.includes("SUCCESS"));
    await watching;
  });

  it("finds a final result: acknowledges, sends what follows again, in effect once, and neither retries nor buries", async ({
    skip,
  }) => {
    const rig = use();
    const client = await rig.client();
    skip(!client.broker.joins(client.store), "results do not ride along");
    const [queue, next] = [rig.name("final"), rig.name("next")];
    const id = rig.name("id");
    await client.store.commit([resultOf(id, "SUCCESS", 1, { value: "first" })]);
    await rig.send(client, queue, [id, id]);
    const tray = await rig.consume(client, [queue], 2);
    const [a, b] = await tray.take(2);
    if (a === undefined || b === undefined) throw new Error("two were sent");
    const followId = rig.name("follow");
    const follow = [rig.outgoing(next, { id: followId }, { dedupe: { id: followId, nonce: "n", window: 60_000 } })];
    const late = resultOf(id, "FAILURE", a.fence, { value: "second" });
    const first = await tray.settle({ delivery: a, then: { kind: "ack" }, result: late, follow });
    expect(first).toMatchObject({ kind: "already-final", outcome: { id, state: "SUCCESS" } });
    const retry = { kind: "replace", next: rig.outgoing(queue, { id }) } as const;
    const second = await tray.settle({ delivery: b, then: retry, result: resultOf(id, "RETRY", b.fence), follow });
    expect(second).toMatchObject({ kind: "already-final", outcome: { state: "SUCCESS" } });
    const followers = await rig.consume(client, [next], 5);
    expect(idOf(await followers.one())).toBe(followId);
    await followers.quiet();
    await tray.quiet();
    expect((await client.store.get([id]))[0]).toMatchObject({ state: "SUCCESS" });
  });

  it("sends what follows without the result of a former run of its id", async ({ skip }) => {
    const rig = use();
    const client = await rig.client();
    skip(client.broker.features.dedupe !== "publish", "ids that come again are not known here");
    skip(!client.broker.joins(client.store), "results do not ride along");
    const [queue, next, id] = [rig.name("anew"), rig.name("next"), rig.name("id")];
    await client.store.commit([resultOf(id, "FAILURE", 1, { value: "former" })]);
    await rig.send(client, queue, ["a"]);
    const tray = await rig.consume(client, [queue], 1);
    const follow = [rig.outgoing(next, { id }, { dedupe: { id, nonce: "n", window: 60_000 } })];
    expect(await tray.settle({ delivery: await tray.one(), then: { kind: "ack" }, follow })).toEqual(settled);
    expect(await client.store.get([id])).toEqual([undefined]);
    const followers = await rig.consume(client, [next], 1);
    const delivery = await followers.one();
    const result = resultOf(id, "SUCCESS", delivery.fence, { value: "own" });
    expect(await followers.settle({ delivery, then: { kind: "ack" }, result })).toEqual(settled);
    expect((await client.store.get([id]))[0]).toMatchObject({ state: "SUCCESS" });
  });
}
