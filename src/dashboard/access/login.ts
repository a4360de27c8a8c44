/** How people log in: what the options say, checked once. Addresses, mails and domains are compared as they stand, never as patterns. */

import { isIP } from "node:net";
import { CeleriacError } from "../../error/celeriac-error.ts";
import type { Role } from "../contract.ts";
import { isPasswordHash } from "./password.ts";
import { isRole, roles } from "./viewer.ts";

/**
 * Somebody with a password.
 *
 * @example
 * ```ts
 * import { type DashboardUser, hashPassword } from "celeriac/dashboard";
 * const ops: DashboardUser = { name: "ops", role: "operate", password: await hashPassword("long and secret"), queues: ["mail"] };
 * ```
 */
export interface DashboardUser {
  readonly name: string;
  readonly role: Role;
  /** As `celeriac dashboard hash` prints it. Never the password itself. */
  readonly password: string;
  /** Sees and touches these queues alone. Default: all. */
  readonly queues?: readonly string[];
}

/**
 * What a rule gives: a role, and the queues that it is for.
 *
 * @example
 * ```ts
 * import type { Grant } from "celeriac/dashboard";
 * const grant: Grant = { role: "operate", queues: ["mail", "sms"] };
 * ```
 */
export interface Grant {
  readonly role: Role;
  /** Sees and touches these queues alone. Default: all. */
  readonly queues?: readonly string[];
}

/**
 * Who may come in by a name that somebody else vouches for: as a role for all queues, or for some.
 *
 * @example
 * ```ts
 * import type { RoleRules } from "celeriac/dashboard";
 * const roles: RoleRules = {
 *   people: { "ann@example.com": "admin" },
 *   groups: { support: { role: "operate", queues: ["mail"] } },
 *   others: "view",
 * };
 * ```
 */
export interface RoleRules {
  /** By name or mail address. */
  readonly people?: Readonly<Record<string, Role | Grant>>;
  /** By the domain of a verified mail address: "example.com" lets in nobody of "example.com.evil.com". */
  readonly domains?: Readonly<Record<string, Role | Grant>>;
  /** By a group that the provider names. Of several the highest role counts, with the queues of all groups that give it. */
  readonly groups?: Readonly<Record<string, Role | Grant>>;
  /** Of everybody else. Default: they are refused. */
  readonly others?: Role | Grant;
}

/**
 * A proxy that has asked for the login and says who it is.
 *
 * @example
 * ```ts
 * import type { ProxyLogin } from "celeriac/dashboard";
 * const proxy: ProxyLogin = { header: "x-forwarded-user", from: ["10.0.0.2"], people: { ann: "admin" }, others: "view" };
 * ```
 */
export interface ProxyLogin extends RoleRules {
  /** Such as "x-forwarded-user". */
  readonly header: string;
  /** With the mail address, if there is one. */
  readonly emailHeader?: string;
  /** With groups, separated by commas. */
  readonly groupsHeader?: string;
  /** Addresses from which the header is believed; from all others it is a reason to refuse. */
  readonly from: readonly string[];
}

/**
 * A provider of OpenID Connect.
 *
 * @example
 * ```ts
 * import type { OidcLogin } from "celeriac/dashboard";
 * const oidc: OidcLogin = {
 *   issuer: "https://accounts.example.com",
 *   clientId: "celeriac",
 *   redirectUri: "https://tasks.example.com/login/callback",
 *   domains: { "example.com": "operate" },
 * };
 * ```
 */
export interface OidcLogin extends RoleRules {
  /** Such as "https://accounts.example.com"; what it is made of is read from there. */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret?: string;
  /** Where the browser comes back to, as the provider knows it: the dashboard's own URL with "/login/callback". */
  readonly redirectUri: string;
  /** Default "openid profile email". */
  readonly scope?: string;
  /** The claim that names groups. Default "groups". */
  readonly groupsClaim?: string;
}

/**
 * How people log in: by passwords, by what a proxy says, or by a provider of OpenID Connect.
 *
 * @example
 * ```ts
 * import { hashPassword, type LoginOptions, serveDashboard } from "celeriac/dashboard";
 * const password = await hashPassword("long and secret"); // rather as "celeriac dashboard hash" prints it
 * const login: LoginOptions = { users: [{ name: "ann", role: "admin", password }] };
 * await serveDashboard(app, { host: "0.0.0.0", login });
 * ```
 */
export interface LoginOptions {
  readonly users?: readonly DashboardUser[];
  readonly proxy?: ProxyLogin;
  readonly oidc?: OidcLogin;
  /** Signs sessions and tokens: 32 characters at least. Default: a new one with each start, which ends all sessions. */
  readonly secret?: string;
  /** How long a session of OIDC lasts, ms. Default 12 h. */
  readonly session?: number;
}

