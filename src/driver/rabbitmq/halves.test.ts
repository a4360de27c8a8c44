/** Steps of which the second may never happen: what is between them is there once, as it was, and in its place. */

import { expect, test } from "vitest";
import { asStranger } from "../../../test/server/rabbitmq-backend.ts";
import { useRabbit } from "../../../test/server/rabbitmq-stage.ts";
import { Catch, eventually, idOf, outgoing } from "../../../test/server/redis-backend.ts";
import { describeWith } from "../../../test/server/required-program.ts";
import type { AmqpDelivery, FieldTable } from "./amqp/client.ts";

const never = new AbortController().signal;
const accepted = { kind: "accepted" };
const settled = { kind: "settled" };

describeWith("rabbitmq-server", "rabbitmq between two steps", () => {
  const stage = useRabbit();
  const { backendOf, throughProxy } = stage;
  const name = (label: string): string => `${label}-${crypto.randomUUID().slice(0, 8)}`;
  /** Takes all of them for good. */
  const drain = (queue: string): Promise<AmqpDelivery[]> =>
    asStranger(stage.rabbit, async (channel) => {
      const all: AmqpDelivery[] = [];
      for (let one = await channel.get(queue, true); one !== undefined; one = await channel.get(queue, true))
        all.push(one);
      return all;
    });
  const declare = (queue: string, args: FieldTable = {}): Promise<unknown> =>
    asStranger(stage.rabbit, (channel) => channel.declareQueue(queue, { durable: true, arguments: args }));
  const letterOf = (queue: string, id: string, raw: Uint8Array) =>
    ({ key: "", id, task: "t", queue, reason: "rejected", at: 0, raw, attempts: [], detail: "" }) as const;

  test("a consumer that stops while it sends what it has no room for to its quorum queue leaves each there once", async () => {
    const { backend, proxy } = await throughProxy("&queueType=quorum");
    const queue = name("stopping");
    const held = await Catch.open(backend, queue, 1);
    const ids = Array.from({ length: 12 }, (_, n) => `m${n}`);
    held.consumer.want(12, 12);
    await eventually("it to be open", async () => {
      const counts = await stage.rabbit.ctl("list_consumers", "queue_name", "prefetch_count");
      return counts.split("\n").some((line) => line.startsWith(queue) && !line.endsWith("\t1"));
    });
    held.consumer.want(1, 1);
    await backend.broker.publish(
      ids.map((id) => outgoing(queue, id)),
      never,
    );
    await held.until(1);
    proxy.latency(40);
    held.consumer.pause();
    await new Promise((resolve) => setTimeout(resolve, 120));
    await held.consumer.stop();
    const left = await drain(queue);
    expect(left.map(({ properties }) => String(properties?.headers?.["id"])).toSorted()).toEqual(ids.toSorted());
  });

  test.each(["classic", "quorum"])(
    "what is delayed finds its %s queue that was deleted and made again",
    async (type) => {
      const [worker, producer] = [await backendOf(`&queueType=${type}`), await backendOf(`&queueType=${type}`)];
      const queue = name("again");
      const caught = await Catch.open(worker, queue, 5);
      await producer.broker.publish([outgoing(queue, "a", { due: Date.now() + 500 })], never);
      await caught.until(1);
      await asStranger(stage.rabbit, (channel) => channel.deleteQueue(queue));
      await eventually("it to be there again", async () =>
        (await stage.rabbit.ctl("list_consumers", "queue_name")).includes(queue),
      );
      expect(await producer.broker.publish([outgoing(queue, "b", { due: Date.now() + 500 })], never)).toEqual([
        accepted,
      ]);
      expect((await caught.until(2)).map(idOf)).toEqual(["a", "b"]);
    },
  );

  test("what finds no room goes back to its quorum queue while the server takes no publishes, too", async () => {
    const [busy, idle] = [await backendOf("&queueType=quorum"), await backendOf("&queueType=quorum")];
    const queues = [name("one"), name("two")];
    const [one = ""] = queues;
    await busy.broker.publish(
      queues.map((queue, n) => outgoing(queue, `m${n}`)),
      never,
    );
    await stage.rabbit.ctl("set_vm_memory_high_watermark", "0");
    try {
      // The server tells only who tries.
      const unclear = busy.broker.publish([outgoing(name("other"), "b")], AbortSignal.timeout(5000));
      await expect(unclear).rejects.toMatchObject({ code: "PUBLISH_UNKNOWN" });
      const caught = await Catch.open(busy, one, 1, { queues });
      const [held] = await caught.until(1);
      const neighbour = await Catch.open(idle, one, 5, { queues });
      const [given] = await neighbour.until(1);
      expect(new Set([held, given].map((each) => each && idOf(each)))).toEqual(new Set(["m0", "m1"]));
    } finally {
      await stage.rabbit.ctl("set_vm_memory_high_watermark", "0.4");
    }
  });

  test("a line that breaks while queues and levels are declared is nobody's unheard failure", async () => {
    const { backend, proxy } = await throughProxy();
    await backend.broker.publish([outgoing(name("first"), "a")], never);
    proxy.latency(15);
    for (const wait of [10, 50, 100]) {
      const due = Date.now() + 500;
      const sent = [1, 2, 3].map(() => backend.broker.publish([outgoing(name("later"), "b", { due })], never));
      await new Promise((resolve) => setTimeout(resolve, wait));
      proxy.cut();
      expect((await Promise.all(sent)).flat()).toEqual([accepted, accepted, accepted]);
    }
  });

  test("a letter counts as dropped or sent again when the server knows it, and is not sent twice", async () => {
    const { backend, proxy } = await throughProxy();
    const queue = name("letters");
    await backend.broker.publish([outgoing(queue, "a"), outgoing(queue, "b")], never);
    const caught = await Catch.open(backend, queue, 5);
    const both = await caught.until(2);
    const bury = both.map((delivery) => ({
      delivery,
      then: { kind: "bury", letter: letterOf(queue, idOf(delivery), delivery.raw) } as const,
    }));
    expect(await caught.consumer.settle(bury)).toEqual([settled, settled]);
    await caught.consumer.stop();
    const { items } = await backend.broker.dead.list({ queue }, undefined, 10);
    const keyOf = (id: string): string => items.find((letter) => letter.id === id)?.key ?? "";
    // The end of the letter's own text: what is written after it was read does not arrive any more.
    const cutAfterReading = async (run: () => Promise<number>): Promise<number> => {
      const lost = proxy.loseRequestsAfter("celeriac.letter");
      const counted = run();
      await lost;
      return await counted;
    };
    expect(await cutAfterReading(() => backend.broker.dead.drop([keyOf("a")]))).toBe(1);
    expect((await backend.broker.dead.list({ queue }, undefined, 10)).items.map(({ id }) => id)).toEqual(["b"]);
    expect(await cutAfterReading(() => backend.broker.dead.redrive([keyOf("b")]))).toBe(1);
    expect((await backend.broker.dead.list({ queue }, undefined, 10)).items).toEqual([]);
    expect(await drain(queue)).toHaveLength(1);
  });

  test("what is put back for later does not come at the end of its sender's time to live", async () => {
    const backend = await backendOf();
    const queue = name("ttl");
    const caught = await Catch.open(backend, queue, 5);
    const { message } = outgoing(queue, "a");
    const properties = { contentType: "application/json", headers: message.headers, expiration: "2000" };
    await asStranger(stage.rabbit, (channel) =>
      channel.publish({ exchange: "", routingKey: queue, mandatory: true, properties, body: message.body }),
    );
    const [first] = await caught.until(1);
    if (first === undefined) throw new Error("one came");
    const due = Date.now() + 5000;
    await caught.consumer.settle([{ delivery: first, then: { kind: "requeue", at: "back", due } }]);
    await caught.until(2);
    expect(Date.now()).toBeGreaterThanOrEqual(due);
  });

  test("a queue whose other arguments hide that it is a quorum queue counts no failed deliveries for us", async () => {
    const backend = await backendOf();
    const queue = name("hidden");
    await declare(queue, { "x-queue-type": "quorum", "x-max-length": 1000, "x-delivery-limit": 3 });
    await backend.broker.publish([outgoing(queue, "a")], never);
    const caught = await Catch.open(backend, queue, 1);
    for (let n = 1; n <= 8; n += 1) {
      const delivery = (await caught.until(n))[n - 1];
      if (delivery === undefined) throw new Error("it came");
      await caught.consumer.settle([{ delivery, then: { kind: "requeue", at: "front" } }]);
    }
    await caught.until(9);
  });

  test.each(["classic", "quorum"])(
    "what cannot be read, or just fits into a frame, goes back to its %s queue whole",
    async (type) => {
      const backend = await backendOf(`&queueType=${type}`);
      const queue = name("whole");
      let deep: unknown = 1;
      for (let depth = 0; depth < 80; depth += 1) deep = [deep];
      await declare(queue, type === "quorum" ? { "x-queue-type": "quorum" } : {});
      const base = { task: "t", id: "full" };
      await asStranger(stage.rabbit, async (channel) => {
        const publish = (headers: FieldTable, encoded?: Uint8Array) =>
          channel.publish({
            exchange: "",
            routingKey: queue,
            mandatory: true,
            properties: { contentType: "application/json", headers },
            ...(encoded === undefined ? {} : { encoded }),
            body: new TextEncoder().encode("[[],{},{}]"),
          });
        // As many bytes as a frame of 128 KiB takes.
        await publish({ ...base, fill: "x".repeat(128 * 1024 - 8 - 14 - 2 - 17 - 4 - 32) });
        await publish({ ...base }, nested());
      });
      const before = await asStranger(stage.rabbit, (channel) => channel.get(queue, false));
      expect(before?.properties?.headers?.["id"]).toBe("full");
      const caught = await Catch.open(backend, queue, 5);
      const put = (await caught.until(2)).map((delivery) => ({
        delivery,
        then: { kind: "requeue", at: "front" } as const,
      }));
      caught.consumer.pause();
      expect(await caught.consumer.settle(put)).toEqual([settled, settled]);
      await caught.consumer.stop();
      const left = await drain(queue);
      expect(left.map(({ rawProperties }) => rawProperties.byteLength > 100)).toEqual([true, true]);
    },
  );
});

/** Properties with a header of lists, 80 deep, as RabbitMQ takes them and this driver does not. */
function nested(): Uint8Array {
  let value = Buffer.from("V");
  for (let depth = 0; depth < 80; depth += 1) {
    const size = Buffer.alloc(4);
    size.writeUInt32BE(value.length);
    value = Buffer.concat([Buffer.from("A"), size, value]);
  }
  const table = Buffer.concat([Buffer.from([1]), Buffer.from("d"), value]);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(table.length);
  return Buffer.concat([Buffer.from([0x20, 0]), size, table]);
}
