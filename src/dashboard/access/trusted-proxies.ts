/**
 * Who asks, where proxies stand between. Each proxy writes behind `X-Forwarded-For` whom it speaks for, so what stands there is true as far as
 * trusted ones wrote it: the right-most address that is no trusted proxy's. Whatever stands left of it anybody may have made up.
 */

import { BlockList, isIP } from "node:net";
import { CeleriacError } from "../../error/celeriac-error.ts";

export class TrustedProxies {
  readonly #list = new BlockList();

  /** Addresses, and networks such as "10.0.0.0/8". Throws CONFIG_INVALID. */
  constructor(networks: readonly string[]) {
    for (const network of networks) {
      const [, address = "", bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(network) ?? [];
      const version = isIP(address);
      const most = version === 4 ? 32 : 128;
      const length = Number(bits ?? most);
      // Where everybody is trusted, everybody says who they are.
      if (version === 0 || length < 1 || length > most)
        throw new CeleriacError(
          "CONFIG_INVALID",
          `dashboard: trustedProxies must list addresses and networks, such as 10.0.0.5 or 10.0.0.0/8, not ${JSON.stringify(network)}.`,
        );
      this.#list.addSubnet(address, length, version === 4 ? "ipv4" : "ipv6");
    }
  }

  /** The address of the client, given that of the other end of the connection: the same unless a trusted proxy is there. */
  clientOf(request: Request, address: string | undefined): string | undefined {
    let client = bare(address);
    if (client === undefined || !this.#has(client)) return address;
    for (const entry of (request.headers.get("x-forwarded-for") ?? "").split(",").toReversed()) {
      const next = bare(withoutPort(entry.trim()));
      // A trusted proxy that names nobody: no more is known than where it is.
      if (next === undefined) break;
      client = next;
      if (!this.#has(client)) break;
    }
    return client;
  }

  #has(address: string): boolean {
    return this.#list.check(address, isIP(address) === 4 ? "ipv4" : "ipv6");
  }
}

/** Without the zone of a link, and as IPv4 where it is one in IPv6's clothes; `undefined` for what is none. */
function bare(address: string | undefined): string | undefined {
  const plain = address?.replace(/^::ffff:(?=\d+\.)/i, "").replace(/%.*$/, "") ?? "";
  return isIP(plain) === 0 ? undefined : plain;
}

/** Some proxies write the client's port as well: "192.0.2.1:4711", "[2001:db8::1]:4711". */
function withoutPort(entry: string): string {
  const [, inBrackets, plain] = /^(?:\[([^\]]+)\](?::\d+)?|([\d.]+):\d+)$/.exec(entry) ?? [];
  return inBrackets ?? plain ?? entry;
}
