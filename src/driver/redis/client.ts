/**
 * The few methods of ioredis that this driver uses, and how a client is told not to lie: no queue of its own, nothing sent twice,
 * no reconnecting behind our back. Each connection is one client; `Link` makes the next.
 */

import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { CeleriacError } from "../../error/celeriac-error.ts";
import type { Millis } from "../../port/units.ts";
import type { Location, TlsOptions } from "./location.ts";

export type Argument = string | Buffer;

export interface RedisClient {
  connect(): Promise<void>;
  disconnect(reconnect?: boolean): void;
  call(command: string, args: readonly Argument[]): Promise<unknown>;
  callBuffer(command: string, args: readonly Argument[]): Promise<unknown>;
  /** `request`: the whole of it as the server reads it, not to be changed before the answer is there. */
  callWritten(command: string, request: Buffer): Promise<unknown>;
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

/** As far as it is ioredis's own. */
interface BareClient extends Omit<RedisClient, "callWritten"> {
  sendCommand(command: object): Promise<unknown>;
}

interface ClientModule {
  readonly Redis: new (options: object) => BareClient;
  readonly Command: new (name: string, args: readonly Argument[], options: object) => object;
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
  const Redis = writingClient(loaded);
  const options = {
    ...(location.username === undefined ? {} : { username: location.username }),
    ...(location.password === undefined ? {} : { password: location.password }),
    db: location.db,
    // RESP2: the shapes of replies are the same on every server from 6.2 on.
    protocol: 2,
    lazyConnect: true,
    connectTimeout: timeout,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    retryStrategy: null,
    // A server that is read from its file says when it will be ready in whole seconds, and is asked again then: a lease would be over by that.
    maxLoadingRetryTime: 100,
    // How long a polite end may take before the socket is destroyed: a line that is given up has no polite end.
    disconnectTimeout: 20,
    keepAlive: 15_000,
    disableClientInfo: true,
  };
  const tls = location.tls && (await readTlsFiles(location.tls));
  const { sentinel } = location;
  if (sentinel === undefined) {
    const { host, port } = location;
    return () => new Redis({ ...options, host, port, ...(tls && { tls: { ...tls, ...namedFor(host) } }) });
  }
  // A sentinel that says nothing must leave time for the others, and for the server itself.
  const share = timeout / (sentinel.hosts.length + 1);
  let turn = 0;
  return () => {
    const first = turn++ % sentinel.hosts.length;
    return new Redis({
      ...options,
      connectTimeout: share,
      sentinels: [...sentinel.hosts.slice(first), ...sentinel.hosts.slice(0, first)],
      name: sentinel.master,
      sentinelUsername: sentinel.username,
      sentinelPassword: sentinel.password,
      sentinelCommandTimeout: share,
      sentinelRetryStrategy: null,
      ...(tls && { tls, enableTLSForSentinelMode: true }),
      ...(sentinel.tls && { sentinelTLS: tls ?? {} }),
    });
  };
}

/** ioredis puts the buffers of a command together into a new one; who has its bytes together already sends them as they are. */
function writingClient({ Redis, Command }: ClientModule): new (options: object) => RedisClient {
  class WrittenCommand extends Command {
    readonly #request: Buffer;

    constructor(name: string, request: Buffer) {
      super(name, [], { replyEncoding: "utf8" });
      this.#request = request;
    }

    toWritable(): Buffer {
      return this.#request;
    }
  }
  return class extends Redis {
    callWritten(command: string, request: Buffer): Promise<unknown> {
      return this.sendCommand(new WrittenCommand(command, request));
    }
  };
}

/** Node's own names for what the URL says. Throws BROKER_URL_INVALID. */
async function readTlsFiles(tls: TlsOptions): Promise<object> {
  const [ca, cert, key] = await Promise.all([
    contentOf("ssl_ca_certs", tls.caFile),
    contentOf("ssl_certfile", tls.certFile),
    // Python takes a key out of the file of its certificate.
    contentOf("ssl_keyfile", tls.keyFile ?? tls.certFile),
  ]);
  return {
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    rejectUnauthorized: tls.verify,
    ...(tls.checkHost ? {} : { checkServerIdentity: () => undefined }),
  };
}

async function contentOf(option: string, file: string | undefined): Promise<Buffer | undefined> {
  if (file === undefined) return undefined;
  try {
    return await readFile(file);
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? "it cannot be read";
    throw new CeleriacError("BROKER_URL_INVALID", `the file "${file}" that ${option} names can't be used (${why}).`, {
      cause,
    });
  }
}

/** A name for SNI; an address is none (RFC 6066), and is compared with the certificate all the same. */
function namedFor(host: string): object {
  return isIP(host) === 0 ? { servername: host } : {};
}
