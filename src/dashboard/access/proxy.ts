/** Logins that a proxy has asked for: its headers are believed from its own addresses, and are a reason to refuse from any other. */

import { forbidden } from "../http/failure.ts";
import { grantOf, type ProxyLogin } from "./login.ts";
import type { Viewer } from "./viewer.ts";

export function proxyViewer(
  login: ProxyLogin | undefined,
  request: Request,
  address: string | undefined,
): Viewer | undefined {
  const name = login === undefined ? null : request.headers.get(login.header);
  if (login === undefined || name === null || name === "") return undefined;
  if (address === undefined || !login.from.includes(address.replace(/^::ffff:/i, "")))
    throw forbidden(`The header ${login.header} is believed from the proxy alone.`);
  const email = login.emailHeader === undefined ? null : request.headers.get(login.emailHeader);
  const groups = login.groupsHeader === undefined ? null : request.headers.get(login.groupsHeader);
  const grant = grantOf(login, {
    name,
    email: email ?? undefined,
    groups: (groups ?? "").split(",").map((group) => group.trim()),
  });
  if (grant === undefined) throw forbidden(`"${name.slice(0, 100)}" may not look at this dashboard.`);
  return { name: name.slice(0, 200), ...grant, ...(email !== null && { email }) };
}
