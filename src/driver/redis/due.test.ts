/** A worker with room wakes for each delayed message when it is due, not with its next slow look. */

import { expect, it } from "vitest";
import { type Clock, systemClock } from "../../clock/clock.ts";
import { Catch, idOf, never, openBackend, outgoing } from "../../../test/server/redis-backend.ts";
import { startRedis } from "../../../test/server/redis-server.ts";
import { describeWith } from "../../../test/server/required-program.ts";

describeWith("redis-server", "what falls due one after the other", () => {
  it("is claimed in time, though the claim before it brought something", async () => {
    await using redis = await startRedis();
    // How long each timer of the driver runs, with when it was set, on the machine's clock.
    const timers: { readonly set: number; readonly ms: number }[] = [];
    const clock: Clock = {
      ...systemClock,
      after(ms, run) {
        timers.push({ set: Date.now(), ms });
        return systemClock.after(ms, run);
      },
    };
    const backend = await openBackend(redis.url, { clock });
    const caught = await Catch.open(backend, "q", 10);
    const begun = Date.now();
    const batch = [1_500, 2_750, 3_900].map((after) => outgoing("q", `after-${String(after)}`, { due: begun + after }));
    await backend.broker.publish(batch, never);
    expect((await caught.until(3)).map(idOf)).toEqual(["after-1500", "after-2750", "after-3900"]);
    // One is set for the moment of each.
    const ends = timers.map(({ set, ms }) => set + ms - begun);
    for (const after of [1_500, 2_750, 3_900])
      expect(
        ends.some((end) => Math.abs(end - after) < 60),
        `${String(after)} in ${ends.join()}`,
      ).toBe(true);
    await backend.close();
  });
});
