/** Order: first in, first out within a priority; the wire's priorities in the wire's direction; no queue starves another. */

import { expect, it } from "vitest";
import { idOf, useRig } from "./rig.ts";
import type { MakeServer } from "./suite-server.ts";

export function orderCases(makeServer: MakeServer): void {
  const use = useRig(makeServer);

  it("is first in, first out within a priority", async () => {
    const rig = use();
    const client = await rig.client();
    const queue = rig.name("fifo");
    const batch = Array.from({ length: 20 }, (_, index) => `batch-${index}`);
    const single = Array.from({ length: 10 }, (_, index) => `single-${index}`);
    await rig.send(client, queue, batch);
    for (const id of single) await rig.send(client, queue, [id]);
    const tray = await rig.consume(client, [queue], 4);
    const seen: string[] = [];
    while (seen.length < 30) {
      const delivery = await tray.one();
      seen.push(idOf(delivery));
      await tray.ack([delivery]);
    }
    expect(seen).toEqual([...batch, ...single]);
  });

  it("takes the more urgent priority first, also from what is already waiting", async ({ skip }) => {
    const rig = use();
    const client = await rig.client();
    const { priority } = client.broker.features;
    if (priority === undefined) {
      skip("the broker has no priorities");
      return;
    }
    const queue = rig.name("priority");
    const urgentFirst =
      priority.first === "low" ? priority.levels.toSorted((a, b) => a - b) : priority.levels.toSorted((a, b) => b - a);
    for (const level of urgentFirst.toReversed())
      await rig.send(client, queue, [`p${level}a`, `p${level}b`], { priority: level });
    const tray = await rig.consume(client, [queue], 1);
    const seen: string[] = [];
    while (seen.length < urgentFirst.length * 2) {
      const delivery = await tray.one();
      seen.push(idOf(delivery));
      await tray.ack([delivery]);
    }
    expect(seen).toEqual(urgentFirst.flatMap((level) => [`p${level}a`, `p${level}b`]));
  });

  it("accepts any priority number and keeps it on the message", async () => {
    const rig = use();
    const client = await rig.client();
    const queue = rig.name("odd");
    for (const priority of [-1, 4, 255]) await rig.send(client, queue, [`p${priority}`], { priority });
    const tray = await rig.consume(client, [queue], 3);
    const came = await tray.take(3);
    const kept = came.map((delivery) =>
      "malformed" in delivery.message ? undefined : delivery.message.properties.priority,
    );
    expect(new Set(kept)).toEqual(new Set([-1, 4, 255]));
  });

  it.each(["first", "last"])(
    "reaches a quiet queue within two claims when the %s named one is flooded",
    async (place) => {
      const rig = use();
      const client = await rig.client();
      const [flooded, quiet] = [rig.name("flooded"), rig.name("quiet")];
      await rig.send(
        client,
        flooded,
        Array.from({ length: 300 }, (_, index) => `f${index}`),
      );
      await rig.send(client, quiet, ["q"]);
      const want = 4;
      const tray = await rig.consume(client, place === "first" ? [flooded, quiet] : [quiet, flooded], want);
      const seen: string[] = [];
      while (seen.length < 2 * want) {
        const [delivery] = await tray.take(1);
        if (delivery === undefined) break;
        seen.push(idOf(delivery));
        await tray.ack([delivery]);
      }
      expect(seen).toContain("q");
    },
  );

  it("shares one claim among queues that are all flooded", async () => {
    const rig = use();
    const client = await rig.client();
    const queues = [rig.name("first"), rig.name("second")];
    for (const queue of queues)
      await rig.send(
        client,
        queue,
        Array.from({ length: 30 }, (_, index) => `${queue}-${index}`),
      );
    const tray = await rig.consume(client, queues, 10);
    const came = await tray.take(10);
    for (const queue of queues) expect(came.filter((delivery) => delivery.queue === queue)).toHaveLength(5);
  });

  it("keeps serving a queue that fills up beside a flooded one", async () => {
    const rig = use();
    const client = await rig.client();
    const [flooded, other] = [rig.name("flooded"), rig.name("other")];
    await rig.send(
      client,
      flooded,
      Array.from({ length: 300 }, (_, index) => `f${index}`),
    );
    const tray = await rig.consume(client, [flooded, other], 2);
    const held = await tray.take(2);
    await rig.send(client, other, ["o1", "o2"]);
    await tray.ack(held);
    const seen: string[] = [];
    for (let index = 0; index < 8; index += 1) {
      const delivery = await tray.one();
      seen.push(idOf(delivery));
      await tray.ack([delivery]);
    }
    expect(seen).toEqual(expect.arrayContaining(["o1", "o2"]));
  });
}
