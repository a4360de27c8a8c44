/** What was handed out before is known to have been, though the server forgets it with each message that is sent anew. */

import { afterAll, beforeAll, expect, it } from "vitest";
import { openBackend } from "../../../test/server/rabbitmq-backend.ts";
import { type RabbitServer, startRabbit } from "../../../test/server/rabbitmq-server.ts";
import { Catch, outgoing } from "../../../test/server/redis-backend.ts";
import { describeWith } from "../../../test/server/required-program.ts";
import type { Delivery, Settlement } from "../../port/broker.ts";
import type { RabbitBackend } from "./index.ts";

const never = new AbortController().signal;

const idOf = ({ message }: Delivery): string | undefined =>
  "malformed" in message ? undefined : message.properties.messageId;

describeWith("rabbitmq-server", "a message that comes again", () => {
  let rabbit: RabbitServer;
  let backends: RabbitBackend[] = [];
  beforeAll(async () => {
    rabbit = await startRabbit();
  });
  afterAll(async () => {
    await Promise.all(backends.map((backend) => backend.close()));
    await rabbit.stop();
    backends = [];
  });

  const settle = async (caught: Catch, settlement: Settlement): Promise<Delivery> => {
    const { length } = caught.all;
    expect(await caught.consumer.settle([settlement])).toEqual([{ kind: "settled" }]);
    return (await caught.until(length + 1)).at(-1) as Delivery;
  };

  it("says under which ids it may have been begun when the link of its holder breaks, and is put back again", async () => {
    const [one, two] = [await openBackend(rabbit.url), await openBackend(rabbit.url)];
    backends.push(one, two);
    await one.broker.publish([outgoing("again-link", "a")], never);
    const holder = await Catch.open(one, "again-link", 5);
    const [first] = await holder.until(1);
    if (first === undefined) throw new Error("one was sent");
    await one.close();
    const caught = await Catch.open(two, "again-link", 5);
    const [back] = await caught.until(1);
    if (back === undefined) throw new Error("it came again");
    expect(back.formerly).toEqual([idOf(first)]);
    const put = await settle(caught, { delivery: back, then: { kind: "requeue", at: "back" } });
    expect(put.formerly).toEqual([idOf(first)]);
    caught.consumer.started([put], "suspect");
    const ran = await settle(caught, { delivery: put, then: { kind: "requeue", at: "back" } });
    expect(ran.formerly).toEqual([idOf(first), idOf(put)]);
    await caught.consumer.settle([{ delivery: ran, then: { kind: "ack" } }]);
  });

  it.each([
    ["on a classic queue", ""],
    ["on a quorum queue", "?queueType=quorum"],
  ])("says so after it was put back, at once and later, %s", async (name, query) => {
    const backend = await openBackend(rabbit.url + query);
    backends.push(backend);
    const queue = `again-${name.replaceAll(" ", "-")}`;
    await backend.broker.publish([outgoing(queue, "a")], never);
    const caught = await Catch.open(backend, queue, 5);
    const [first] = await caught.until(1);
    if (first === undefined) throw new Error("one was sent");
    expect(first.redelivered).toBe(false);
    const due = Date.now() + 1000;
    const unbegun = await settle(caught, { delivery: first, then: { kind: "requeue", at: "back", due } });
    expect(unbegun.redelivered, "nothing of it had begun").toBe(false);
    expect(unbegun.formerly).toEqual([]);
    caught.consumer.started([unbegun], "suspect");
    const begun = await settle(caught, { delivery: unbegun, then: { kind: "requeue", at: "back", due } });
    expect(begun.redelivered).toBe(true);
    expect(begun.formerly, "as which it had begun").toEqual([idOf(unbegun)]);
    expect(idOf(begun)).not.toBe(idOf(unbegun));
    const front = await settle(caught, { delivery: begun, then: { kind: "requeue", at: "front" } });
    expect(front.redelivered).toBe(true);
    // Given out again as it is, or sent anew by who has not begun it.
    expect(front.formerly).toContain(idOf(unbegun));
    const retry = await settle(caught, { delivery: front, then: { kind: "replace", next: outgoing(queue, "a") } });
    expect(retry.redelivered, "another attempt").toBe(false);
    expect("malformed" in retry.message ? [] : Object.keys(retry.message.headers)).not.toContain("celeriac.again");
    await caught.consumer.settle([{ delivery: retry, then: { kind: "ack" } }]);
  });
});
