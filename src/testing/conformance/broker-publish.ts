/** Publishing: safe to repeat, refused in words, and nothing sent that was not accepted. */

import { expect, it } from "vitest";
import { bodyOf, idOf, messageOf, never, resultOf, useRig } from "./rig.ts";
import type { MakeServer } from "./suite-server.ts";

const accepted = { kind: "accepted" };
const duplicate = { kind: "duplicate" };

/** A UUIDv7, which is what tasks are called that nobody names. */
function timedId(): string {
  const time = Date.now().toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${crypto.randomUUID().slice(15)}`;
}

export function publishCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);

  it("hands over headers, properties and body as they were given", async () => {
    const rig = use();
    const [producer, worker] = [await rig.client(), await rig.client()];
    const queue = rig.name("bytes");
    const body = '[["ü\\u0000 \\ud83d\\ude00 9007199254740993", 9007199254740993],{"a":{"b":1,"a":2}},{}]';
    const outgoing = rig.outgoing(queue, { body, priority: 0 });
    expect(await rig.publishOne(producer, outgoing)).toEqual(accepted);
    const delivery = await (await rig.consume(worker, [queue], 1)).one();
    const message = messageOf(delivery);
    expect({ ...message.headers }).toMatchObject({ ...outgoing.message.headers });
    expect(Object.getPrototypeOf(message.headers)).toBeNull();
    expect(message.properties).toMatchObject(outgoing.message.properties);
    expect(message.contentType).toBe("application/json");
    expect(bodyOf(delivery)).toBe(body);
    expect(delivery).toMatchObject({ queue, redelivered: false, crashes: 0, suspicions: 0 });
  });

  it("carries a body that is not text", async () => {
    const rig = use();
    const client = await rig.client();
    const queue = rig.name("binary");
    const outgoing = rig.outgoing(queue);
    const body = Uint8Array.from({ length: 512 }, (_, index) => index % 256);
    const message = { ...outgoing.message, contentType: "application/octet-stream", contentEncoding: "binary", body };
    expect(await rig.publishOne(client, { queue, message })).toEqual(accepted);
    const delivery = await (await rig.consume(client, [queue], 1)).one();
    expect(Buffer.from(messageOf(delivery).body).equals(body)).toBe(true);
  });

  it("takes the same nonce twice as one publish", async ({ skip }) => {
    const rig = use();
    const client = await rig.client();
    skip(client.broker.features.dedupe !== "publish", "the broker does not dedupe");
    const queue = rig.name("nonce");
    const outgoing = rig.outgoing(
      queue,
      { id: "same" },
      { dedupe: { id: rig.name("id"), nonce: "n1", window: 60_000 } },
    );
    expect(await rig.publishOne(client, outgoing)).toEqual(accepted);
    expect(await rig.publishOne(client, outgoing)).toEqual(accepted);
    expect(await client.broker.publish([outgoing, outgoing], never)).toEqual([accepted, accepted]);
    const tray = await rig.consume(client, [queue], 10);
    await tray.one();
    await tray.quiet();
  });

  it("refuses a second nonce for an id inside its window, also in one batch", async ({ skip }) => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    skip(client.broker.features.dedupe !== "publish", "the broker does not dedupe");
    const queue = rig.name("nonces");
    const id = rig.name("id");
    const make = (nonce: string) => rig.outgoing(queue, { id }, { dedupe: { id, nonce, window: 60_000 } });
    expect(await client.broker.publish([make("n1"), make("n2")], never)).toEqual([accepted, duplicate]);
    expect(await rig.publishOne(other, make("n3"))).toEqual(duplicate);
    expect(await rig.publishOne(other, make("n1"))).toEqual(accepted);
    const tray = await rig.consume(client, [queue], 10);
    await tray.ack([await tray.one()]);
    expect(await rig.publishOne(client, make("n4")), "also when the first has been done").toEqual(duplicate);
    await tray.quiet();
  });

  it("takes the first of two with one id, whatever their queues and priorities", async ({ skip }) => {
    const rig = use();
    const client = await rig.client();
    skip(client.broker.features.dedupe !== "publish", "the broker does not dedupe");
    const [queue, other, id] = [rig.name("first"), rig.name("second"), rig.name("id")];
    const make = (where: string, nonce: string, priority: number, of = id) =>
      rig.outgoing(where, { id: of, priority }, { dedupe: { id: of, nonce, window: 60_000 } });
    const batch = [
      make(queue, "n0", 0, rig.name("another")),
      make(queue, "n1", 9),
      make(queue, "n2", 0),
      make(other, "n3", 0),
      make(queue, "n4", 0, rig.name("last")),
    ];
    const answers = await client.broker.publish(batch, never);
    expect(answers).toEqual([accepted, accepted, duplicate, duplicate, accepted]);
  });

  it("knows ids that tell their time as any others: many at once, alone, under another nonce, and after a task", async ({
    skip,
  }) => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    skip(client.broker.features.dedupe !== "publish", "the broker does not dedupe");
    const [queue, next] = [rig.name("made"), rig.name("made-next")];
    const ids = Array.from({ length: 8 }, () => timedId());
    const make = (id: string, nonce = id, where = queue) =>
      rig.outgoing(where, { id }, { dedupe: { id, nonce, window: 60_000 } });
    const all = ids.map((id) => make(id));
    const [first = "", second = ""] = ids;
    expect(await client.broker.publish(all, never)).toEqual(all.map(() => accepted));
    expect(await other.broker.publish(all, never)).toEqual(all.map(() => accepted));
    expect(await rig.publishOne(other, make(first))).toEqual(accepted);
    expect(await rig.publishOne(other, make(first, "other"))).toEqual(duplicate);
    const tray = await rig.consume(client, [queue], 10);
    const deliveries = await tray.take(8);
    expect(deliveries.map(idOf)).toEqual(ids);
    const [delivery] = deliveries;
    if (delivery === undefined) throw new Error("eight were taken");
    const follow = [make(second, first, next), make(timedId(), first, next)];
    await tray.consumer.settle([{ delivery, then: { kind: "ack" }, follow }]);
    await tray.ack(deliveries.slice(1));
    await tray.quiet();
    const after = await rig.consume(client, [next], 10);
    expect(idOf(await after.one())).toBe(follow[1]?.dedupe?.id);
    await after.quiet();
  });

  it("lets one of two racing producers win", async ({ skip }) => {
    const rig = use();
    const [client, other] = [await rig.client(), await rig.client()];
    skip(client.broker.features.dedupe !== "publish", "the broker does not dedupe");
    const queue = rig.name("race");
    const id = rig.name("id");
    const make = (nonce: string) => rig.outgoing(queue, { id }, { dedupe: { id, nonce, window: 60_000 } });
    const answers = await Promise.all([rig.publishOne(client, make("a")), rig.publishOne(other, make("b"))]);
    expect(answers.map((answer) => answer.kind).toSorted()).toEqual(["accepted", "duplicate"]);
    const tray = await rig.consume(client, [queue], 10);
    await tray.one();
    await tray.quiet();
  });

  it("accepts an id again after its window, and clears its former result", async ({ skip }) => {
    const rig = use();
    const client = await rig.client();
    skip(client.broker.features.dedupe !== "publish", "the broker does not dedupe");
    const queue = rig.name("window");
    const id = rig.name("id");
    const make = (nonce: string) => rig.outgoing(queue, { id }, { dedupe: { id, nonce, window: 1_000 } });
    expect(await rig.publishOne(client, make("n1"))).toEqual(accepted);
    const tray = await rig.consume(client, [queue], 1);
    const first = await tray.one();
    await client.store.commit([resultOf(id, "SUCCESS", first.fence)]);
    await tray.ack([first]);
    await rig.server.pass(1_300);
    expect(await rig.publishOne(client, make("n2"))).toEqual(accepted);
    if (client.broker.joins(client.store)) expect(await client.store.get([id])).toEqual([undefined]);
    expect(idOf(await tray.one())).toBe(id);
  });

  it("keeps order and count in a batch of a thousand", async () => {
    const rig = use();
    const client = await rig.client();
    const queue = rig.name("many");
    const ids = Array.from({ length: 1_000 }, (_, index) => `${queue}-${index}`);
    await rig.send(client, queue, ids);
    const tray = await rig.consume(client, [queue], 1_000);
    expect((await tray.take(1_000)).map(idOf)).toEqual(ids);
    await tray.ack(tray.all);
    const left = (await client.broker.queues.list()).find((state) => state.name === queue);
    expect([left?.ready.reduce((sum, line) => sum + line.count, 0) ?? 0, left?.leased ?? 0]).toEqual([0, 0]);
  });

  it("answers an empty batch with nothing", async () => {
    const client = await use().client();
    expect(await client.broker.publish([], never)).toEqual([]);
  });

  it("sends nothing after its signal has aborted", async () => {
    const rig = use();
    const client = await rig.client();
    const queue = rig.name("aborted");
    await expect(
      client.broker.publish([rig.outgoing(queue)], AbortSignal.abort(new Error("too late"))),
    ).rejects.toThrow();
    await (await rig.consume(client, [queue], 1)).quiet();
  });

  it("refuses over maxDepth with `full`, forgets the refused id, and takes it when there is room", async () => {
    const rig = use();
    const client = await rig.client({ maxDepth: 3 });
    const queue = rig.name("depth");
    await rig.send(client, queue, ["d1", "d2", "d3"]);
    const id = rig.name("id");
    const fourth = rig.outgoing(queue, { id }, { dedupe: { id, nonce: "n1", window: 60_000 } });
    expect(await rig.publishOne(client, fourth)).toMatchObject({
      kind: "refused",
      reason: "full",
      detail: expect.any(String),
    });
    const other = rig.outgoing(rig.name("elsewhere"));
    expect(await client.broker.publish([fourth, other], never)).toMatchObject([{ kind: "refused" }, accepted]);
    const tray = await rig.consume(client, [queue], 2);
    await tray.take(2);
    expect(await rig.publishOne(client, { ...fourth, dedupe: { id, nonce: "n2", window: 60_000 } })).toEqual(accepted);
    await tray.ack(tray.all);
    expect((await tray.take(2)).map(idOf)).toEqual(["d3", id]);
  });

  it("answers a repeat of an accepted publish with `accepted`, though the queue is full by now", async ({ skip }) => {
    const rig = use();
    const client = await rig.client({ maxDepth: 1 });
    skip(client.broker.features.dedupe !== "publish", "the broker does not dedupe");
    const queue = rig.name("full-repeat");
    const id = rig.name("id");
    const outgoing = rig.outgoing(queue, { id }, { dedupe: { id, nonce: "n1", window: 60_000 } });
    expect(await rig.publishOne(client, outgoing)).toEqual(accepted);
    expect(await rig.publishOne(client, outgoing), "its message is in; `full` would deny it").toEqual(accepted);
  });

  it("refuses a message over maxMessageBytes with `too-large`, and only that one", async () => {
    const rig = use();
    const client = await rig.client({ maxMessageBytes: 20_000 });
    const queue = rig.name("size");
    const id = rig.name("id");
    const large = rig.outgoing(
      queue,
      { id, body: `["${"x".repeat(40_000)}"]` },
      { dedupe: { id, nonce: "n", window: 60_000 } },
    );
    const batch = [rig.outgoing(queue, { id: "s1" }), large, rig.outgoing(queue, { id: "s2" })];
    expect(await client.broker.publish(batch, never)).toMatchObject([
      accepted,
      { kind: "refused", reason: "too-large", detail: expect.any(String) },
      accepted,
    ]);
    expect(
      await rig.publishOne(client, rig.outgoing(queue, { id }, { dedupe: { id, nonce: "m", window: 60_000 } })),
    ).toEqual(accepted);
    const tray = await rig.consume(client, [queue], 10);
    expect((await tray.take(3)).map(idOf)).toEqual(["s1", "s2", id]);
  });

  it("is safe to repeat when the answer was lost", async ({ skip }) => {
    const rig = use();
    const client = await rig.client();
    skip(rig.server.cutReply === undefined, "the harness cannot cut answers");
    const queue = rig.name("cut");
    const id = rig.name("id");
    const outgoing = rig.outgoing(queue, { id }, { dedupe: { id, nonce: "n1", window: 60_000 } });
    await rig.server.cutReply?.(client, "publish");
    const first = await rig.publishOne(client, outgoing).catch(() => "unknown");
    expect([accepted, "unknown"]).toContainEqual(first);
    await rig.until("the repeat to be answered", async () => {
      const answer = await rig.publishOne(client, outgoing).catch(() => undefined);
      if (answer !== undefined) expect(answer).toEqual(accepted);
      return answer !== undefined;
    });
    const tray = await rig.consume(client, [queue], 10);
    await tray.one();
    await tray.quiet();
  });

  it("rejects after close, which is safe twice", async () => {
    const rig = use();
    const client = await rig.client();
    await client.close();
    await client.close();
    await client.broker.close();
    await expect(client.broker.publish([rig.outgoing(rig.name("closed"))], never)).rejects.toThrow();
  });
}
