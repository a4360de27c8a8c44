/** What a channel does against a real server: publishing, consuming, and how it ends. */

import { connect as dial, createServer, type AddressInfo, type Server } from "node:net";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { startRabbit, type RabbitServer } from "../../../../test/server/rabbitmq-server.ts";
import { eventually } from "../../../../test/server/redis-backend.ts";
import { describeWith } from "../../../../test/server/required-program.ts";
import { systemClock } from "../../../clock/clock.ts";
import { ChannelError, type AmqpChannel, type AmqpConnection, type AmqpDelivery, type Properties } from "./client.ts";
import { connect } from "./connect.ts";

const never = new AbortController().signal;

describeWith("rabbitmq-server", "an AMQP channel", () => {
  let rabbit: RabbitServer;
  const open: AmqpConnection[] = [];
  beforeAll(async () => {
    rabbit = await startRabbit();
  }, 100_000);
  afterEach(async () => {
    await Promise.all(open.splice(0).map((connection) => connection.close()));
  });
  afterAll(() => rabbit.stop());

  const connectTo = async (port = rabbit.port): Promise<AmqpConnection> => {
    const login = { vhost: "/", username: "guest", password: "guest", name: "test" };
    const connection = await connect(
      { host: "127.0.0.1", port, ...login, heartbeat: 10_000, timeout: 20_000, clock: systemClock },
      never,
    );
    open.push(connection);
    return connection;
  };
  /** A queue of the test's own, and a channel that confirms. */
  const openQueue = async (
    port?: number,
  ): Promise<{ channel: AmqpChannel; queue: string; connection: AmqpConnection }> => {
    const connection = await connectTo(port);
    const channel = await connection.openChannel();
    const queue = `q-${crypto.randomUUID()}`;
    await channel.declareQueue(queue, { durable: true });
    await channel.confirmSelect();
    return { channel, queue, connection };
  };
  const message = (routingKey: string, body: Uint8Array | string, properties: Properties = {}) => ({
    exchange: "",
    routingKey,
    mandatory: true,
    properties,
    body: typeof body === "string" ? Buffer.from(body) : body,
  });
  const collect = async (channel: AmqpChannel, queue: string, count: number): Promise<AmqpDelivery[]> => {
    const all: AmqpDelivery[] = [];
    await channel.consume(
      queue,
      {},
      (delivery) => void all.push(delivery),
      () => undefined,
    );
    await eventually(`${count} deliveries`, () => all.length >= count);
    return all;
  };

  test("carries every property and every kind of header there and back", async () => {
    const { channel, queue } = await openQueue();
    const properties: Properties = {
      contentType: "application/json",
      contentEncoding: "utf-8",
      headers: { task: "tasks.add", timelimit: [300, null], big: 2 ** 40, huge: 2n ** 62n, é: { deep: [{ x: 1.5 }] } },
      deliveryMode: 2,
      priority: 7,
      correlationId: "c",
      replyTo: "r",
      expiration: "60000",
      messageId: "m",
      timestamp: 1_787_392_800,
      type: "t",
      userId: "guest",
      appId: "a",
    };
    expect(await channel.publish(message(queue, "körper", properties))).toEqual({ kind: "acked" });
    const got = await channel.get(queue, false);
    expect(got?.properties).toEqual(properties);
    expect(Buffer.from(got?.body ?? []).toString()).toBe("körper");
    expect(got).toMatchObject({
      fault: undefined,
      redelivered: false,
      exchange: "",
      routingKey: queue,
      messagesLeft: 0,
    });
    channel.ack(got!.deliveryTag, false);
    expect(await channel.get(queue, true)).toBeUndefined();
  });

  test("tells a message that nobody takes from its neighbours", async () => {
    const { channel, queue } = await openQueue();
    const keys = Array.from({ length: 400 }, (_, index) => (index % 7 === 3 ? `missing-${index}` : queue));
    const confirms = await Promise.all(
      keys.map((key, index) => channel.publish(message(key, "b", { messageId: `m${index}` }))),
    );
    expect(confirms.map(({ kind }) => kind)).toEqual(keys.map((key) => (key === queue ? "acked" : "returned")));
    expect(confirms[3]).toEqual({ kind: "returned", code: 312, text: "NO_ROUTE" });
  });

  test("learns that a full queue refused a message", async () => {
    const { channel, queue } = await openQueue();
    await channel.declareQueue(`${queue}-full`, { arguments: { "x-max-length": 1, "x-overflow": "reject-publish" } });
    const kinds = [];
    for (let count = 0; count < 2; count++) kinds.push((await channel.publish(message(`${queue}-full`, "b"))).kind);
    expect(kinds).toEqual(["acked", "nacked"]);
    await channel.deleteQueue(`${queue}-full`);
  });

  test("delivers in order, and again what was put back or not settled", async () => {
    const { channel, queue, connection } = await openQueue();
    await channel.prefetch(50, false);
    const bodies = Array.from({ length: 50 }, (_, index) => `b${index}`);
    await Promise.all(bodies.map((body) => channel.publish(message(queue, body))));
    const all = await collect(channel, queue, 50);
    expect(all.map(({ body }) => Buffer.from(body).toString())).toEqual(bodies);
    expect(all.some(({ redelivered }) => redelivered)).toBe(false);
    // 0 to 9 one by one and backwards, 12 alone, 20 to 29 put back, 30 gone; the rest stays open.
    for (const { deliveryTag } of all.slice(0, 10).toReversed()) channel.ack(deliveryTag, false);
    channel.ack(all[12]!.deliveryTag, false);
    channel.nack(all[30]!.deliveryTag, false, false);
    for (const { deliveryTag } of all.slice(20, 30)) channel.nack(deliveryTag, false, true);
    await eventually("what was put back", () => all.length >= 60);
    expect(all.slice(50).every(({ redelivered }) => redelivered)).toBe(true);
    await channel.close();
    const second = await connection.openChannel();
    const left = await collect(second, queue, 38);
    const names = left.map(({ body }) => Buffer.from(body).toString());
    expect(names.toSorted()).toEqual(
      bodies.filter((_, index) => index >= 10 && index !== 12 && index !== 30).toSorted(),
    );
    second.ack(0, true);
    await second.close();
    const third = await connection.openChannel();
    expect(await third.declareQueue(queue, { passive: true })).toEqual({ queue, messages: 0, consumers: 0 });
  });

  test.each([0, 131_063, 131_064, 131_065, 1_000_000, 10_000_000])("carries a body of %i bytes", async (size) => {
    const { channel, queue } = await openQueue();
    const body = Buffer.alloc(size, "0123456789abc");
    const [first, second] = await Promise.all([
      channel.publish(message(queue, body)),
      channel.publish(message(queue, "small")),
    ]);
    expect([first.kind, second.kind]).toEqual(["acked", "acked"]);
    const all = await collect(channel, queue, 2);
    expect(all.map((delivery) => delivery.body.length)).toEqual([size, 5]);
    expect(body.equals(all[0]!.body)).toBe(true);
  });

  test("is ended by the server over a method, with code and text, and the connection goes on", async () => {
    const { channel, queue, connection } = await openQueue();
    const closed = new Promise<Error>((resolve) => channel.on("closed", resolve));
    const results = await Promise.allSettled([
      channel.declareQueue(queue, { durable: false }),
      channel.publish(message(queue, "never confirmed")),
      channel.prefetch(1, false),
    ]);
    const refused = {
      name: "ChannelError",
      code: 406,
      message: expect.stringContaining("PRECONDITION_FAILED") as string,
    };
    expect(results.map((result) => result.status === "rejected" && (result.reason as unknown))).toEqual(
      [1, 2, 3].map(() => expect.objectContaining(refused) as unknown),
    );
    expect(await closed).toBeInstanceOf(ChannelError);
    expect(channel.closed).toBe(true);
    await expect(channel.get(queue, true)).rejects.toBe(await closed);
    channel.ack(1, false);
    const again = await connection.openChannel();
    expect(again.number).toBe(channel.number);
    await expect(again.declareQueue("nowhere", { passive: true })).rejects.toMatchObject({ code: 404 });
    const late = new Promise<Error>((resolve) => again.on("closed", resolve));
    expect(await late).toMatchObject({ code: 404 });
    const third = await connection.openChannel();
    await expect(third.publish({ ...message(queue, "b"), exchange: "no-exchange" })).resolves.toBeDefined();
    await eventually("the end of the channel", () => third.closed);
    expect(connection.closed).toBe(false);
  });

  test("hears that its queue was deleted", async () => {
    const { channel, queue } = await openQueue();
    const cancelled = new Promise<void>((resolve) => {
      void channel.consume(queue, {}, () => undefined, resolve);
    });
    await eventually(
      "the consumer",
      async () => (await channel.declareQueue(queue, { durable: true })).consumers === 1,
    );
    await channel.deleteQueue(queue);
    await cancelled;
    expect(channel.closed).toBe(false);
  });

  test("keeps the answers apart that RabbitMQ gives out of order", async () => {
    const { channel, queue } = await openQueue();
    const names = Array.from({ length: 20 }, (_, index) => `${queue}-${index}`);
    const took: string[] = [];
    const results = await Promise.all(
      names.flatMap((name): Promise<unknown>[] => [
        channel.declareQueue(name, { exclusive: true }),
        channel.consume(
          name,
          { tag: `tag ${name}` },
          () => void took.push(name),
          () => undefined,
        ),
        channel.declareQueue(name, { passive: true }).then((declared) => declared.queue),
        channel.publish(message(name, "b")),
      ]),
    );
    expect(results.filter((_, index) => index % 4 === 1)).toEqual(names.map((name) => `tag ${name}`));
    expect(results.filter((_, index) => index % 4 === 2)).toEqual(names);
    await eventually("a delivery from each", () => took.length === names.length);
    await Promise.all([...names.map((name) => channel.cancel(`tag ${name}`)), channel.prefetch(1, false)]);
    expect(took.toSorted()).toEqual(names.toSorted());
  });

  test("gets nothing any more after it cancelled", async () => {
    const { channel, queue } = await openQueue();
    const all: AmqpDelivery[] = [];
    const tag = await channel.consume(
      queue,
      { tag: "mine" },
      (delivery) => void all.push(delivery),
      () => undefined,
    );
    expect(tag).toBe("mine");
    await channel.cancel(tag);
    await channel.publish(message(queue, "b"));
    expect((await channel.get(queue, true))?.messagesLeft).toBe(0);
    expect(all).toEqual([]);
  });

  test("binds, unbinds, purges and deletes", async () => {
    const { channel, queue } = await openQueue();
    const [from, to] = [`${queue}-from`, `${queue}-to`];
    await Promise.all([
      channel.declareExchange(from, "topic", { durable: true }),
      channel.declareExchange(to, "fanout", { autoDelete: false }),
      channel.bindExchange(to, from, "a.#"),
      channel.bindQueue(queue, to, ""),
    ]);
    const publish = (key: string) => channel.publish({ ...message(key, "b"), exchange: from });
    expect([(await publish("a.b")).kind, (await publish("b.a")).kind]).toEqual(["acked", "returned"]);
    await channel.unbindQueue(queue, to, "");
    expect((await publish("a.b")).kind).toBe("returned");
    expect(await channel.purgeQueue(queue)).toBe(1);
    expect(await channel.deleteQueue(queue)).toBe(0);
    await Promise.all([channel.deleteExchange(from), channel.deleteExchange(to)]);
  });

  test("stands beside a thousand others, as many as the server allows", async () => {
    const connection = await connectTo();
    const channels = await Promise.all(Array.from({ length: 2047 }, () => connection.openChannel()));
    await expect(connection.openChannel()).rejects.toThrow(/2047 channels/);
    await channels[1000]!.close();
    expect((await connection.openChannel()).number).toBe(1001);
    expect(new Set(channels.map(({ number }) => number)).size).toBe(2047);
  });

  test("refuses headers that no server could read, and goes on", async () => {
    const { channel, queue } = await openQueue();
    const huge = { headers: { a: "x".repeat(200_000) } };
    await expect(channel.publish(message(queue, "b", huge))).rejects.toMatchObject({ code: "MESSAGE_TOO_LARGE" });
    await expect(channel.publish(message(queue, "b", { headers: { f: () => 1 } }))).rejects.toMatchObject({
      code: "NOT_SERIALIZABLE",
    });
    await expect(channel.declareQueue("q".repeat(256), {})).rejects.toMatchObject({ code: "NOT_SERIALIZABLE" });
    expect(await channel.publish(message(queue, "b"))).toEqual({ kind: "acked" });
    expect((await channel.get(queue, true))?.messagesLeft).toBe(0);
  });

  test("without confirms resolves when it is written", async () => {
    const { queue, connection } = await openQueue();
    const plain = await connection.openChannel();
    expect(await plain.publish(message(queue, "b"))).toEqual({ kind: "acked" });
    await plain.close();
    await expect(plain.publish(message(queue, "b"))).rejects.toBeInstanceOf(ChannelError);
    const reader = await connection.openChannel();
    expect((await reader.get(queue, true))?.messagesLeft).toBe(0);
  });

  /** A line to the server on which bytes are exchanged for others of the same length, as no client of ours would write them. */
  const tamper = async (direction: "up" | "down", from: Buffer, to: Buffer): Promise<Server> => {
    const change = (chunk: Buffer): Buffer => {
      const at = chunk.indexOf(from);
      if (at >= 0) to.copy(chunk, at);
      return chunk;
    };
    const server = createServer((client) => {
      const line = dial(rabbit.port, "127.0.0.1");
      for (const socket of [client, line]) socket.on("error", () => undefined);
      client.on("data", (chunk: Buffer) => line.write(direction === "up" ? change(chunk) : chunk));
      line.on("data", (chunk: Buffer) => client.write(direction === "down" ? change(chunk) : chunk));
      client.on("close", () => line.destroy());
      line.on("close", () => client.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return server;
  };

  test("reads what other clients write: every tag that the server lets through", async () => {
    const fields = [
      ["b", "62 ff", -1],
      ["B", "42 ff", 255],
      ["s", "73 fed4", -300],
      ["u", "75 fed4", 65_236],
      ["i", "69 ffffffff", 4_294_967_295],
      ["l", "6c 8000000000000000", -(2n ** 63n)],
      ["L", "4c 0000010000000000", 2 ** 40],
      ["f", "66 3fc00000", 1.5],
      ["D", "44 02 0000007b", 1.23],
      ["T", "54 000000006a897320", new Date("2026-08-22T10:00:00Z")],
      ["x", "78 00000002 01ff", Buffer.from([1, 255])],
    ] as const;
    const raw = Buffer.concat(
      fields.map(([name, hex]) =>
        Buffer.concat([Buffer.from([1]), Buffer.from(name), Buffer.from(hex.replaceAll(" ", ""), "hex")]),
      ),
    );
    // One string field of exactly that length, to be exchanged for them.
    const placeholder = "#".repeat(raw.length - 7);
    const size = Buffer.alloc(4);
    size.writeUInt32BE(placeholder.length);
    const field = Buffer.concat([Buffer.from("\x01pS"), size, Buffer.from(placeholder)]);
    const proxy = await tamper("up", field, raw);
    const { channel, queue } = await openQueue((proxy.address() as AddressInfo).port);
    expect(await channel.publish(message(queue, "b", { headers: { p: placeholder } }))).toEqual({ kind: "acked" });
    const got = await channel.get(queue, true);
    expect(got?.fault).toBeUndefined();
    expect({ ...got?.properties?.headers }).toEqual(Object.fromEntries(fields.map(([name, , value]) => [name, value])));
    proxy.close();
  });

  test("a header that can't be read is a fault of its message, and the next one is well", async () => {
    const proxy = await tamper("down", Buffer.from("\x04markV"), Buffer.from("\x04mark?"));
    const { channel, queue, connection } = await openQueue((proxy.address() as AddressInfo).port);
    await channel.publish(message(queue, "ill", { messageId: "m", headers: { mark: null } }));
    await channel.publish(message(queue, "well", { headers: { other: 1 } }));
    const [ill, well] = await collect(channel, queue, 2);
    expect(ill).toMatchObject({ properties: undefined, fault: expect.stringContaining("unknown type 0x3f") as string });
    expect(Buffer.from(ill!.body).toString()).toBe("ill");
    expect(Buffer.from(ill!.rawProperties).toString("latin1")).toContain("mark?");
    expect(well).toMatchObject({ fault: undefined, properties: { headers: { other: 1 } } });
    channel.ack(well!.deliveryTag, true);
    expect(await channel.get(queue, true)).toBeUndefined();
    expect(connection.closed).toBe(false);
    proxy.close();
  });
});
