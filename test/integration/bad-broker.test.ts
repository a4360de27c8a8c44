/** Brokers that are not there, not ours, or not to be trusted: a code, a deadline that is kept, and never a password in any text. */

import { createServer, type Server } from "node:net";
import { inspect } from "node:util";
import { afterEach, describe, expect, it, test } from "vitest";
import { type App, type AppOptions, type CeleriacError, createApp } from "../../src/index.ts";
import { celeriac } from "../server/command-line.ts";
import { type RedisServer, startRedis } from "../server/redis-server.ts";
import { describeWith } from "../server/required-program.ts";

const secret = "hunter2";
const soon = { timeout: "60s" } as const;
const apps: App[] = [];
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
});
function open(broker: string, options: AppOptions = {}): App {
  const app = createApp({ name: "guest", broker, publishTimeout: "60s", ...options });
  apps.push(app);
  return app;
}
const declare = (app: App) => app.task("t", (_: { n: number }) => "fine");

/** What anybody may print of an error: its texts, its causes, every property that a log could show. */
function textsOf(error: unknown): string {
  const texts = [inspect(error, { depth: Infinity, showHidden: true, getters: true }), JSON.stringify(error)];
  for (let each = error; each instanceof Error; each = each.cause) texts.push(String(each), each.stack ?? "");
  return texts.join("\n");
}

/** Rejects, with a code, and keeps the password to itself. */
async function refused(call: () => Promise<unknown>): Promise<CeleriacError> {
  const error: unknown = await call().then(
    (value) => expect.fail(`resolved with ${inspect(value)}`),
    (failed: unknown) => failed,
  );
  expect(error).toMatchObject({ name: "CeleriacError" });
  expect(textsOf(error)).not.toContain(secret);
  return error as CeleriacError;
}

describe("a broker URL", () => {
  it.each([
    "",
    "localhost:6379",
    "127.0.0.1",
    "sqlite:",
    `rabbit://user:${secret}@host`,
    `redis://user:${secret}@host:port/0`,
    `redis://user:${secret}@/0`,
    `redis://user:${secret}@host/zero`,
    `redis://user:${secret}@host:6379/0/1`,
    `redis://user:ab/${secret}@host:6379/0`,
    `redis://user:ab#${secret}@host:6379/0`,
    `redis://user:ab@${secret}@host:port/0`,
    `redis:user:${secret}@host:port`,
    `${secret}@host`,
  ])("that is wrong is refused when the app is made: %j", async (url) => {
    const error = await refused(async () => createApp({ broker: url }));
    expect(error.code).toBe("BROKER_URL_INVALID");
  });

  it("with an option that does not exist is refused at the first use, and by a worker", async () => {
    const app = open(`redis://:${secret}@127.0.0.1:1/0?pasword=${secret}`);
    const task = declare(app);
    expect(await refused(() => task.delay({ n: 1 }))).toMatchObject({ code: "BROKER_URL_INVALID" });
    expect(await refused(() => app.work({ pool: "inline" }))).toMatchObject({ code: "BROKER_URL_INVALID" });
  });

  it("stays out of what is printed of an app", () => {
    expect(inspect(open(`redis://user:${secret}@127.0.0.1:1/0`), { depth: Infinity })).not.toContain(secret);
  });
});

