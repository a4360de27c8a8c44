/** Scripts in the form that Redis 6.2 gets, where no line can say that they may run at full memory; and a client that is not there. */

import { expect, it, vi } from "vitest";
import { eventually } from "../../../../test/server/redis-backend.ts";
import { startRedis } from "../../../../test/server/redis-server.ts";
import { describeWith } from "../../../../test/server/required-program.ts";
import { systemClock } from "../../../clock/clock.ts";
import { loadClient } from "../client.ts";
import { Link } from "../link.ts";
import { readLocation } from "../location.ts";
import { takeLimitsScript } from "./limit.ts";
import { publishScript } from "./publish.ts";
import { Scripts } from "./script.ts";
import { termScript } from "./term.ts";

describeWith("redis-server", "redis scripts for 6.2", () => {
  it("run at full memory after a first write that writes nothing; publish does not", async () => {
    await using redis = await startRedis({ maxmemory: "3mb" });
    const location = readLocation(new URL(redis.url));
    const make = await loadClient(location, 2000);
    const link = new Link({ clock: systemClock, make, timeout: 2000, name: location.name });
    await link.open(new AbortController().signal);
    const fill = async (): Promise<boolean> =>
      await link.call("LPUSH", ["fill", "x".repeat(50_000)]).then(
        () => false,
        () => true,
      );
    await eventually("a full server", fill);
    const scripts = new Scripts();
    scripts.forServer(6);
    await expect(scripts.run(link, termScript, ["unacked", "term"], ["acquire", "a", "1000", ""])).resolves.toEqual([
      "1",
      expect.any(String),
    ]);
    const ask = ["60000", "600000", "celeriac:", "", "r", "1", "1000", "1", "", "", "s", "1", "1000", "a", "", ""];
    await expect(scripts.run(link, takeLimitsScript, ["unacked", "index", "rate", "slots"], ask)).resolves.toEqual([
      0, 0,
    ]);
    const lists = ["q", "q3", "q6", "q9"];
    const keys = ["unacked", "index", "fence", "bell", "due", ...lists];
    const args = ["q", "0", "6", "4", "0", "0", "", "message", "", "", ""];
    await expect(scripts.run(link, publishScript, keys, args)).rejects.toMatchObject({ word: "OOM" });
    expect(await redis.cli("exists", "q", "bell", "fence")).toBe("0");
    link.close();
  });
});

it("names the package that is missing", async () => {
  vi.doMock("ioredis", () => {
    throw new Error("Cannot find package 'ioredis'");
  });
  const failure = loadClient(readLocation(new URL("redis://h")), 100);
  await expect(failure).rejects.toMatchObject({
    code: "CLIENT_MISSING",
    message: expect.stringContaining("npm install ioredis"),
  });
  vi.doUnmock("ioredis");
});
