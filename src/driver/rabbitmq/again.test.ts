/** What was handed out before is known to have been, though the server forgets it with each message that is sent anew. */

import { afterAll, beforeAll, expect, it } from "vitest";
import { openBackend } from "../../../test/server/rabbitmq-backend.ts";
import { type RabbitServer, startRabbit } from "../../../test/server/rabbitmq-server.ts";
import { Catch, outgoing } from "../../../test/server/redis-backend.ts";
import { describeWith } from "../../../test/server/required-program.ts";
import { systemClock } from "../../clock/clock.ts";
import type { Delivery, Settlement } from "../../port/broker.ts";
import type { RabbitBackend } from "./index.ts";
import { Packer } from "./parcel.ts";
import { nameOf } from "./received.ts";

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

  it("says under which names it may have been begun when the link of its holder breaks, and is put back again", async () => {
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
    expect(back.formerly).toEqual([first.name]);
    const put = await settle(caught, { delivery: back, then: { kind: "requeue", at: "back" } });
    expect(put.formerly).toEqual([first.name]);
    caught.consumer.started([put], "suspect");
    const ran = await settle(caught, { delivery: put, then: { kind: "requeue", at: "back" } });
    expect(ran.formerly).toEqual([first.name, put.name]);
    await caught.consumer.settle([{ delivery: ran, then: { kind: "ack" } }]);
  });

  it("tells two of one message id apart when they come again, also where the second was a repeat", async () => {
    const [one, two] = [await openBackend(rabbit.url), await openBackend(rabbit.url)];
    backends.push(one, two);
    const twice = { ...outgoing("again-names", "a"), dedupe: { id: "a", nonce: "a", window: 60_000 } };
    await one.broker.publish([twice, twice], never);
    const holder = await Catch.open(one, "again-names", 5);
    const held = await holder.until(2);
    const names = held.map(({ name }) => name ?? "");
    expect(new Set(names).size).toBe(2);
    expect(held.map(idOf)).toEqual(["a", "a"]);
    for (const { message } of held)
      expect("malformed" in message || Object.keys(message.headers)).not.toContain("celeriac.copy");
    await one.close();
    const caught = await Catch.open(two, "again-names", 5);
    const back = await caught.until(2);
    expect(new Set(back.map(({ name }) => name))).toEqual(new Set(names));
    for (const { name, formerly } of back) expect(formerly).toEqual([name]);
    const [first] = back;
    if (first === undefined) throw new Error("both came again");
    const put = await settle(caught, { delivery: first, then: { kind: "requeue", at: "back" } });
    expect(put.formerly, "put back by who had not begun it").toEqual([first.name]);
    expect(names).not.toContain(put.name);

    const packer = new Packer(systemClock);
    const parcel = packer.pack(twice);
    const repeat = packer.another(parcel);
    expect(repeat.properties.messageId).toBe("a");
    expect(nameOf(repeat.properties)).not.toBe(nameOf(parcel.properties));
    expect(Buffer.from(repeat.encoded).equals(parcel.encoded)).toBe(false);
  });

  it("says of which start it can be left behind, and that it is its consumer's while its channel lives", async () => {
    const [one, two] = [await openBackend(rabbit.url), await openBackend(rabbit.url)];
    backends.push(one, two);
    await one.broker.publish([outgoing("again-fence", "a")], never);
    const holder = await Catch.open(one, "again-fence", 5);
    const [first] = await holder.until(1);
    if (first === undefined) throw new Error("one was sent");
    const due = Date.now() + 1000;
    const put = await settle(holder, { delivery: first, then: { kind: "requeue", at: "front", due, began: 17 } });
    expect(put.redelivered, "a ledger knows of a start before it").toBe(true);
    expect(put.formerly).toEqual([":17"]);
    expect(await holder.consumer.holds?.([put])).toEqual([true]);
    await one.close();
    expect(await holder.consumer.holds?.([put])).toEqual([false]);
    const caught = await Catch.open(two, "again-fence", 5);
    const [back] = await caught.until(1);
    if (back === undefined) throw new Error("it came again");
    expect(back.formerly).toEqual([":17", put.name]);
    await caught.consumer.settle([{ delivery: back, then: { kind: "ack" } }]);
  });

  it("is known by when its delay ended, for a server that is killed over that ends it twice", async () => {
    const [one, two] = [await openBackend(rabbit.url), await openBackend(rabbit.url)];
    backends.push(one, two);
    await one.broker.publish([{ ...outgoing("again-delayed", "a"), due: Date.now() + 1000 }], never);
    const [first] = await (await Catch.open(one, "again-delayed", 5)).until(1);
    if (first === undefined) throw new Error("it was sent");
    const ended = Number(/-(\d+)$/.exec(first.name ?? "")?.[1]);
    expect(Math.abs(ended - Date.now() / 1000)).toBeLessThan(60);
    await one.close();
    const caught = await Catch.open(two, "again-delayed", 5);
    const [back] = await caught.until(1);
    if (back === undefined) throw new Error("it came again");
    expect([back.name, back.formerly]).toEqual([first.name, [first.name]]);
    await caught.consumer.settle([{ delivery: back, then: { kind: "ack" } }]);
  });

  it("is known by how often a quorum queue has given it out", async () => {
    const [one, two] = [`${rabbit.url}?queueType=quorum`, `${rabbit.url}?queueType=quorum`];
    const [held, next] = [await openBackend(one), await openBackend(two)];
    backends.push(held, next);
    await held.broker.publish([outgoing("again-counted", "a")], never);
    const [first] = await (await Catch.open(held, "again-counted", 5)).until(1);
    await held.close();
    const caught = await Catch.open(next, "again-counted", 5);
    const [back] = await caught.until(1);
    if (first === undefined || back === undefined) throw new Error("it was sent, and came again");
    expect(back.name).toBe(`${first.name ?? ""}.1`);
    expect(back.formerly).toEqual([first.name, back.name]);
    await caught.consumer.settle([{ delivery: back, then: { kind: "ack" } }]);
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
    expect(begun.formerly, "as which it had begun").toEqual([unbegun.name]);
    expect(idOf(begun)).not.toBe(idOf(unbegun));
    const front = await settle(caught, { delivery: begun, then: { kind: "requeue", at: "front" } });
    expect(front.redelivered).toBe(true);
    // Given out again as it is, or sent anew by who has not begun it.
    expect(front.formerly).toContain(unbegun.name);
    const retry = await settle(caught, { delivery: front, then: { kind: "replace", next: outgoing(queue, "a") } });
    expect(retry.redelivered, "another attempt").toBe(false);
    expect("malformed" in retry.message ? [] : Object.keys(retry.message.headers)).not.toContain("celeriac.again");
    await caught.consumer.settle([{ delivery: retry, then: { kind: "ack" } }]);
  });
});
