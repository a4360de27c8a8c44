/** A private RabbitMQ for the tests of one suite, and backends on it, some through a proxy, that are closed after each test. */

import { afterAll, afterEach, beforeAll } from "vitest";
import type { RabbitBackend } from "../../src/driver/rabbitmq/index.ts";
import { openBackend } from "./rabbitmq-backend.ts";
import { type RabbitServer, type RabbitServerOptions, startRabbit } from "./rabbitmq-server.ts";
import { startProxy, type TcpProxy } from "./tcp-proxy.ts";

export interface RabbitStage {
  readonly rabbit: RabbitServer;
  readonly urlOf: (port: number, query?: string) => string;
  /** An opened one; `query` goes behind the heartbeat and begins with `&`. */
  readonly backendOf: (query?: string, port?: number) => Promise<RabbitBackend>;
  /** One that a test opened itself is closed after it too. */
  readonly closeLater: (backend: RabbitBackend) => void;
  readonly throughProxy: (query?: string) => Promise<{ readonly backend: RabbitBackend; readonly proxy: TcpProxy }>;
}

/** A boot is some seconds, several times that when other suites run beside it. */
const bootLimit = 180_000;

/** Registers the hooks; call it inside `describe`. `heartbeat` in seconds. */
export function useRabbit(options: RabbitServerOptions & { readonly heartbeat?: number } = {}): RabbitStage {
  const { heartbeat = 10, ...server } = options;
  let rabbit: RabbitServer | undefined;
  const opened: RabbitBackend[] = [];
  const proxies: TcpProxy[] = [];
  beforeAll(async () => {
    rabbit = await startRabbit(server);
  }, bootLimit);
  afterAll(() => rabbit?.stop());
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((backend) => backend.close()));
    await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
  });
  const running = (): RabbitServer => {
    if (rabbit === undefined) throw new Error("the server did not start");
    return rabbit;
  };
  const urlOf = (port: number, query = ""): string => `amqp://127.0.0.1:${port}//?heartbeat=${heartbeat}${query}`;
  const backendOf = async (query = "", port = running().port): Promise<RabbitBackend> => {
    const backend = await openBackend(urlOf(port, query));
    opened.push(backend);
    return backend;
  };
  return {
    get rabbit() {
      return running();
    },
    urlOf,
    backendOf,
    closeLater: (backend) => void opened.push(backend),
    throughProxy: async (query = "") => {
      const proxy = await startProxy(running().port);
      proxies.push(proxy);
      return { proxy, backend: await backendOf(query, proxy.port) };
    },
  };
}
