/** Dead letters: everything that is needed to understand and to repeat, byte for byte; back only by an explicit act. */

import { expect, it } from "vitest";
import type { DeadLetter } from "../../port/queue-admin.ts";
import { bodyOf, idOf, letterOf, resultOf, useRig, type Rig, type Tray } from "./rig.ts";
import type { MakeServer, OpenClient } from "./suite-server.ts";

/** Sends, claims and buries these; the tray stays, and wants no more. */
async function buryAll(
  rig: Rig,
  client: OpenClient,
  queue: string,
  ids: readonly string[],
  task: string,
  reason: DeadLetter["reason"],
): Promise<Tray> {
  await rig.send(client, queue, ids, { task });
  const tray = await rig.consume(client, [queue], ids.length);
  const held = await tray.take(ids.length);
  tray.consumer.want(0, 0);
  const answers = await tray.consumer.settle(
    held.map((delivery) => ({ delivery, then: { kind: "bury", letter: letterOf(delivery, reason) } })),
  );
  expect(answers).toEqual(ids.map(() => ({ kind: "settled" })));
  return tray;
}

export function deadLetterCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);

  it("keeps the letter with its context, and the queue no longer has it", async () => {
    const rig = use();
    const client = await rig.client();
    const queue = rig.name("bury");
    const id = rig.name("id");
    const tray = await buryAll(rig, client, queue, [id], "suite.bury", "exhausted");
    const reader = await rig.client();
    const { items, next } = await reader.broker.dead.list({ queue }, undefined, 10);
    expect(next).toBeUndefined();
    expect(items).toMatchObject([
      { id, task: "suite.bury", queue, reason: "exhausted", detail: "by the suite", attempts: [] },
    ]);
    const [letter] = items;
    expect(letter?.key).not.toBe("");
    expect(Math.abs((letter?.at ?? 0) - rig.server.now())).toBeLessThan(60_000);
    expect(Buffer.from(letter?.raw ?? []).equals(tray.all[0]?.raw ?? Buffer.alloc(0))).toBe(true);
    expect(await reader.broker.queues.find(queue, id)).toBeUndefined();
    await (await rig.consume(reader, [queue], 1)).quiet();
    await tray.quiet();
  });

  it("lists by queue, task and reason, page by page", async () => {
    const rig = use();
    const client = await rig.client();
    const [one, two] = [rig.name("one"), rig.name("two")];
    const [odd, even] = [rig.name("odd"), rig.name("even")];
    await buryAll(rig, client, one, ["1", "2", "3", "4", "5"], odd, "exhausted");
    await buryAll(rig, client, two, ["6", "7"], even, "rejected");
    await buryAll(rig, client, two, ["8"], odd, "rejected");
    const idsOf = async (filter: Parameters<typeof client.broker.dead.list>[0]): Promise<string[]> => {
      const ids: string[] = [];
      let after: string | undefined;
      do {
        const page = await client.broker.dead.list(filter, after, 2);
        expect(page.items.length).toBeLessThanOrEqual(2);
        ids.push(...page.items.map((letter) => String(letter.id)));
        after = page.next;
      } while (after !== undefined);
      return ids.toSorted();
    };
    expect(await idsOf({ queue: one })).toEqual(["1", "2", "3", "4", "5"]);
    expect(await idsOf({ queue: two })).toEqual(["6", "7", "8"]);
    expect(await idsOf({ task: odd })).toEqual(["1", "2", "3", "4", "5", "8"]);
    expect(await idsOf({ task: odd, reason: "rejected" })).toEqual(["8"]);
    expect(await idsOf({ queue: two, task: even, reason: "rejected" })).toEqual(["6", "7"]);
    expect(await idsOf({ queue: two, reason: "crashed" })).toEqual([]);
    expect(await idsOf({})).toEqual(expect.arrayContaining(["1", "8"]));
  });

  it("gives a page, and no failure, for a cursor that is none of its own", async () => {
    const rig = use();
    const client = await rig.client();
    const [queue, task] = [rig.name("cursor"), rig.name("task")];
    await buryAll(rig, client, queue, ["1"], task, "exhausted");
    for (const after of ["nonsense", "<b> x", "", "1e999 ", "nan inf"]) {
      const { items } = await client.broker.dead.list({ queue }, after, 10);
      expect(items.length, after).toBeLessThanOrEqual(1);
    }
  });

  it("redrives: same bytes, counts cleared, final result gone, not taken for a duplicate", async () => {
    const rig = use();
    const client = await rig.client();
    const queue = rig.name("redrive");
    const id = rig.name("id");
    const joins = client.broker.joins(client.store);
    const body = '[[9007199254740993],{"z":1,"a":2},{}]';
    await rig.publishOne(client, rig.outgoing(queue, { id, body }, { dedupe: { id, nonce: "n1", window: 60_000 } }));
    const tray = await rig.consume(client, [queue], 1);
    await tray.settle({
      delivery: await tray.one(),
      then: { kind: "requeue", at: "front", crashes: 3, suspicions: 2 },
    });
    const crashed = await tray.one();
    const result = resultOf(id, "FAILURE", crashed.fence);
    if (!joins) await client.store.commit([result]);
    const letter = letterOf(crashed, "crashed");
    expect(
      await tray.settle({ delivery: crashed, then: { kind: "bury", letter }, ...(joins ? { result } : {}) }),
    ).toEqual({ kind: "settled" });
    expect((await client.store.get([id]))[0]).toMatchObject({ state: "FAILURE" });
    const { items } = await client.broker.dead.list({ queue }, undefined, 10);
    const keys = items.map((item) => item.key);
    expect(await client.broker.dead.redrive([...keys, "no-such-key"])).toBe(1);
    expect(await client.broker.dead.redrive(keys)).toBe(0);
    if (joins) expect(await client.store.get([id])).toEqual([undefined]);
    const again = await tray.one();
    expect([idOf(again), bodyOf(again), again.crashes, again.suspicions]).toEqual([id, body, 0, 0]);
    if (client.broker.features.fence === "server") expect(again.fence).toBeGreaterThan(crashed.fence);
    expect((await client.broker.dead.list({ queue }, undefined, 10)).items).toEqual([]);
    const success = resultOf(id, "SUCCESS", again.fence);
    if (joins) {
      expect(await tray.settle({ delivery: again, then: { kind: "ack" }, result: success })).toEqual({
        kind: "settled",
      });
      expect((await client.store.get([id]))[0]).toMatchObject({ state: "SUCCESS" });
    }
  });

  it("drops", async () => {
    const rig = use();
    const client = await rig.client();
    const queue = rig.name("drop");
    await buryAll(rig, client, queue, ["a", "b"], "suite.drop", "rejected");
    const { items } = await client.broker.dead.list({ queue }, undefined, 10);
    const [first] = items;
    expect(await client.broker.dead.drop([first?.key ?? "", "no-such-key"])).toBe(1);
    expect(await client.broker.dead.drop([first?.key ?? ""])).toBe(0);
    expect((await client.broker.dead.list({ queue }, undefined, 10)).items.map((letter) => letter.key)).toEqual([
      items[1]?.key,
    ]);
    expect(await client.broker.dead.drop([])).toBe(0);
    await (await rig.consume(client, [queue], 1)).quiet();
  });

  it.for([
    ["text", '{"body": "not base64", "headers": {"id": '],
    ["an empty message", ""],
    ["bytes that are no text", "\u0000\u00ff\u00fe\u0080{\u00c3("],
  ] as const)("buries what cannot be parsed (%s), and its bytes come back unchanged", async ([, text], { skip }) => {
    const rig = use();
    const client = await rig.client();
    skip(rig.server.putRaw === undefined, "the harness cannot put raw bytes");
    const queue = rig.name("malformed");
    const bytes = Uint8Array.from(Buffer.from(text, "latin1"));
    await rig.server.putRaw?.(queue, bytes);
    await rig.send(client, queue, ["good"]);
    const tray = await rig.consume(client, [queue], 2);
    const [bad, good] = await tray.take(2);
    if (bad === undefined || good === undefined) throw new Error("two were sent");
    expect(bad.message).toMatchObject({ malformed: true, reason: expect.any(String), code: expect.any(String) });
    expect(Buffer.from(bad.raw).equals(bytes)).toBe(true);
    const letter = letterOf(bad, "undecodable");
    expect(await tray.settle({ delivery: bad, then: { kind: "bury", letter } })).toEqual({ kind: "settled" });
    await tray.ack([good]);
    const { items } = await client.broker.dead.list({ queue }, undefined, 10);
    expect(items).toMatchObject([{ id: undefined, task: undefined, reason: "undecodable" }]);
    expect(Buffer.from(items[0]?.raw ?? []).equals(bytes)).toBe(true);
    expect(await client.broker.dead.redrive(items.map((item) => item.key))).toBe(1);
    const again = await tray.one();
    expect(Buffer.from(again.raw).equals(bytes)).toBe(true);
    await tray.ack([again]);
  });
}
