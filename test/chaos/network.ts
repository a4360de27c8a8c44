/**
 * The bad network of a run: each worker, and the producer, reaches each server through a proxy of its own, so that one can be cut off
 * while the others are not.
 */

import { startProxy, type TcpProxy } from "../server/tcp-proxy.ts";

/** Servers by the environment variable that names them. */
export type Servers = Readonly<Record<string, string>>;

export class Network {
  readonly #servers: Servers;
  /** By client; one for each server. */
  readonly #lines = new Map<string, readonly TcpProxy[]>();

  constructor(servers: Servers) {
    this.#servers = servers;
  }

  /** The servers' URLs as this client is to use them. A file has no line. */
  async connect(client: string): Promise<Servers> {
    const urls: Record<string, string> = {};
    const lines: TcpProxy[] = [];
    for (const [name, url] of Object.entries(this.#servers)) {
      urls[name] = url;
      const { port } = new URL(url);
      if (port === "") continue;
      const proxy = await startProxy(Number(port));
      lines.push(proxy);
      urls[name] = url.replace(`:${port}`, `:${String(proxy.port)}`);
    }
    this.#lines.set(client, lines);
    return urls;
  }

  get clients(): readonly string[] {
    return [...this.#lines.keys()];
  }

  /** Of one client; none once it has gone. */
  lines(client: string): readonly TcpProxy[] {
    return this.#lines.get(client) ?? [];
  }

  /** Its process has ended. */
  async leave(client: string): Promise<void> {
    const lines = this.lines(client);
    this.#lines.delete(client);
    await Promise.all(lines.map((line) => line.close()));
  }

  async close(): Promise<void> {
    await Promise.all(this.clients.map((client) => this.leave(client)));
  }
}
