/**
 * Who sent a request, as far as a browser says: a page of another site must neither read nor do anything, whatever name it has for this server
 * (DNS rebinding), whoever is logged in.
 */

import { isIP } from "node:net";
import { ApiError, badRequest, forbidden } from "../http/failure.ts";

export interface HostRules {
  /** Names beside addresses and localhost; `undefined`: any, where the one who mounted it asks for the login. */
  readonly hosts: readonly string[] | undefined;
  /** Nobody has to log in, so this machine alone is served. */
  readonly loopbackOnly: boolean;
}

/** Throws 421 for a name that is not ours. */
export function checkHost(request: Request, { hosts, loopbackOnly }: HostRules): void {
  const host = hostOf(request);
  const name = nameOf(host);
  if (name === "localhost" || isLoopback(name)) return;
  if (hosts === undefined || hosts.some((one) => one.toLowerCase() === name || one.toLowerCase() === host)) return;
  // An address needs no DNS, so nobody can have pointed another name at it.
  if (!loopbackOnly && isIP(name.replace(/^\[|\]$/g, "")) !== 0) return;
  throw new ApiError(
    421,
    "FORBIDDEN",
    `This dashboard is not known as "${name.slice(0, 100)}". If it should be, allow it: --allow-host, or hosts in its options.`,
  );
}

/** Throws 403 for requests that a page of another origin has made. Following a link to a page is no such request. */
export function checkOrigin(request: Request): void {
  const origin = request.headers.get("origin");
  const site = request.headers.get("sec-fetch-site");
  if (origin !== null && !isOwn(origin, request)) throw crossSite();
  const visit = request.method === "GET" && request.headers.get("sec-fetch-mode") === "navigate";
  if (site !== null && site !== "same-origin" && site !== "none" && !visit) throw crossSite();
  if (site === "none" && request.method !== "GET" && request.method !== "HEAD") throw crossSite();
}

/** True for programs: a browser names the origin of every POST, and where a request comes from. */
export function isBrowser(request: Request): boolean {
  return ["origin", "sec-fetch-site", "sec-fetch-mode", "cookie"].some((name) => request.headers.has(name));
}

/** Throws 400 or 415 unless the body says that it is JSON: no form of another page can say that. */
export function checkJson(request: Request): void {
  const type = request.headers.get("content-type") ?? "";
  if (/^application\/json\s*(?:;|$)/i.test(type)) return;
  throw badRequest("The body must be JSON, with content-type application/json.", "content-type");
}

export function hostOf(request: Request): string {
  return (request.headers.get("host") ?? new URL(request.url).host).toLowerCase();
}

/** An address of this machine, as sockets and `Host` headers write it. */
export function isLoopback(address: string): boolean {
  const bare = address.replace(/^\[|\]$/g, "").replace(/^::ffff:/i, "");
  return bare === "::1" || (isIP(bare) === 4 && bare.startsWith("127."));
}

function nameOf(host: string): string {
  return host.replace(/:\d+$/, "").replace(/\.$/, "");
}

function isOwn(origin: string, request: Request): boolean {
  return URL.canParse(origin) && new URL(origin).host.toLowerCase() === hostOf(request);
}

function crossSite(): ApiError {
  return forbidden("The request comes from a page of another site.");
}
