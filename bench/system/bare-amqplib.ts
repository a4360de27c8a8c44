/** The limit in the words of others: amqplib with nothing above it, the same publishes, confirms, results and acks. */

import { connect } from "amqplib";
import { BareWork, messageOf, prefetch, queue } from "./bare-work.ts";
import type { Payload, System } from "./system.ts";

export const system: System = {
  async openProducer({ address }) {
    const connection = await connect(address);
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue(queue, { durable: true });
    const send = (payload: Payload): Promise<void> =>
      new Promise((resolve, reject) => {
        const { id, headers, body } = messageOf(payload);
        const properties = {
          contentType: "application/json",
          contentEncoding: "utf-8",
          headers,
          deliveryMode: 2,
          priority: 0,
          correlationId: id,
          mandatory: true,
        };
        channel.publish("", queue, body, properties, (error: unknown) => {
          if (error === null) resolve();
          else reject(error as Error);
        });
      });
    return {
      send,
      sendMany: (payloads) => Promise.all(payloads.map(send)),
      probe: () => Promise.reject(new Error("the latency of a bare client is not measured")),
      close: () => connection.close(),
    };
  },
  async openWorker(options, done) {
    const connection = await connect(options.address);
    const channel = await connection.createChannel();
    await channel.assertQueue(queue, { durable: true });
    await channel.prefetch(prefetch);
    let last: { readonly fields: { readonly deliveryTag: number } } | undefined;
    const work = new BareWork(
      options,
      (tag) => {
        if (last !== undefined) channel.ack({ ...last, fields: { ...last.fields, deliveryTag: tag } } as never, true);
      },
      done,
    );
    await channel.consume(queue, (message) => {
      if (message === null) return;
      last = message;
      work.take(String(message.properties.correlationId), message.content, message.fields.deliveryTag);
    });
    return {
      async close() {
        await connection.close();
        await work.close();
      },
    };
  },
};
