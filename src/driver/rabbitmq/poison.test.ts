/** Messages, addresses and queues that the server will not have: each fails alone, and what is beside it goes on. */

import { expect, test } from "vitest";
import { asStranger, openBackend } from "../../../test/server/rabbitmq-backend.ts";
import { useRabbit } from "../../../test/server/rabbitmq-stage.ts";
import { Catch, eventually, idOf, outgoing } from "../../../test/server/redis-backend.ts";
import { describeWith } from "../../../test/server/required-program.ts";
import type { Outgoing } from "../../port/broker.ts";

const never = new AbortController().signal;
const accepted = { kind: "accepted" };

describeWith("rabbitmq-server", "rabbitmq and what it will not have", () => {
  // Few channels, so that a test sees where they are used up.
  const stage = useRabbit({ config: { channel_max: "48" } });
  const { backendOf, throughProxy, closeLater } = stage;
  const name = (label: string): string => `${label}-${crypto.randomUUID().slice(0, 8)}`;
  const withHeaders = (queue: string, id: string, more: Record<string, unknown>): Outgoing => {
    const plain = outgoing(queue, id);
    return { ...plain, message: { ...plain.message, headers: { ...plain.message.headers, ...more } } };
  };
  const readyIn = (queue: string): Promise<number> =>
    asStranger(stage.rabbit, async (channel) => (await channel.declareQueue(queue, { passive: true })).messages);
  const channels = async (): Promise<number> => {
    const list = await stage.rabbit.ctl("list_channels", "pid");
    return list.split("\n").length;
  };

  test("a number that is none is refused before it is sent: the server would end the connection over it", async () => {
    const backend = await backendOf();
    const queue = name("nan");
    for (const odd of [Number.NaN, Number.POSITIVE_INFINITY])
      await expect(backend.broker.publish([withHeaders(queue, "a", { odd })], never)).rejects.toMatchObject({
        code: "NOT_SERIALIZABLE",
      });
    expect(await backend.broker.publish([outgoing(queue, "b")], never)).toEqual([accepted]);
  });

  test("a message that the server ends the channel over fails alone, and soon", async () => {
    const backend = await backendOf();
    const queue = name("poison");
    const sound = Array.from({ length: 40 }, (_, n) => backend.broker.publish([outgoing(queue, `m${n}`)], never));
    const poison = backend.broker.publish([withHeaders(queue, "bad", { CC: "no list" })], never);
    const after = Array.from({ length: 40 }, (_, n) => backend.broker.publish([outgoing(queue, `n${n}`)], never));
    await expect(poison).rejects.toMatchObject({ code: "NOT_SERIALIZABLE", message: expect.stringContaining("CC") });
    expect(await Promise.all([...sound, ...after])).toEqual([...sound, ...after].map(() => [accepted]));
  });

  test("an answer to an address that the server cannot read is lost, and nothing with it", async () => {
    const backend = await backendOf();
    const queue = name("answer");
    const plain = outgoing(queue, "a").message;
    // RabbitMQ would have to make an address for its answer, and can't: nobody listens on this channel.
    const message = { ...plain, properties: { replyTo: "amq.rabbitmq.reply-to" } };
    for (const to of ["amq.rabbitmq.reply-to.g1nonsense", "amq.rabbitmq.reply-to.g2h.x", "", "amq.rabbitmq.reply-to"]) {
      const sent = backend.replies.send([{ to, message }], never);
      const beside = backend.broker.publish([outgoing(queue, "b")], never);
      expect(await sent).toBeUndefined();
      expect(await beside).toEqual([accepted]);
    }
  });

  test("copies that a sender wished for are not made again when its message goes back or to the dead letters", async () => {
    const backend = await backendOf();
    const [queue, other] = [name("copied"), name("other")];
    await asStranger(stage.rabbit, (channel) => channel.declareQueue(other, { durable: true }));
    const caught = await Catch.open(backend, queue, 5);
    await backend.broker.publish([withHeaders(queue, "a", { CC: [other] })], never);
    const [first] = await caught.until(1);
    if (first === undefined) throw new Error("one came");
    await caught.consumer.settle([{ delivery: first, then: { kind: "requeue", at: "back" } }]);
    const second = (await caught.until(2))[1];
    if (second === undefined || "malformed" in second.message) throw new Error("two came");
    const { message } = second;
    await caught.consumer.settle([{ delivery: second, then: { kind: "replace", next: { queue, message } } }]);
    const third = (await caught.until(3))[2];
    if (third === undefined) throw new Error("three came");
    const letter = { key: "", id: "a", task: "t", queue, reason: "rejected", at: 0, attempts: [], detail: "" } as const;
    const raw = third.raw;
    await caught.consumer.settle([{ delivery: third, then: { kind: "bury", letter: { ...letter, raw } } }]);
    expect(await readyIn(other)).toBe(1);
  });

  test("a queue that is another's does not keep a consumer from its own, now or on the next connection", async () => {
    const { backend, proxy } = await throughProxy();
    const [queue, locked] = [name("own"), name("locked")];
    const caught = await Catch.open(backend, queue, 5);
    await asStranger(stage.rabbit, async (stranger) => {
      await stranger.declareQueue(locked, { exclusive: true });
      await expect(caught.consumer.setQueues([queue, locked])).rejects.toMatchObject({ code: "BACKEND_REFUSED" });
      const before = await channels();
      proxy.cut();
      await eventually("it to be back", async () => (await readyIn(queue)) === 0 && proxy.connections === 2);
      await backend.broker.publish([outgoing(queue, "a")], never);
      expect((await caught.until(1)).map(idOf)).toEqual(["a"]);
      // Each try to open a channel would leave one behind.
      await new Promise((resolve) => setTimeout(resolve, 1000));
      expect(await channels()).toBeLessThanOrEqual(before + 1);
    });
  });

  test("a queue that may not be read does not keep a consumer from the others", async () => {
    const [queue, secret] = [name("open"), name("secret")];
    await stage.rabbit.ctl("add_user", "curious", "hunter2");
    await stage.rabbit.ctl("set_permissions", "curious", ".*", ".*", "^(?!secret).*");
    const backend = await openBackend(`amqp://curious:hunter2@127.0.0.1:${stage.rabbit.port}//`);
    closeLater(backend);
    const caught = await Catch.open(backend, queue, 5, { queues: [secret, queue] });
    await backend.broker.publish([outgoing(queue, "a")], never);
    const [first] = await caught.until(1);
    // On a channel that stays.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const held = caught.all.at(-1) ?? first;
    if (held === undefined) throw new Error("one came");
    expect(caught.all.length).toBeLessThanOrEqual(2);
    expect(await caught.consumer.settle([{ delivery: held, then: { kind: "ack" } }])).toEqual([{ kind: "settled" }]);
  });

  test("letters that a stranger wrote are shown as what they may be", async () => {
    const backend = await backendOf();
    const queue = name("forged");
    const facts = [{ key: 5 }, { key: "k", at: "soon", attempts: 5, detail: {}, reason: 1, id: 7, task: [] }, []];
    await asStranger(stage.rabbit, async (channel) => {
      await channel.declareQueue(`${queue}.dead`, { durable: true });
      for (const fact of facts) {
        const headers = { "celeriac.letter": JSON.stringify(fact) };
        const routingKey = `${queue}.dead`;
        await channel.publish({
          exchange: "",
          routingKey,
          mandatory: true,
          properties: { headers },
          body: new Uint8Array(),
        });
      }
    });
    const { items } = await backend.broker.dead.list({ queue }, undefined, 10);
    expect(items).toMatchObject([
      { key: `${queue}/k`, id: undefined, task: undefined, attempts: [], detail: "", at: 0 },
    ]);
    expect(items[0]?.reason).toBe("rejected");
  });

  test("a queue may be called what the driver calls its own things", async () => {
    const backend = await backendOf();
    await backend.broker.publish([outgoing("delay", "now"), outgoing("levels", "now")], never);
    const later = backend.broker.publish(
      [outgoing("delay", "later", { due: Date.now() + 900 })],
      AbortSignal.timeout(60_000),
    );
    expect(await later).toEqual([accepted]);
    const caught = await Catch.open(backend, "delay", 5);
    expect((await caught.until(2)).map(idOf)).toEqual(["now", "later"]);
  });

  test("more queues than a connection has channels are declared, sent to and counted", async () => {
    const backend = await backendOf();
    const label = name("many");
    const batch = Array.from({ length: 200 }, (_, n) => outgoing(`${label}.${n}`, "a"));
    const answers = await backend.broker.publish(batch, never);
    expect(answers.filter(({ kind }) => kind === "accepted")).toHaveLength(200);
    expect((await backend.broker.queues.list()).filter(({ name: each }) => each.startsWith(label))).toHaveLength(200);
  });

  test("a broadcast answer to an address that is too long leaves no channel behind", async () => {
    const backend = await backendOf();
    const { message } = outgoing("q", "a");
    await backend.bus.publish({ kind: "reply", to: "short" }, message);
    const before = await channels();
    for (let n = 0; n < 20; n += 1) await backend.bus.publish({ kind: "reply", to: "a".repeat(300) }, message);
    expect(await channels()).toBe(before);
  });
});
