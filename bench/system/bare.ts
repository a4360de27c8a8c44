/** The limit: the driver's own AMQP client with nothing above it, the same publishes, confirms, results and acks. */

import { systemClock } from "../../src/clock/clock.ts";
import type { AmqpConnection } from "../../src/driver/rabbitmq/amqp/client.ts";
import { connect } from "../../src/driver/rabbitmq/amqp/connect.ts";
import { BareWork, messageOf, prefetch, queue } from "./bare-work.ts";
import type { System } from "./system.ts";

function open(address: string): Promise<AmqpConnection> {
  const url = new URL(address);
  const options = {
    host: url.hostname,
    port: Number(url.port),
    vhost: decodeURIComponent(url.pathname.slice(1)),
    username: url.username,
    password: url.password,
    heartbeat: 0,
    timeout: 10_000,
    clock: systemClock,
    name: "bare",
  };
  return connect(options, new AbortController().signal);
}

export const system: System = {
  async openProducer({ address }) {
    const connection = await open(address);
    const channel = await connection.openChannel();
    await channel.confirmSelect();
    await channel.declareQueue(queue, { durable: true });
    const send: (typeof producer)["send"] = async (payload) => {
      const { id, headers, body } = messageOf(payload);
      const properties = {
        contentType: "application/json",
        contentEncoding: "utf-8",
        headers,
        deliveryMode: 2,
        priority: 0,
        correlationId: id,
      } as const;
      const confirm = await channel.publish({ exchange: "", routingKey: queue, mandatory: true, properties, body });
      if (confirm.kind !== "acked") throw new Error(`the message was ${confirm.kind}`);
    };
    const producer: Awaited<ReturnType<System["openProducer"]>> = {
      send,
      sendMany: (payloads) => Promise.all(payloads.map(send)),
      probe: () => Promise.reject(new Error("the latency of a bare client is not measured")),
      close: () => connection.close(),
    };
    return producer;
  },
  async openWorker(options, done) {
    const connection = await open(options.address);
    const channel = await connection.openChannel();
    await channel.declareQueue(queue, { durable: true });
    await channel.prefetch(prefetch, false);
    const work = new BareWork(options, (tag) => channel.ack(tag, true), done);
    await channel.consume(
      queue,
      {},
      ({ properties, body, deliveryTag }) => work.take(properties?.correlationId ?? "", body, deliveryTag),
      () => {},
    );
    return {
      async close() {
        await connection.close();
        await work.close();
      },
    };
  },
};
