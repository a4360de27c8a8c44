/** A worker with room wakes for each delayed message when it is due, not with its next slow look. */

import { expect, it } from "vitest";
import { Catch, idOf, never, openBackend, outgoing } from "../../../test/server/redis-backend.ts";
import { startRedis } from "../../../test/server/redis-server.ts";
import { describeWith } from "../../../test/server/required-program.ts";

describeWith("redis-server", "what falls due one after the other", () => {
  it("is claimed in time, though the claim before it brought something", async () => {
    await using redis = await startRedis();
    const backend = await openBackend(redis.url);
    const caught = await Catch.open(backend, "q", 10);
    const begun = Date.now();
    const batch = [100, 250, 400].map((after) => outgoing("q", `after-${String(after)}`, { due: begun + after }));
    await backend.broker.publish(batch, never);
    const late: Record<string, number> = {};
    for (let n = 1; n <= 3; n++) {
      const delivery = (await caught.until(n))[n - 1];
      if (delivery !== undefined) late[idOf(delivery)] = Date.now() - begun - Number(idOf(delivery).slice(6));
    }
    // The slow look comes once a second.
    for (const ms of Object.values(late)) expect(ms, JSON.stringify(late)).toBeLessThan(200);
    await backend.close();
  });
});
