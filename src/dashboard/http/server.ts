/**
 * The dashboard in a server of its own. On this machine alone it needs no login; anywhere else it does not start without one. Slow and
 * endless requests are cut off, and so are connections beyond a bound.
 */

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type App, coreOf } from "../../app/app.ts";
import { CeleriacError } from "../../error/celeriac-error.ts";
import { isLoopback } from "../access/origin.ts";
import { dashboard } from "../dashboard.ts";
import type { DashboardOptions } from "../options.ts";
import { type NodeListener, nodeListener } from "./node-listener.ts";

/**
 * How `serveDashboard` and `celeriac dashboard` serve it: the dashboard's options, and where it listens.
 *
 * @example
 * ```ts
 * import { serveDashboard, type ServeOptions } from "celeriac/dashboard";
 * const options: ServeOptions = { port: 0, history: ":memory:" };
 * await using served = await serveDashboard(app, options);
 * ```
 */
export interface ServeOptions extends Omit<DashboardOptions, "authorize"> {
  /** Default 127.0.0.1. Any other than this machine's needs `login`. */
  readonly host?: string;
  /** Default 5555, as Flower. 0: any that is free. */
  readonly port?: number;
}

/**
 * A dashboard that is being served.
 *
 * @example
 * ```ts
 * import { type ServedDashboard, serveDashboard } from "celeriac/dashboard";
 * const served: ServedDashboard = await serveDashboard(app);
 * console.log(served.url);
 * process.once("SIGTERM", () => void served.close());
 * ```
 */
export interface ServedDashboard extends AsyncDisposable {
  readonly url: string;
  /** Answers what has begun, then ends. Safe twice; the app stays open. */
  close(): Promise<void>;
}

/** What one client may take of the server. */
export interface ServerLimits {
  /** For all headers of a request, for a request as a whole, and between two of one connection, ms. */
  readonly headers: number;
  readonly request: number;
  readonly idle: number;
  /** How often these are looked at, ms. */
  readonly looked: number;
  /** Of all clients together. */
  readonly connections: number;
  readonly headerBytes: number;
}

const limits: ServerLimits = {
  headers: 10_000,
  request: 30_000,
  idle: 10_000,
  looked: 2_000,
  connections: 1_000,
  headerBytes: 16_384,
};

/** For answers on their way when it ends, ms. */
const parting = 2_000;

/**
 * Serves the dashboard of an app. Rejects with LOGIN_MISSING, CONFIG_INVALID, or BACKEND_UNREACHABLE where the address is taken.
 *
 * @example
 * ```ts
 * import { createApp } from "celeriac";
 * import { serveDashboard } from "celeriac/dashboard";
 *
 * const app = createApp({ name: "shop" });
 * const served = await serveDashboard(app, { port: 5555 });
 * console.log(served.url);
 * ```
 */
export async function serveDashboard(app: App, options: ServeOptions = {}): Promise<ServedDashboard> {
  const { host = "127.0.0.1", port = 5555, ...rest } = options;
  if (rest.login === undefined && !isLoopbackHost(host)) {
    throw new CeleriacError(
      "LOGIN_MISSING",
      `The dashboard would be open to everybody who reaches ${host}: it can stop workers and empty queues. Set up a login (--user name:role, or login in its options), or serve 127.0.0.1 and put a proxy with a login before it.`,
      { details: { host } },
    );
  }
  const page = dashboard(app, { ...rest, ...(isName(host) && { hosts: [...(rest.hosts ?? []), host] }) });
  await page.start();
  const server = boundedServer(nodeListener(page));
  try {
    await listening(server, host, port);
  } catch (error) {
    await page.close();
    const text = error instanceof Error ? error.message : String(error);
    throw new CeleriacError("BACKEND_UNREACHABLE", `The dashboard cannot listen there: ${text}. Try another --port.`, {
      cause: error,
    });
  }
  const address = server.address() as AddressInfo;
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= (async () => {
      await page.close();
      const ended = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      using _timer = coreOf(app).clock.after(parting, () => server.closeAllConnections());
      await ended;
    })();
    return closing;
  };
  const shown = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return {
    url: `http://${shown}:${String(address.port)}${page.prefix}/`,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Who sends too slowly, or too much, is answered with 408 or 431, and cut off. */
export function boundedServer(listener: NodeListener, bounds: ServerLimits = limits): Server {
  const server = createServer(
    {
      headersTimeout: bounds.headers,
      requestTimeout: bounds.request,
      keepAliveTimeout: bounds.idle,
      maxHeaderSize: bounds.headerBytes,
      connectionsCheckingInterval: bounds.looked,
    },
    listener,
  );
  server.maxConnections = bounds.connections;
  return server;
}

export function isLoopbackHost(host: string): boolean {
  return host === "localhost" || isLoopback(host);
}

function isName(host: string): boolean {
  return /[a-z]/i.test(host) && !host.includes(":");
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
