/**
 * The few methods of ioredis that this driver uses, and how a client is told not to lie: no queue of its own, nothing sent twice,
 * no reconnecting behind our back. Each connection is one client; `Link` makes the next.
 */

import { CeleriacError } from "../../error/celeriac-error.ts";
import type { Millis } from "../../port/units.ts";
import type { Location } from "./location.ts";

export type Argument = string | Buffer;

export interface RedisClient {
  connect(): Promise<void>;
  disconnect(reconnect?: boolean): void;
  call(command: string, args: readonly Argument[]): Promise<unknown>;
  callBuffer(command: string, args: readonly Argument[]): Promise<unknown>;
  subscribe(...channels: string[]): Promise<unknown>;
  unsubscribe(...channels: string[]): Promise<unknown>;
  psubscribe(...patterns: string[]): Promise<unknown>;
  punsubscribe(...patterns: string[]): Promise<unknown>;
  on(event: "close", listener: () => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "messageBuffer", listener: (channel: Buffer, message: Buffer) => void): unknown;
  on(event: "pmessageBuffer", listener: (pattern: Buffer, channel: Buffer, message: Buffer) => void): unknown;
}

/** Makes an unconnected client. */
export type ClientFactory = () => RedisClient;

interface ClientModule {
  readonly Redis: new (options: object) => RedisClient;
}

/** Loads ioredis, which only those install whose URL says Redis. */
export async function loadClient(location: Location, timeout: Millis): Promise<ClientFactory> {
  let loaded: ClientModule;
  try {
    loaded = (await import("ioredis")) as unknown as ClientModule;
  } catch (cause) {
    throw new CeleriacError(
      "CLIENT_MISSING",
      'the broker URL says Redis, but the package "ioredis" can\'t be loaded; run `npm install ioredis` (version 6).',
      { cause, details: { package: "ioredis" } },
    );
  }
  const { Redis } = loaded;
  const options = {
    host: location.host,
    port: location.port,
    db: location.db,
    ...(location.username === undefined ? {} : { username: location.username }),
    ...(location.password === undefined ? {} : { password: location.password }),
    ...(location.tls ? { tls: { servername: location.host } } : {}),
    // RESP2: the shapes of replies are the same on every server from 6.2 on.
    protocol: 2,
    lazyConnect: true,
    connectTimeout: timeout,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    retryStrategy: null,
    // How long a polite end may take before the socket is destroyed: a line that is given up has no polite end.
    disconnectTimeout: 20,
    keepAlive: 15_000,
    disableClientInfo: true,
  };
  return () => new Redis(options);
}
