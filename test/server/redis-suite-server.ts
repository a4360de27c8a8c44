/** Redis for the conformance suites: a private server, each client behind a proxy and a clock of its own. */

import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/clock/clock.ts";
import { open as openRedis } from "../../src/driver/redis/index.ts";
import { claimScript } from "../../src/driver/redis/script/claim.ts";
import { takeScript } from "../../src/driver/redis/script/custody.ts";
import { growJoinScript } from "../../src/driver/redis/script/join.ts";
import { beginScript, finishScript } from "../../src/driver/redis/script/ledger.ts";
import { publishScript } from "../../src/driver/redis/script/publish.ts";
import { Scripts, type Script } from "../../src/driver/redis/script/script.ts";
import { settleScript } from "../../src/driver/redis/script/settle.ts";
import {
  stoppableClock,
  type CutCall,
  type MakeServer,
  type SuiteServer,
} from "../../src/testing/conformance/suite-server.ts";
import { shimClock } from "./clock-shim.ts";
import { dropLinks, ProxiedClients } from "./proxied-clients.ts";
import { startRedis, type RedisServer } from "./redis-server.ts";
import { startProxy } from "./tcp-proxy.ts";

const scripts: Readonly<Record<CutCall, Script>> = {
  publish: publishScript,
  claim: claimScript,
  settle: settleScript,
  begin: beginScript,
  take: takeScript,
  finish: finishScript,
  grow: growJoinScript,
};

export interface RedisSuiteOptions {
  readonly keyPrefix?: string;
  readonly query?: string;
}

export function redisSuiteServer(options: RedisSuiteOptions = {}): MakeServer {
  return async () => makeServer(await startRedis({ appendonly: true }), options);
}

/** A server whose wall clock can be stepped; its monotonic clock goes on, as after a step by an administrator or NTP. */
export function steppableRedisServer(): MakeServer {
  return async () => {
    const dir = await mkdtemp(join(tmpdir(), "celeriac-clock-"));
    const clock = await shimClock(dir);
    const redis = await startRedis({ env: clock.env });
    let offset = 0;
    const server = makeServer(redis, {}, () => offset);
    return {
      ...server,
      async jumpWallClock(ms) {
        offset += ms;
        await clock.set(offset);
      },
      async close() {
        await server.close();
        await rm(dir, { recursive: true, force: true });
      },
    };
  };
}

function makeServer(redis: RedisServer, options: RedisSuiteOptions, offset: () => number = () => 0): SuiteServer {
  const clients = new ProxiedClients();
  const keyPrefix = options.keyPrefix ?? "";
  return {
    timing: { lease: 1200, sweep: 200 },
    pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    now: () => Date.now() + offset(),
    async open(overrides, mortal = false) {
      const proxy = await startProxy(redis.port);
      const clock = stoppableClock({ ...systemClock, now: () => Date.now() + offset() });
      const backend = openRedis({
        url: new URL(`redis://127.0.0.1:${proxy.port}/0${options.query ?? ""}`),
        clock,
        maxMessageBytes: 16 * 1024 * 1024,
        maxDepth: 0,
        commandTimeout: mortal ? 3000 : 30_000,
        allowEviction: false,
        keyPrefix,
        ...overrides,
      });
      await backend.open(new AbortController().signal);
      const close = async (): Promise<void> => {
        await backend.close();
        await proxy.close();
      };
      const client = {
        broker: backend.broker,
        store: backend.store,
        bus: backend.bus,
        lease: backend.lease,
        control: backend.control,
        limits: backend.limits,
        replies: backend.replies,
        open: (signal: AbortSignal) => backend.open(signal),
        examine: () => backend.examine(),
        close,
      };
      return clients.add(client, proxy, clock);
    },
    restart: () => redis.restart(),
    putRaw: (queue, bytes) => push(redis, keyPrefix + queue, bytes),
    cutReply: (client, call) => {
      // The suite goes on to make the call; when the answer is lost is the proxy's affair.
      void clients.proxyOf(client).loseReplyTo(new Scripts().shaOf(scripts[call]));
      return Promise.resolve();
    },
    cutOff: (client) => Promise.resolve(clients.proxyOf(client).blackHole(true)),
    async loseEvents(_from, to) {
      const proxy = clients.proxyOf(to);
      dropLinks(proxy);
      await redis.cli("PUBLISH", `${keyPrefix}/0.celeryev/suite.lost`, "{}");
      proxy.refuse(false);
    },
    close: () => redis.stop(),
  };
}

/** As a stranger would: LPUSH with bytes that need not be text. */
async function push(redis: RedisServer, key: string, bytes: Uint8Array): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const socket = connect(redis.port, "127.0.0.1");
    socket.once("error", reject);
    socket.once("data", () => socket.end());
    socket.once("close", () => resolve());
    const name = Buffer.from(key);
    socket.write(`*3\r\n$5\r\nLPUSH\r\n$${name.length}\r\n`);
    socket.write(Buffer.concat([name, Buffer.from(`\r\n$${bytes.length}\r\n`), bytes, Buffer.from("\r\n")]));
  });
}
