/** What is counted when: a claim counts nothing, a start whose process died counts as its worker said it should. */

import { expect, it } from "vitest";
import type { Delivery } from "../../port/broker.ts";
import { idOf, letterOf, recordOf, useRig, type Rig, type Tray } from "./rig.ts";
import type { MakeServer, OpenClient } from "./suite-server.ts";

/** Another client takes what `dead` held. */
async function afterDeath(
  rig: Rig,
  dead: OpenClient,
  queue: string,
  n: number,
): Promise<{ tray: Tray; client: OpenClient; came: Delivery[] }> {
  await rig.server.pass(rig.server.timing.lease / 4);
  await dead.kill();
  const client = await rig.mortal();
  const tray = await rig.consume(client, [queue], n);
  return { tray, client, came: await tray.take(n, rig.recovery) };
}

export function countingCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);

  it("counts nothing for a claim that was never started", async ({ skip }) => {
    const rig = use();
    const client = await rig.mortal();
    skip(client.broker.features.counting === "ledger", "a ledger counts");
    const queue = rig.name("unstarted");
    await rig.send(client, queue, ["a", "b"]);
    const tray = await rig.consume(client, [queue], 2);
    const [first] = await tray.take(2);
    if (first) tray.consumer.started([first], "sure");
    const { came } = await afterDeath(rig, client, queue, 2);
    const counts = Object.fromEntries(
      came.map((delivery) => [idOf(delivery), [delivery.crashes, delivery.suspicions]]),
    );
    expect(counts).toEqual({ a: [1, 0], b: [0, 0] });
  });

  it("adds a suspicion or a crash, as blamed, death by death", async ({ skip }) => {
    const rig = use();
    const first = await rig.mortal();
    skip(first.broker.features.counting === "ledger", "a ledger counts");
    const queue = rig.name("blame");
    await rig.send(first, queue, ["a"]);
    const tray = await rig.consume(first, [queue], 1);
    tray.consumer.started([await tray.one()], "suspect");
    const second = await afterDeath(rig, first, queue, 1);
    expect(second.came.map(counts)).toEqual([{ crashes: 0, suspicions: 1, redelivered: true }]);
    second.tray.consumer.started(second.came, "sure");
    const third = await afterDeath(rig, second.client, queue, 1);
    expect(third.came.map(counts)).toEqual([{ crashes: 1, suspicions: 1, redelivered: true }]);
    third.tray.consumer.started(third.came, "sure");
    const fourth = await afterDeath(rig, third.client, queue, 1);
    expect(fourth.came.map(counts)).toEqual([{ crashes: 2, suspicions: 1, redelivered: true }]);
  });

  it("comes again as redelivered when it is put back after its start, at once or for later", async () => {
    const rig = use();
    const client = await rig.client();
    const queue = rig.name("put-back");
    await rig.send(client, queue, ["a", "b"]);
    const tray = await rig.consume(client, [queue], 2);
    const [a, b] = await tray.take(2);
    if (a === undefined || b === undefined) throw new Error("two were there");
    tray.consumer.started([a, b], "suspect");
    const soon = client.broker.features.delay === undefined ? {} : { due: rig.server.now() + 50 };
    const then = { kind: "requeue", at: "back" } as const;
    const answers = await tray.consumer.settle([
      { delivery: a, then },
      { delivery: b, then: { ...then, ...soon } },
    ]);
    expect(answers.map(({ kind }) => kind)).toEqual(["settled", "settled"]);
    const again = await tray.take(2);
    expect(again.map(({ redelivered }) => redelivered)).toEqual([true, true]);
    await tray.ack(again);
  });

  it("forgets a start that was given back", async () => {
    const rig = use();
    const client = await rig.mortal();
    const queue = rig.name("given-back");
    await rig.send(client, queue, ["a"]);
    const tray = await rig.consume(client, [queue], 1);
    const delivery = await tray.one();
    tray.consumer.started([delivery], "sure");
    await tray.settle({ delivery, then: { kind: "requeue", at: "front" } });
    expect(idOf(await tray.one())).toBe("a");
    const { came } = await afterDeath(rig, client, queue, 1);
    expect([came[0]?.crashes, came[0]?.suspicions]).toEqual([0, 0]);
  });

  it("keeps the records of lost workers and of failed attempts for the dead letter", async () => {
    const rig = use();
    const first = await rig.mortal();
    const queue = rig.name("records");
    const id = rig.name("id");
    await rig.send(first, queue, [id], { task: "suite.records" });
    const tray = await rig.consume(first, [queue], 1);
    const started = await tray.one();
    tray.consumer.started([started], "sure");
    const { tray: next, client } = await afterDeath(rig, first, queue, 1);
    const [again] = next.all;
    if (again === undefined) throw new Error("it came back");
    const at = rig.server.now();
    const retry = rig.outgoing(queue, { id, task: "suite.records" });
    await next.settle({
      delivery: again,
      then: { kind: "replace", next: retry },
      record: recordOf("w2", "boom 1", at),
    });
    const last = await next.one();
    const letter = letterOf(last, "exhausted", { attempts: [recordOf("w3", "from the letter", at)] });
    await next.settle({ delivery: last, then: { kind: "bury", letter }, record: recordOf("w3", "boom 2", at) });
    const { items } = await client.broker.dead.list({ queue }, undefined, 10);
    expect(items.map((item) => item.id)).toEqual([id]);
    const counted = client.broker.features.counting === "broker";
    expect(items[0]?.attempts.map((record) => [record.worker, record.error])).toEqual([
      ...(counted ? [[tray.worker, "worker lost"]] : []),
      ["w2", "boom 1"],
      ["w3", "boom 2"],
      ["w3", "from the letter"],
    ]);
    if (counted)
      expect(items[0]?.attempts[0]).toMatchObject({
        attempt: 1,
        exit: undefined,
        stderrTail: "",
        ended: expect.any(Number),
      });
  });

  it("drops the records when the task is acknowledged", async () => {
    const rig = use();
    const client = await rig.client();
    const queue = rig.name("dropped");
    const id = rig.name("id");
    const at = rig.server.now();
    await rig.send(client, queue, [id]);
    const tray = await rig.consume(client, [queue], 1);
    const next = rig.outgoing(queue, { id });
    await tray.settle({
      delivery: await tray.one(),
      then: { kind: "replace", next },
      record: recordOf("w1", "old", at),
    });
    await tray.ack([await tray.one()]);
    await rig.send(client, queue, [id]);
    const delivery = await tray.one();
    await tray.settle({
      delivery,
      then: { kind: "bury", letter: letterOf(delivery, "rejected") },
      record: recordOf("w2", "new", at),
    });
    const { items } = await client.broker.dead.list({ queue }, undefined, 10);
    expect(items[0]?.attempts.map((record) => record.error)).toEqual(["new"]);
  });

  it("keeps the last 20 records", async () => {
    const rig = use();
    const client = await rig.client();
    const queue = rig.name("twenty");
    const id = rig.name("id");
    await rig.send(client, queue, [id]);
    const tray = await rig.consume(client, [queue], 1);
    for (let n = 1; n <= 25; n += 1) {
      const record = recordOf("w", `error ${n}`, rig.server.now());
      await tray.settle({
        delivery: await tray.one(),
        then: { kind: "replace", next: rig.outgoing(queue, { id }) },
        record,
      });
    }
    const delivery = await tray.one();
    await tray.settle({ delivery, then: { kind: "bury", letter: letterOf(delivery, "exhausted") } });
    const { items } = await client.broker.dead.list({ queue }, undefined, 10);
    expect(items[0]?.attempts.map((record) => record.error)).toEqual(
      Array.from({ length: 20 }, (_, n) => `error ${n + 6}`),
    );
  });
}

function counts(delivery: Delivery): { crashes: number; suspicions: number; redelivered: boolean } {
  return { crashes: delivery.crashes, suspicions: delivery.suspicions, redelivered: delivery.redelivered };
}
