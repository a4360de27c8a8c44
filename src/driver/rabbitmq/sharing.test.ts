/** What the server sends ahead is not kept from others: what finds no room goes back, and what is not wanted is not asked for. */

import { expect, test } from "vitest";
import { asStranger } from "../../../test/server/rabbitmq-backend.ts";
import { useRabbit } from "../../../test/server/rabbitmq-stage.ts";
import { Catch, eventually, idOf, outgoing } from "../../../test/server/redis-backend.ts";
import { describeWith } from "../../../test/server/required-program.ts";

const never = new AbortController().signal;

describeWith("rabbitmq-server", "rabbitmq among neighbours", () => {
  const stage = useRabbit();
  const { backendOf } = stage;
  const name = (label: string): string => `${label}.${crypto.randomUUID().slice(0, 8)}`;
  const consumersOf = (queue: string): Promise<number> =>
    asStranger(stage.rabbit, async (channel) => (await channel.declareQueue(queue, { passive: true })).consumers);

  test.each(["classic", "quorum"])(
    "what waits for room goes back to its %s queue, and to a neighbour",
    async (type) => {
      const [busy, idle] = [await backendOf(`&queueType=${type}`), await backendOf(`&queueType=${type}`)];
      const [one, two] = [name("one"), name("two")];
      await busy.broker.publish([outgoing(one, "1"), outgoing(two, "2")], never);
      const caught = await Catch.open(busy, one, 1, { queues: [one, two] });
      const [held] = await caught.until(1);
      const neighbour = await Catch.open(idle, one, 5, { queues: [one, two] });
      const [given] = await neighbour.until(1);
      expect(new Set([held, given].map((one) => one && idOf(one)))).toEqual(new Set(["1", "2"]));
      expect(caught.all).toHaveLength(1);
      expect(held?.lost.aborted).toBe(false);
    },
  );

  test("a worker that wants much less than before lets its neighbours have the rest", async () => {
    const [large, idle] = [await backendOf(), await backendOf()];
    const queue = name("shrunk");
    const caught = await Catch.open(large, queue, 200);
    await eventually("it to be open", async () => (await consumersOf(queue)) === 1);
    caught.consumer.want(1, 1);
    await eventually("it to be opened anew, for one", async () =>
      (await stage.rabbit.ctl("list_consumers", "queue_name", "prefetch_count")).split("\n").includes(`${queue}\t1`),
    );
    const neighbour = await Catch.open(idle, queue, 200);
    await idle.broker.publish(
      Array.from({ length: 50 }, (_, n) => outgoing(queue, `m${n}`)),
      never,
    );
    await eventually("all to be held by both", () => caught.all.length + neighbour.all.length === 50);
    expect(caught.all).toHaveLength(1);
  });

  test("a wish that grows by one each time makes no crowd of consumers", async () => {
    const backend = await backendOf();
    const queue = name("growing");
    const caught = await Catch.open(backend, queue, 1);
    for (let n = 2; n <= 400; n += 1) {
      caught.consumer.want(n, n);
      if (n % 4 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await backend.broker.publish(
      Array.from({ length: 450 }, (_, n) => outgoing(queue, `m${n}`)),
      never,
    );
    await caught.until(400);
    expect(await consumersOf(queue)).toBeLessThanOrEqual(40);
    expect(caught.all).toHaveLength(400);
  });

  test("a thousand acknowledgements at once leave nothing behind, in whatever order they come", async () => {
    const backend = await backendOf();
    const queue = name("acks");
    await backend.broker.publish(
      Array.from({ length: 1000 }, (_, n) => outgoing(queue, `m${n}`)),
      never,
    );
    const caught = await Catch.open(backend, queue, 1000);
    await caught.until(1000);
    const shuffled = caught.all.toSorted((a, b) => (idOf(a).slice(-1) < idOf(b).slice(-1) ? -1 : 1));
    const settled = await Promise.all(
      shuffled.map((delivery) => caught.consumer.settle([{ delivery, then: { kind: "ack" } }])),
    );
    expect(new Set(settled.flat().map(({ kind }) => kind))).toEqual(new Set(["settled"]));
    await caught.consumer.stop();
    const { messages } = await asStranger(stage.rabbit, (channel) => channel.declareQueue(queue, { passive: true }));
    expect(messages).toBe(0);
  });
});
