/** What a URL leaves open to others: a server that nobody asked who it is, and one that asks nobody. Said once at `open`; nothing is refused. */

import type { Warning } from "../../port/units.ts";
import type { Location } from "./location.ts";

export const thisMachine: RegExp = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/;

export function trustWarnings({ name, host, password, tls, sentinel }: Location): readonly Warning[] {
  const warnings: Warning[] = [];
  if (tls?.verify === false) {
    const text = `${name} is not asked who it is (ssl_cert_reqs=none): whoever sits in between can read and change every task.`;
    warnings.push({ code: "TLS_UNVERIFIED", text });
  }
  const hosts = sentinel === undefined ? [host] : sentinel.hosts.map((each) => each.host);
  // A certificate of the client's own may be its login.
  if (password === undefined && tls?.certFile === undefined && !hosts.every((each) => thisMachine.test(each))) {
    const text = `${name} is used without a password: whoever reaches it can run your tasks with arguments of his choice, and read all results. Set requirepass or an ACL user on the server, and the login in the URL.`;
    warnings.push({ code: "NO_PASSWORD", text });
  }
  return warnings;
}
