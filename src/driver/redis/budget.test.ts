/** How many Redis commands a task costs, those inside scripts counted, and how long a script keeps the server. */

import { expect, it } from "vitest";
import { Catch, idOf, never, openBackend, outgoing } from "../../../test/server/redis-backend.ts";
import { startRedis } from "../../../test/server/redis-server.ts";
import { describeWith } from "../../../test/server/required-program.ts";

const tasks = 1000;
/** Publish with dedupe 1, result and its announcement 2; the rest is shared by a batch. */
const budget = 4;

describeWith("redis-server", "redis budgets", () => {
  it(`runs ${tasks} tasks with at most ${budget} commands each`, async () => {
    await using redis = await startRedis();
    const backend = await openBackend(redis.url);
    const caught = await Catch.open(backend, "q", 0);
    await redis.cli("config", "resetstat");
    const ids = Array.from({ length: tasks }, () => crypto.randomUUID());
    await Promise.all(
      ids.map((id) =>
        backend.broker.publish([outgoing("q", id, { dedupe: { id, nonce: id, window: 60_000 } })], never),
      ),
    );
    caught.consumer.want(100, 100);
    for (let done = 0; done < tasks;) {
      const batch = (await caught.until(done + 1)).slice(done);
      done += batch.length;
      caught.consumer.started(batch, "suspect");
      const meta = Buffer.from('{"status":"SUCCESS","result":null}');
      await caught.consumer.settle(
        batch.map((delivery) => ({
          delivery,
          then: { kind: "ack" },
          result: { id: idOf(delivery), state: "SUCCESS", final: true, fence: delivery.fence, meta, ttl: 86_400_000 },
        })),
      );
    }
    const stats = (await redis.cli("info", "commandstats")).split(/\r?\n/).flatMap((line) => {
      const found = /^cmdstat_([^:]+):calls=(\d+)/.exec(line);
      return found === null ? [] : [[found[1] ?? "", Number(found[2])] as const];
    });
    const commands = stats.filter(([name]) => !/^(config|info|hello|select|client)/.test(name));
    const total = commands.reduce((sum, [, calls]) => sum + calls, 0);
    expect(total / tasks, JSON.stringify(Object.fromEntries(commands))).toBeLessThanOrEqual(budget);
    await backend.close();
    expect(await redis.cli("hlen", "unacked")).toBe("0");
  });
});
