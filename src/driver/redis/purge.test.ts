/** Purging a queue of very many keys: none is held by what is no more. */

import { expect, it } from "vitest";
import { openBackend } from "../../../test/server/redis-backend.ts";
import { startRedis } from "../../../test/server/redis-server.ts";
import { describeWith } from "../../../test/server/required-program.ts";

/** Rows as calls that wait leave them; sent one by one they would take seconds. */
const rows = `for i = 1, 12000 do
  local row = 'celeriac:call:q:' .. i
  redis.call('HSET', row, 'id', i, 'f', '1')
  redis.call('PEXPIRE', row, 86400000)
  redis.call('ZADD', 'celeriac:calls:q', 86400000, row)
end`;

describeWith("redis-server", "a purge on redis", () => {
  it("gives up the keys of more calls than one look reads", async () => {
    const redis = await startRedis();
    const backend = await openBackend(redis.url, {});
    try {
      await redis.cli("eval", rows, "0");
      await backend.broker.queues.purge("q", { ready: true, delayed: false });
      expect(await redis.cli("zcard", "celeriac:calls:q")).toBe("0");
      expect(await redis.cli("exists", "celeriac:call:q:1", "celeriac:call:q:12000")).toBe("0");
    } finally {
      await backend.close();
      await redis.stop();
    }
  });
});
