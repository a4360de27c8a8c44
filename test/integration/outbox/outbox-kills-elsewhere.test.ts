/** The same as `outbox-kills.test.ts`, with outboxes in SQLite and MariaDB and other brokers. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "vitest";
import { mariadbNeed, startMariadb } from "../../server/mariadb-server.ts";
import { startRabbit } from "../../server/rabbitmq-server.ts";
import { startRedis } from "../../server/redis-server.ts";
import { describeNeeding, describeWith } from "../../server/required-program.ts";
import { sellWhileRelaysDie } from "./kills.ts";

describe("an outbox in SQLite, with a queue file as broker", () => {
  test("loses no order, and none is run twice", async () => {
    const folder = mkdtempSync(join(tmpdir(), "celeriac-outbox-"));
    try {
      await sellWhileRelaysDie({
        place: `sqlite:${join(folder, "shop.db")}`,
        broker: `sqlite:${join(folder, "queue.db")}`,
      });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }, 180_000);
});

describeNeeding(mariadbNeed, "an outbox in MariaDB", () => {
  describeWith("rabbitmq-server", "with RabbitMQ as broker, and results on Redis", () => {
    test("loses no order, and starts none twice though RabbitMQ has it twice", async () => {
      const [mariadb, rabbit, redis] = await Promise.all([startMariadb(), startRabbit(), startRedis()]);
      try {
        await sellWhileRelaysDie({ place: `mysql:${mariadb.port}`, broker: rabbit.url, results: redis.url });
      } finally {
        await Promise.all([mariadb.stop(), rabbit.stop(), redis.stop()]);
      }
    }, 180_000);
  });
});
