/**
 * A `redis:`, `rediss:` or `sentinel:` URL, taken apart. Its passwords go to the client and nowhere else: `name` is what errors and logs
 * may show. Options that Python has too bear Python's names where those are written in URLs there.
 */

import { CeleriacError } from "../../error/celeriac-error.ts";
import type { Millis } from "../../port/units.ts";
import type { Layout } from "./keys.ts";

export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

export interface TlsOptions {
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  /** False: any certificate will do. */
  readonly verify: boolean;
  readonly checkHost: boolean;
}

export interface SentinelOptions {
  readonly hosts: readonly HostAndPort[];
  /** What the sentinels call the group of servers. */
  readonly master: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** The sentinels themselves speak TLS. */
  readonly tls: boolean;
}

export interface Location extends Layout, HostAndPort {
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly tls: TlsOptions | undefined;
  /** Who knows where the server is; `host` and `port` are the first of them. */
  readonly sentinel: SentinelOptions | undefined;
  /** Scheme, hosts and database; never a login. */
  readonly name: string;
  /** Smallest `visibility_timeout` of any Python worker on these queues: leases are renewed within a third of it. */
  readonly pythonVisibilityTimeout: Millis;
}

const layoutOptions = [
  "pythonVisibilityTimeout",
  "resultPrefix",
  "sep",
  "prioritySteps",
  "unackedKey",
  "unackedIndexKey",
];
const tlsOptions = ["ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname"];
const sentinelOptions = ["hosts", "master", "sentinelUsername", "sentinelPassword", "sentinelTls"];
/** kombu's default, seconds. */
const kombuVisibilityTimeout = 3600;
/** The greatest priority that a message can have. */
const highestStep = 255;

