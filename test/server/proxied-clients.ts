/** The clients of a conformance suite's server, each behind a proxy and a clock of its own, by which it dies, freezes and is cut off. */

import type { OpenClient, StoppableClock } from "../../src/testing/conformance/suite-server.ts";
import type { TcpProxy } from "./tcp-proxy.ts";

export class ProxiedClients {
  readonly #proxies = new Map<OpenClient, TcpProxy>();

  add(rest: Omit<OpenClient, "kill" | "freeze" | "thaw">, proxy: TcpProxy, clock: StoppableClock): OpenClient {
    const client: OpenClient = {
      ...rest,
      kill: () => {
        clock.stop();
        dropLinks(proxy);
        return Promise.resolve();
      },
      freeze: () => Promise.resolve(clock.stop()),
      thaw: () => Promise.resolve(clock.go()),
    };
    this.#proxies.set(client, proxy);
    return client;
  }

  proxyOf(client: OpenClient): TcpProxy {
    const proxy = this.#proxies.get(client);
    if (proxy === undefined) throw new Error("not a client of this server");
    return proxy;
  }
}

/** Ends every link and lets no new one through until `refuse(false)`. */
export function dropLinks(proxy: TcpProxy): void {
  proxy.refuse(true);
  proxy.cut();
}
