/** An outbox in PostgreSQL with Redis as broker, whose relays are killed. `npm run test:long` has the other databases and brokers. */

import { test } from "vitest";
import { postgresNeed, startPostgres } from "../../server/postgres-server.ts";
import { startRedis } from "../../server/redis-server.ts";
import { describeNeeding, describeWith } from "../../server/required-program.ts";
import { sellWhileRelaysDie } from "./kills.ts";

describeNeeding(postgresNeed, "an outbox in PostgreSQL", () => {
  describeWith("redis-server", "with Redis as broker", () => {
    test("loses no order, sends none that was rolled back, and runs none twice, whenever its relays are killed", async () => {
      const [postgres, redis] = await Promise.all([startPostgres(), startRedis({ appendonly: true })]);
      try {
        await sellWhileRelaysDie({ place: postgres.url, broker: redis.url });
      } finally {
        await Promise.all([postgres.stop(), redis.stop()]);
      }
    }, 180_000);
  });
});
