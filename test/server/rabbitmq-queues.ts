/** A server takes seconds to start, so one serves a whole file, and each test finds its queues gone. */

import { systemClock } from "../../src/clock/clock.ts";
import { connect } from "../../src/driver/rabbitmq/amqp/connect.ts";
import type { RabbitServer } from "./rabbitmq-server.ts";

/** Deletes the queue that tests use, and its dead letters, with all that is in them. */
export async function dropQueues({ port }: RabbitServer): Promise<void> {
  const connection = await connect(
    {
      host: "127.0.0.1",
      port,
      vhost: "/",
      username: "guest",
      password: "guest",
      heartbeat: 0,
      timeout: 60_000,
      clock: systemClock,
      name: "cleaner",
    },
    AbortSignal.timeout(60_000),
  );
  const channel = await connection.openChannel();
  for (const queue of ["celery", "celery.dead"]) await channel.deleteQueue(queue);
  await connection.close();
}