/** Throws CONFIG_INVALID. */
export function checkLogin(login: LoginOptions): LoginOptions {
  const { users = [], proxy, oidc, secret } = login;
  if (users.length === 0 && proxy === undefined && oidc === undefined)
    throw invalid("login names no way to log in: give users, proxy or oidc.");
  const names = new Set<string>();
  for (const { name, role, password, queues } of users) {
    if (typeof name !== "string" || !/^[^:\p{Cc}]{1,100}$/u.test(name))
      throw invalid(`a user's name must be 1 to 100 characters without ":", not ${JSON.stringify(name)}.`);
    if (names.has(name)) throw invalid(`there are two users named "${name}".`);
    names.add(name);
    if (!isRole(role)) throw invalid(`the role of "${name}" must be view, operate or admin.`);
    if (!isQueueList(queues)) throw invalid(`the queues of "${name}" must be a list of names.`);
    if (!isPasswordHash(password))
      throw invalid(`the password of "${name}" must be a hash: celeriac dashboard hash prints one.`);
  }
  if (secret !== undefined && secret.length < 32) throw invalid("login.secret must be at least 32 characters long.");
  if (proxy !== undefined) {
    if (!/^[\w-]+$/.test(proxy.header)) throw invalid("login.proxy.header must be the name of a header.");
    if (proxy.from.length === 0 || !proxy.from.every((address) => isIP(address) !== 0))
      throw invalid("login.proxy.from must list the addresses of the proxy, such as 10.0.0.5.");
    checkRules(proxy, "proxy");
  }
  if (oidc !== undefined) {
    if (!URL.canParse(oidc.issuer) || !URL.canParse(oidc.redirectUri))
      throw invalid("login.oidc.issuer and redirectUri must be URLs.");
    if (!isPrivate(new URL(oidc.issuer))) throw invalid("login.oidc.issuer must be an https: URL.");
    checkRules(oidc, "oidc");
  }
  return login;
}

/** What is given to somebody that a proxy or provider vouches for; `undefined`: not to be let in. Mails are compared without regard to case. */
export function grantOf(
  rules: RoleRules,
  who: { readonly name: string; readonly email?: string | undefined; readonly groups?: readonly string[] },
): Grant | undefined {
  const email = who.email?.toLowerCase();
  for (const [person, rule] of Object.entries(rules.people ?? {})) {
    if (person === who.name || (email !== undefined && person.toLowerCase() === email)) return asGrant(rule);
  }
  const [, domain] = /^[^@]+@([^@]+)$/.exec(email ?? "") ?? [];
  if (domain !== undefined) {
    const found = Object.entries(rules.domains ?? {}).find(([name]) => name.toLowerCase() === domain);
    if (found !== undefined) return asGrant(found[1]);
  }
  const groups = Object.entries(rules.groups ?? {}).filter(([name]) => who.groups?.includes(name));
  if (groups.length > 0) return united(groups.map(([, rule]) => asGrant(rule)));
  return rules.others === undefined ? undefined : asGrant(rules.others);
}

function asGrant(rule: Role | Grant): Grant {
  if (typeof rule === "string") return { role: rule };
  const { role, queues } = rule;
  return { role, ...(queues !== undefined && { queues }) };
}

/** One role is for all of a person's queues, so a lower one of another group does not count, whatever its queues. */
function united(grants: readonly Grant[]): Grant | undefined {
  const role = roles.findLast((one) => grants.some((grant) => grant.role === one));
  if (role === undefined) return undefined;
  const lists = grants.filter((grant) => grant.role === role).map(({ queues }) => queues);
  const queues = [...new Set(lists.flatMap((list) => list ?? []))];
  return lists.includes(undefined) ? { role } : { role, queues };
}

function checkRules(rules: RoleRules, what: string): void {
  const given = [rules.people, rules.domains, rules.groups].flatMap((table) => Object.values(table ?? {}));
  if (rules.others !== undefined) given.push(rules.others);
  if (given.length === 0) throw invalid(`login.${what} lets nobody in: give people, domains, groups or others.`);
  if (!given.every((rule) => isRole(rule) || isGrant(rule)))
    throw invalid(
      `a rule of login.${what} must be view, operate or admin, or { "role": …, "queues": […] } with names of queues.`,
    );
}

function isGrant(rule: unknown): boolean {
  if (typeof rule !== "object" || rule === null) return false;
  const { role, queues } = rule as Readonly<Record<string, unknown>>;
  return isRole(role) && isQueueList(queues);
}

/** From JSON it may be anything, and a text would let in whoever asks for a part of it. */
function isQueueList(queues: unknown): boolean {
  return queues === undefined || (Array.isArray(queues) && queues.every((queue) => typeof queue === "string"));
}

/** Tokens and codes travel to it, so it is TLS, or this very machine. */
function isPrivate(url: URL): boolean {
  return url.protocol === "https:" || ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname);
}

function invalid(text: string): CeleriacError {
  return new CeleriacError("CONFIG_INVALID", `dashboard: ${text}`);
}
