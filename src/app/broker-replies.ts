/** Replies as plain messages on a queue of the asker's own: for brokers that have nothing lighter. */

import type { Broker } from "../port/broker.ts";
import type { Replies } from "../port/replies.ts";
import { checkQueueName } from "../wire/name.ts";

/** Taken off the queue as soon as they come, so the lease only has to outlast one settlement. */
const lease = 30_000;
const sweep = 5_000;
const maxClaimBytes = 4 * 1024 * 1024;
/** Replies held at once. */
const room = 100;

export function brokerReplies(broker: Broker): Replies {
  return {
    async listen(address, take) {
      const consumer = await broker.consume(
        {
          queues: [address],
          worker: `replies/${address}`,
          lease,
          sweep,
          maxClaimBytes,
          userCodeHere: false,
          stallLimit: 2 * lease,
        },
        (batch) => {
          for (const { message } of batch) if (!("malformed" in message)) take(message);
          // A reply whose settlement fails comes once more, which its reader bears.
          consumer.settle(batch.map((delivery) => ({ delivery, then: { kind: "ack" } }))).catch(() => {});
        },
      );
      consumer.want(room, room);
      return {
        close: async () => {
          await consumer.stop();
          // Nobody else ever reads them. What comes later stays, which is why brokers with something lighter have replies of their own.
          await broker.queues.purge(address, { ready: true, delayed: true }).catch(() => 0);
        },
      };
    },
    async send(batch, signal) {
      const sendable = batch.filter(({ to }) => isQueueName(to));
      await broker.publish(
        sendable.map(({ to, message }) => ({ queue: to, message })),
        signal,
      );
    },
  };
}

/** Addresses come from strangers. Where no queue can be, nobody waits. */
function isQueueName(address: string): boolean {
  try {
    checkQueueName(address);
    return true;
  } catch {
    return false;
  }
}
