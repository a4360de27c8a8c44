/** Runs a suite on each broker that is there: memory, SQLite, a private Redis, and a private RabbitMQ whose results lie on that Redis. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { dropQueues } from "../server/rabbitmq-queues.ts";
import { type RabbitServer, startRabbit } from "../server/rabbitmq-server.ts";
import { type RedisServer, startRedis } from "../server/redis-server.ts";
import { describeWith } from "../server/required-program.ts";
import type { SuiteBroker } from "./worker-suite.ts";

type Suite = (title: string, make: () => Promise<SuiteBroker>) => void;

/**
 * On the brokers that show the messages they hold: all but RabbitMQ. `name` tells its files from those of other suites; `more` tries what
 * else needs that Redis.
 */
export function onBrowsableBrokers(
  name: string,
  suite: Suite,
  more: (redis: () => RedisServer) => void = () => {},
): void {
  let count = 0;
  suite("memory", async () => ({ url: `memory:${name}-${String(++count)}`, close: async () => {} }));

  suite("SQLite", async () => {
    const folder = mkdtempSync(join(tmpdir(), `celeriac-${name}-`));
    return {
      url: `sqlite:${join(folder, "queue.db")}`,
      close: async () => rmSync(folder, { recursive: true, force: true }),
    };
  });

  describeWith("redis-server", "with a private redis-server", () => {
    let redis: RedisServer;
    beforeAll(async () => {
      redis = await startRedis();
    });
    afterAll(() => redis.stop());

    suite("Redis", async () => {
      await redis.cli("FLUSHALL");
      return { url: redis.url, close: async () => {} };
    });
    more(() => redis);
  });
}

/** `more` tries what else that RabbitMQ can be, its queues gone before each call of what it is given. */
export function onEveryBroker(
  name: string,
  suite: Suite,
  more: (make: () => Promise<SuiteBroker>) => void = () => {},
): void {
  onBrowsableBrokers(name, suite, (redis) => {
    describeWith("rabbitmq-server", "and a private rabbitmq-server", () => {
      let rabbit: RabbitServer;
      beforeAll(async () => {
        rabbit = await startRabbit();
      });
      afterAll(() => rabbit.stop());
      const make = async (): Promise<SuiteBroker> => {
        await dropQueues(rabbit);
        return { url: rabbit.url, close: async () => {} };
      };

      suite("RabbitMQ, its results on Redis", async () => {
        await redis().cli("FLUSHALL");
        return { ...(await make()), results: redis().url };
      });
      more(make);
    });
  });
}
