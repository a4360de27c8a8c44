/** Opening: what is refused, what is warned of, and what an error may say. */

import { afterEach, describe, expect, it } from "vitest";
import { makeBackend, never, openBackend } from "../../../test/server/redis-backend.ts";
import { startRedis, type RedisServer, type RedisServerOptions } from "../../../test/server/redis-server.ts";
import { describeWith } from "../../../test/server/required-program.ts";
import { startProxy } from "../../../test/server/tcp-proxy.ts";
import { checkServer } from "./server-check.ts";

const good = "redis_version:7.0.15\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n";
const codes = (warnings: readonly { code: string }[]): string[] => warnings.map((warning) => warning.code);

describe("the facts of a server", () => {
  it("accepts 6.2 and later, and Valkey", () => {
    expect(checkServer(good, "r", false)).toEqual({ major: 7, warnings: [] });
    expect(checkServer(good.replace("7.0.15", "6.2.0"), "r", false).major).toBe(6);
    expect(checkServer(`${good}valkey_version:8.1.0\r\n`, "r", false).major).toBe(7);
  });
  it("refuses what is older, and a cluster", () => {
    expect(() => checkServer(good.replace("7.0.15", "6.0.16"), "r", false)).toThrow(/6\.0\.16.*6\.2/);
    expect(() => checkServer(`${good}cluster_enabled:1\r\n`, "r", false)).toThrow(/Cluster/);
  });
  it("says what can be lost", () => {
    const { warnings } = checkServer(
      good.replace("noeviction", "volatile-lru").replace("aof_enabled:1", "aof_enabled:0"),
      "r",
      false,
    );
    expect(codes(warnings)).toEqual(["EVICTION_VOLATILE", "NOT_DURABLE"]);
    expect(warnings[1]?.text).toMatch(/is lost/);
  });
});

describeWith("redis-server", "opening a redis backend", () => {
  const servers: RedisServer[] = [];
  const start = async (options?: RedisServerOptions): Promise<RedisServer> => {
    const server = await startRedis(options);
    servers.push(server);
    return server;
  };
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stop()));
  });

  it("warns of a server that keeps nothing, and not of one that does", async () => {
    const [memory, disk] = [await start(), await start({ appendonly: true })];
    for (const [server, expected] of [
      [memory, ["NOT_DURABLE"]],
      [disk, []],
    ] as const) {
      const backend = makeBackend(server.url);
      expect(codes(await backend.open(never))).toEqual(expected);
      await backend.close();
    }
  });

  it("refuses a server that evicts tasks, unless told to accept it", async () => {
    const server = await start({ appendonly: true, config: { "maxmemory-policy": "allkeys-lru" } });
    await expect(makeBackend(server.url).open(never)).rejects.toMatchObject({ code: "EVICTION_ENABLED" });
    const backend = makeBackend(server.url, { allowEviction: true });
    expect(codes(await backend.open(never))).toEqual(["EVICTION_ENABLED"]);
    await backend.close();
  });

  it("opens with a password, and refuses a wrong one without showing it", async () => {
    const server = await start({ appendonly: true, password: "correct horse" });
    const backend = makeBackend(server.url);
    expect(await backend.open(never)).toEqual([]);
    await backend.close();
    for (const login of ["", ":battery-staple@", "mallory:battery-staple@"]) {
      const wrong = makeBackend(`redis://${login}127.0.0.1:${server.port}`);
      const error = await wrong.open(never).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: "BACKEND_REFUSED" });
      const shown = [error, (error as Error).cause].map((one) => String(one instanceof Error ? one.stack : one)).join();
      expect(shown).not.toContain("battery");
    }
  });

  it("says within its deadline that nobody is there", async () => {
    const server = await start();
    await server.stop();
    await expect(makeBackend(server.url, { commandTimeout: 2_000 }).open(never)).rejects.toMatchObject({
      code: "BACKEND_UNREACHABLE",
    });
  });

  it("says within its deadline that a server is there and says nothing", async () => {
    const server = await start();
    const proxy = await startProxy(server.port);
    proxy.blackHole(true);
    const backend = makeBackend(`redis://127.0.0.1:${proxy.port}`, { commandTimeout: 300 });
    await expect(backend.open(never)).rejects.toMatchObject({ code: "BACKEND_UNREACHABLE" });
    await proxy.close();
  });

  it("stops trying when its signal aborts", async () => {
    const server = await start();
    const proxy = await startProxy(server.port);
    proxy.blackHole(true);
    const backend = makeBackend(`redis://127.0.0.1:${proxy.port}`, { commandTimeout: 60_000 });
    await expect(backend.open(AbortSignal.timeout(100))).rejects.toMatchObject({ code: "BACKEND_UNREACHABLE" });
    await proxy.close();
  });

  it("uses the database of the URL", async () => {
    const server = await start();
    const backend = await openBackend(`redis://127.0.0.1:${server.port}/5`);
    await backend.store.commit([
      { id: "x", state: "SUCCESS", final: true, fence: 1, meta: Buffer.from('{"status":"SUCCESS"}'), ttl: undefined },
    ]);
    expect(await server.cli("-n", "5", "exists", "celery-task-meta-x")).toBe("1");
    expect(await server.cli("-n", "0", "exists", "celery-task-meta-x")).toBe("0");
    await backend.close();
  });
});