export function readLocation(url: URL): Location {
  const sentinel = url.protocol === "sentinel:";
  const tls = url.protocol === "rediss:";
  const { searchParams: query } = url;
  const path = url.pathname.replace(/^\//, "");
  if (!/^\d{0,5}$/.test(path))
    throw invalid(`its path "${path}" is not a database number`, "write redis://host:6379/0");
  checkOptions(query, url.protocol);
  const db = path === "" ? 0 : Number(path);
  const first = { host: bare(url.hostname) || "127.0.0.1", port: portOf(url.port, sentinel ? 26_379 : 6379) };
  const hosts = [first, ...list(query.get("hosts")).map(hostOf)];
  const names = hosts.map(({ host, port }) => `${host.includes(":") ? `[${host}]` : host}:${port}`);
  return {
    ...first,
    ...readLayout(query),
    db,
    username: url.username === "" ? undefined : decoded(url.username),
    password: url.password === "" ? undefined : decoded(url.password),
    tls: tls || (sentinel && tlsOptions.some((option) => query.has(option))) ? readTls(query) : undefined,
    sentinel: sentinel ? readSentinel(query, hosts) : undefined,
    name: `${url.protocol}//${names.join(",")}/${db}`,
    pythonVisibilityTimeout: positive(query, "pythonVisibilityTimeout", kombuVisibilityTimeout) * 1000,
  };
}

function checkOptions(query: URLSearchParams, protocol: string): void {
  const known = [
    ...layoutOptions,
    ...(protocol === "redis:" ? [] : tlsOptions),
    ...(protocol === "sentinel:" ? sentinelOptions : []),
  ];
  for (const option of query.keys()) {
    if (known.includes(option)) continue;
    if (tlsOptions.includes(option)) throw invalid(`"${option}" is for TLS`, "write rediss:// instead of redis://");
    throw invalid(`it has the unknown option "${option}"`, `known are ${known.join(", ")}`);
  }
}

function readLayout(query: URLSearchParams): Omit<Layout, "db"> {
  const prefix = query.get("resultPrefix") ?? "";
  const unackedKey = named(query, "unackedKey", "unacked");
  const unackedIndexKey = named(query, "unackedIndexKey", "unacked_index");
  if (unackedKey === unackedIndexKey)
    throw invalid(`unackedKey and unackedIndexKey are both "${unackedKey}"`, "give them two names, as Python has");
  return {
    // Celery puts `_` between a prefix and the key unless the prefix ends in one of these four.
    resultPrefix: prefix === "" || /[:_\-.]$/.test(prefix) ? prefix : `${prefix}_`,
    separator: named(query, "sep", "\x06\x16"),
    prioritySteps: readSteps(query.get("prioritySteps") ?? "0,3,6,9"),
    unackedKey,
    unackedIndexKey,
  };
}

function readSteps(text: string): readonly number[] {
  const steps = text.split(",").map((step) => (/^ *\d{1,3} *$/.test(step) ? Number(step) : Number.NaN));
  const ascending = steps.every((step, index) => step <= highestStep && step > (steps[index - 1] ?? -1));
  if (ascending) return steps;
  throw invalid(
    `prioritySteps "${text}" are not whole numbers from 0 to ${highestStep}, each greater than the one before`,
    "write them as kombu's priority_steps has them: 0,3,6,9",
  );
}

function readTls(query: URLSearchParams): TlsOptions {
  const demand = query.get("ssl_cert_reqs") ?? "required";
  // For whoever connects, Python's ssl makes no difference between these two.
  const verify = ["required", "CERT_REQUIRED", "optional", "CERT_OPTIONAL"].includes(demand);
  if (!verify && demand !== "none" && demand !== "CERT_NONE")
    throw invalid(`ssl_cert_reqs is "${demand}"`, "write required, optional or none");
  const [certFile, keyFile] = [query.get("ssl_certfile") ?? undefined, query.get("ssl_keyfile") ?? undefined];
  if (keyFile !== undefined && certFile === undefined)
    throw invalid("ssl_keyfile is given without ssl_certfile", "give both");
  return {
    caFile: query.get("ssl_ca_certs") ?? undefined,
    certFile,
    keyFile,
    verify,
    checkHost: verify && flag(query, "ssl_check_hostname", true),
  };
}

function readSentinel(query: URLSearchParams, hosts: readonly HostAndPort[]): SentinelOptions {
  const master = query.get("master") ?? "";
  if (master === "")
    throw invalid("it does not say which servers the sentinels watch", "add ?master=NAME, Celery's master_name");
  return {
    hosts,
    master,
    username: query.get("sentinelUsername") ?? undefined,
    password: query.get("sentinelPassword") ?? undefined,
    tls: flag(query, "sentinelTls", false),
  };
}

function list(text: string | null): string[] {
  return (text ?? "").split(",").filter((one) => one !== "");
}

function hostOf(text: string): HostAndPort {
  const found = /^(\[[\da-f:.]+\]|[^:@/?#]+)(?::(\d{1,5}))?$/i.exec(text);
  // Not shown: what is no host may be a login.
  if (found?.[1] === undefined) throw invalid("one of its hosts cannot be read", "write hosts=host:26379,host:26379");
  return { host: bare(found[1]), port: portOf(found[2] ?? "", 26_379) };
}

function portOf(text: string, usual: number): number {
  return text === "" ? usual : Number(text);
}

/** IPv6 without its brackets. */
function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/, "$1");
}

function named(query: URLSearchParams, option: string, usual: string): string {
  const value = query.get(option) ?? usual;
  if (value !== "") return value;
  throw invalid(`${option} is empty`, "leave it out for kombu's own");
}

function positive(query: URLSearchParams, option: string, usual: number): number {
  const value = Number(query.get(option) ?? usual);
  if (Number.isFinite(value) && value > 0) return value;
  throw invalid(`${option} is not a positive number`, "give seconds, as Celery's visibility_timeout");
}

function flag(query: URLSearchParams, option: string, usual: boolean): boolean {
  const value = (query.get(option) ?? String(usual)).toLowerCase();
  if (value === "true" || value === "false") return value === "true";
  throw invalid(`${option} is neither true nor false`, `write ${option}=${String(!usual)} or leave it out`);
}

/** A stray `%` in a password is taken as it is: rejecting it would have to show it. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function invalid(what: string, remedy: string): CeleriacError {
  return new CeleriacError("BROKER_URL_INVALID", `the Redis URL can't be used: ${what}; ${remedy}.`);
}
