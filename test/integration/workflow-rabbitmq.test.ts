import { startRabbit } from "../server/rabbitmq-server.ts";
import { startRedis } from "../server/redis-server.ts";
import { describeWith } from "../server/required-program.ts";
import { workflowSuite } from "./workflow-suite.ts";

describeWith("rabbitmq-server", "with a private rabbitmq-server", () => {
  describeWith("redis-server", "and a private redis-server", () => {
    workflowSuite("RabbitMQ, its results on Redis", async () => {
      const [rabbit, redis] = await Promise.all([startRabbit(), startRedis()]);
      return {
        url: rabbit.url,
        results: redis.url,
        close: async () => {
          await Promise.all([rabbit.stop(), redis.stop()]);
        },
      };
    });
  });
});