describe("a broker that is not there", () => {
  it("is told as such, with host and port, within the deadline of the call", async () => {
    const far = `redis://user:${secret}@127.0.0.1:1/0`;
    const task = declare(open(far, { publishTimeout: "10m" }));
    const error = await refused(() => task.enqueue({ n: 1 }, { timeout: "5s" }));
    expect(error).toMatchObject({ code: "BACKEND_UNREACHABLE", message: expect.stringContaining("127.0.0.1:1") });
    const app = open(far, { publishTimeout: "1s" });
    declare(app);
    expect(await refused(() => app.work({ pool: "inline" }))).toMatchObject({ code: "BACKEND_UNREACHABLE" });
    expect(await refused(() => app.queues.list())).toMatchObject({ code: "BACKEND_UNREACHABLE" });
  });

  describe("but something else is", () => {
    let server: Server;
    const listen = async (answer: string | undefined): Promise<number> => {
      server = createServer((socket) => {
        socket.on("error", () => {}).resume();
        if (answer !== undefined) socket.end(answer);
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const address = server.address();
      return typeof address === "object" && address !== null ? address.port : 0;
    };
    afterEach(async () => {
      await Promise.all(apps.splice(0).map((app) => app.close()));
      await new Promise((resolve) => server.close(resolve));
    });

    it.each([
      ["says nothing", undefined],
      ["speaks another protocol", "HTTP/1.1 400 Bad Request\r\n\r\n"],
      ["hangs up", ""],
    ])("that %s: no call hangs", async (_, answer) => {
      const app = open(`redis://user:${secret}@127.0.0.1:${String(await listen(answer))}/0`, {
        publishTimeout: "500ms",
      });
      const task = declare(app);
      const error = await refused(() => task.delay({ n: 1 }));
      expect(["BACKEND_UNREACHABLE", "BACKEND_REFUSED"]).toContain(error.code);
      const worker = await refused(() => app.work({ pool: "inline" }));
      expect(["BACKEND_UNREACHABLE", "BACKEND_REFUSED"]).toContain(worker.code);
    });
  });
});

describeWith("redis-server", "a Redis", () => {
  const with_ = (server: RedisServer, login: string): string => `redis://${login}127.0.0.1:${String(server.port)}/0`;

  test("that refuses the password says so, and not which", async () => {
    await using server = await startRedis({ password: "right" });
    await server.cli("ACL", "SETUSER", "clerk", "on", `>${secret}`, "~*", "&*", "+ping", "+info");
    for (const login of [`:${secret}@`, `user:${secret}@`, "", `clerk:${secret}@`]) {
      const app = open(with_(server, login));
      const task = declare(app);
      const error = await refused(() => task.delay({ n: 1 }));
      expect(error, login).toMatchObject({
        code: "BACKEND_REFUSED",
        message: expect.stringContaining(`127.0.0.1:${String(server.port)}`),
      });
      expect(await refused(() => app.work({ pool: "inline" })), login).toMatchObject({ code: "BACKEND_REFUSED" });
    }
    for (const args of [["queues"], ["status"], ["doctor"], ["call", "t"]]) {
      const shown = await celeriac([...args, "--broker", with_(server, `:${secret}@`)], { CELERIAC_DEBUG: "1" });
      expect(shown.code, args.join(" ")).toBe(1);
      expect(shown.stdout + shown.stderr).toContain("BACKEND_REFUSED");
      expect(shown.stdout + shown.stderr).not.toContain(secret);
    }
  });

  test("whose password is changed under a running app: calls end, and go on when it is changed back", async () => {
    await using server = await startRedis({ password: secret });
    const app = open(with_(server, `:${secret}@`));
    const task = declare(app);
    const impatient = declare(open(with_(server, `:${secret}@`), { publishTimeout: "1s" }));
    const worker = await app.work({ pool: "inline", lease: "60s" });
    expect(await (await task.delay({ n: 1 })).get(soon)).toBe("fine");
    await server.cli("CONFIG", "SET", "requirepass", "other");
    await server.cli("-a", "other", "--no-auth-warning", "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    await server.cli("-a", "other", "--no-auth-warning", "CLIENT", "KILL", "TYPE", "pubsub");
    const error = await refused(() => impatient.delay({ n: 2 }));
    expect(["BACKEND_UNREACHABLE", "PUBLISH_UNKNOWN", "BACKEND_REFUSED"]).toContain(error.code);
    await server.cli("-a", "other", "--no-auth-warning", "CONFIG", "SET", "requirepass", secret);
    const sent = await task.enqueue({ n: 3 }, { timeout: "60s" });
    expect(await sent.get(soon)).toBe("fine");
    await worker.stop();
  });

  test("that is stopped: a request ends at its deadline, and says whether the same id may be sent again", async () => {
    await using server = await startRedis();
    const app = open(server.url, { publishTimeout: "5s" });
    const task = declare(app);
    await task.enqueue({ n: 1 }, { id: "first", timeout: "60s" });
    await server.kill("SIGSTOP");
    const calls = [1, 2, 3].map((n) =>
      refused(() => task.enqueue({ n }, { id: `call-${String(n)}`, timeout: "600ms" })),
    );
    for (const error of await Promise.all(calls)) {
      expect(error).toMatchObject({ code: "PUBLISH_UNKNOWN", details: { timeout: 600 } });
    }
    const late = refused(() => task.enqueue({ n: 4 }, { id: "call-4", timeout: "600ms" }));
    expect(["PUBLISH_UNKNOWN", "BACKEND_UNREACHABLE"]).toContain((await late).code);
    const signal = AbortSignal.timeout(200);
    const given = task.enqueue({ n: 5 }, { id: "call-5", signal, timeout: "1h" });
    await expect(given).rejects.toMatchObject({ name: "TimeoutError" });

    await server.kill("SIGCONT");
    await app.work({ pool: "inline", lease: "60s" });
    const sent = await task.enqueue({ n: 1 }, { id: "call-1", timeout: "60s" });
    expect(await sent.get(soon)).toBe("fine");
    expect(await app.result("first").get(soon)).toBe("fine");
  });

  test("that evicts any key is refused, or warned of where that is accepted", async () => {
    await using server = await startRedis({ maxmemory: "64mb", config: { "maxmemory-policy": "allkeys-lru" } });
    const app = open(server.url);
    const task = declare(app);
    const error = await refused(() => task.delay({ n: 1 }));
    expect(error).toMatchObject({ code: "EVICTION_ENABLED", message: expect.stringContaining("allkeys-lru") });
    expect(await refused(() => app.work({ pool: "inline" }))).toMatchObject({ code: "EVICTION_ENABLED" });
    expect(await server.cli("DBSIZE")).toBe("0");
    expect(await warnings(open(server.url, { allowEviction: true }))).toMatchObject({
      EVICTION_ENABLED: expect.stringContaining("queues with tasks"),
    });
  });

  test("that evicts keys which expire, and keeps nothing on disk, is used with two warnings that say what can be lost", async () => {
    await using server = await startRedis({ maxmemory: "64mb", config: { "maxmemory-policy": "volatile-lru" } });
    expect(await warnings(open(server.url))).toEqual({
      EVICTION_VOLATILE: expect.stringMatching(/Tasks stay, but results, dead letters, .* can be lost/),
      NOT_DURABLE: expect.stringMatching(/every task and result accepted since .* is lost.*appendonly yes/s),
    });
    await server.cli("CONFIG", "SET", "maxmemory-policy", "noeviction");
    await server.cli("CONFIG", "SET", "appendonly", "yes");
    expect(await warnings(open(server.url))).toEqual({});
  });

  test("whose memory is used up takes no more, says so, and loses nothing that it has", async () => {
    await using server = await startRedis({ maxmemory: "4mb" });
    const app = open(server.url);
    const task = app.task("large", ({ text }: { text: string }) => text.length);
    const accepted: string[] = [];
    const fill = async (): Promise<void> => {
      for (let n = 0; n < 1000; n++) accepted.push((await task.delay({ text: "x".repeat(100_000) })).id);
    };
    expect(await refused(fill)).toMatchObject({ code: "QUEUE_FULL", message: expect.stringContaining("maxmemory") });
    expect(accepted.length).toBeGreaterThan(3);
    await app.work({ pool: "inline", lease: "60s" });
    const lengths = await Promise.all(accepted.map((id) => app.result(id).get(soon)));
    expect(new Set(lengths)).toEqual(new Set([100_000]));
  });

  /** What a worker says at its start, by code. */
  async function warnings(app: App): Promise<Record<string, string>> {
    declare(app);
    const heard: Record<string, string> = {};
    const worker = await app.work({
      pool: "inline",
      onEvent: ({ type, code, text }) => {
        if (type === "worker:warning") heard[code ?? ""] = text ?? "";
      },
    });
    await worker.stop();
    return heard;
  }
});
