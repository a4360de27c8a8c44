import { afterAll, beforeAll } from "vitest";
import { systemClock } from "../../src/clock/clock.ts";
import { connect } from "../../src/driver/rabbitmq/amqp/connect.ts";
import { type RabbitServer, startRabbit } from "../server/rabbitmq-server.ts";
import { type RedisServer, startRedis } from "../server/redis-server.ts";
import { describeWith } from "../server/required-program.ts";
import { type SuiteBroker, workerSuite } from "./worker-suite.ts";

/** A new server takes seconds to start, so one serves all, and each test finds its queues gone. */
async function emptied(rabbit: RabbitServer): Promise<void> {
  const connection = await connect(
    {
      host: "127.0.0.1",
      port: rabbit.port,
      vhost: "/",
      username: "guest",
      password: "guest",
      heartbeat: 0,
      timeout: 10_000,
      clock: systemClock,
      name: "cleaner",
    },
    AbortSignal.timeout(10_000),
  );
  const channel = await connection.openChannel();
  for (const queue of ["celery", "celery.dead"]) await channel.deleteQueue(queue);
  await connection.close();
}

describeWith("rabbitmq-server", "with a private rabbitmq-server", () => {
  let rabbit: RabbitServer;
  beforeAll(async () => {
    rabbit = await startRabbit();
  });
  afterAll(() => rabbit.stop());
  const broker = async (results?: string): Promise<SuiteBroker> => {
    await emptied(rabbit);
    return { url: rabbit.url, ...(results !== undefined && { results }), close: async () => {} };
  };

  workerSuite("RabbitMQ, its results sent back", () => broker());

  workerSuite("RabbitMQ with quorum queues", async () => {
    const { url, close } = await broker();
    return { url: `${url}?queueType=quorum`, close };
  });

  describeWith("redis-server", "and a private redis-server", () => {
    let redis: RedisServer;
    beforeAll(async () => {
      redis = await startRedis();
    });
    afterAll(() => redis.stop());
    workerSuite("RabbitMQ, its results on Redis", async () => {
      await redis.cli("FLUSHALL");
      return broker(redis.url);
    });
  });
});
