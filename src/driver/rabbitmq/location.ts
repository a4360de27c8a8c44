/** An `amqp:` or `amqps:` URL, taken apart. Its password goes to the server and nowhere else: `name` is what errors and logs may show. */

import { readFile } from "node:fs/promises";
import { isIP } from "node:net";

import { CeleriacError } from "../../error/celeriac-error.ts";
import type { Millis } from "../../port/units.ts";

export interface Location {
  readonly host: string;
  readonly port: number;
  readonly vhost: string;
  readonly username: string;
  readonly password: string;
  /** Scheme, host, port and vhost; never the login. */
  readonly name: string;
  readonly tls: TlsFiles | undefined;
  /** Of the queues that we declare. */
  readonly queueType: "classic" | "quorum";
  /** `x-max-priority` of the queues that we declare. */
  readonly maxPriority: number | undefined;
  readonly heartbeat: Millis;
  /** What the server is set to: how long a delivery may stay unacknowledged. */
  readonly consumerTimeout: Millis;
}

/** Paths of PEM files. */
export interface TlsFiles {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** Whether the server must show a certificate that we trust, for this host. */
  readonly verify: boolean;
}

const plainOptions = ["queueType", "maxPriority", "heartbeat", "consumerTimeout"];
const tlsOptions = ["ca", "cert", "key", "verify"];
/** Ten seconds: a dead link is noticed within twice that. Celery's own default is 120. */
const defaultHeartbeat = 10;
/** RabbitMQ's own default since 3.8.17, seconds. */
const defaultConsumerTimeout = 1800;

/** Throws BROKER_URL_INVALID. */
export function readLocation(url: URL): Location {
  const secure = url.protocol === "amqps:";
  const known = secure ? [...plainOptions, ...tlsOptions] : plainOptions;
  for (const option of url.searchParams.keys()) {
    if (known.includes(option)) continue;
    if (tlsOptions.includes(option))
      throw invalid(`it has the option "${option}", which is for TLS`, "write amqps://…");
    throw invalid(`it has the unknown option "${option}"`, `known are ${known.join(", ")}`);
  }
  const option = (name: string): string | undefined => url.searchParams.get(name) ?? undefined;
  const queueType = option("queueType") ?? "classic";
  if (queueType !== "classic" && queueType !== "quorum")
    throw invalid(`its queueType "${queueType}" does not exist`, "write classic or quorum");
  const maxPriority = option("maxPriority");
  if (maxPriority !== undefined && queueType === "quorum")
    throw invalid("quorum queues have no maxPriority", "leave one of queueType=quorum and maxPriority out");
  const host = url.hostname === "" ? "127.0.0.1" : decoded(url.hostname).replace(/^\[(.*)\]$/, "$1");
  const port = url.port === "" ? (secure ? 5671 : 5672) : Number(url.port);
  // As kombu: one slash belongs to the URL, the rest names the vhost, and none is the vhost "/".
  const vhost = decoded(url.pathname.replace(/^\//, "")) || "/";
  return {
    host,
    port,
    vhost,
    username: url.username === "" ? "guest" : decoded(url.username),
    password: url.username === "" && url.password === "" ? "guest" : decoded(url.password),
    name: `${url.protocol}//${url.hostname === "" ? host : url.hostname}:${port}/${encodeURIComponent(vhost)}`,
    tls: secure
      ? { ca: option("ca"), cert: option("cert"), key: option("key"), verify: flag(option("verify") ?? "true") }
      : undefined,
    queueType,
    maxPriority: maxPriority === undefined ? undefined : whole("maxPriority", maxPriority, 1, 255),
    heartbeat: whole("heartbeat", option("heartbeat") ?? String(defaultHeartbeat), 1, 3600) * 1000,
    consumerTimeout:
      whole("consumerTimeout", option("consumerTimeout") ?? String(defaultConsumerTimeout), 1, 100_000_000) * 1000,
  };
}

/** Options of `node:tls`. Throws BROKER_URL_INVALID for a file that cannot be read. */
export async function readTls(location: Location): Promise<Readonly<Record<string, unknown>> | undefined> {
  const { tls, host } = location;
  if (tls === undefined) return undefined;
  const content = async (name: string, path: string | undefined): Promise<Record<string, Buffer>> => {
    if (path === undefined) return {};
    try {
      return { [name]: await readFile(path) };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw invalid(
        `its ${name} file cannot be read (${why})`,
        "give the path of a PEM file that this process may read",
      );
    }
  };
  return {
    ...(await content("ca", tls.ca)),
    ...(await content("cert", tls.cert)),
    ...(await content("key", tls.key)),
    rejectUnauthorized: tls.verify,
    // Names only: TLS knows no addresses there.
    ...(isIP(host) === 0 ? { servername: host } : {}),
  };
}

function whole(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text !== "" && Number.isInteger(value) && value >= least && value <= most) return value;
  throw invalid(`its ${name} "${text}" is not a whole number from ${least} to ${most}`, "correct or drop it");
}

function flag(text: string): boolean {
  if (text === "true" || text === "false") return text === "true";
  throw invalid(`its verify "${text}" is neither true nor false`, "correct or drop it");
}

/** A stray `%` is taken as it is: rejecting it would have to show it, and it may stand in the password. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function invalid(what: string, remedy: string): CeleriacError {
  return new CeleriacError("BROKER_URL_INVALID", `the RabbitMQ URL can't be used: ${what}; ${remedy}.`);
}
