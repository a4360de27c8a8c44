/** A `redis:` or `rediss:` URL, taken apart. Its password goes to the client and nowhere else: `name` is what errors and logs may show. */

import { CeleriacError } from "../../error/celeriac-error.ts";
import type { Millis } from "../../port/units.ts";

export interface Location {
  readonly host: string;
  readonly port: number;
  readonly db: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly tls: boolean;
  /** Scheme, host, port and database; never the login. */
  readonly name: string;
  /** Smallest `visibility_timeout` of any Python worker on these queues: leases are renewed within a third of it. */
  readonly pythonVisibilityTimeout: Millis;
  /** `global_keyprefix` of Celery's result backend, already ending as Celery would write it. */
  readonly resultPrefix: string;
}

const knownOptions = ["pythonVisibilityTimeout", "resultPrefix"];
/** kombu's default, seconds. */
const kombuVisibilityTimeout = 3600;

export function readLocation(url: URL): Location {
  const tls = url.protocol === "rediss:";
  const host = url.hostname === "" ? "127.0.0.1" : url.hostname.replace(/^\[(.*)\]$/, "$1");
  const port = url.port === "" ? 6379 : Number(url.port);
  const path = url.pathname.replace(/^\//, "");
  if (!/^\d{0,5}$/.test(path))
    throw invalid(`its path "${path}" is not a database number`, "write redis://host:6379/0");
  const db = path === "" ? 0 : Number(path);
  for (const option of url.searchParams.keys())
    if (!knownOptions.includes(option))
      throw invalid(`it has the unknown option "${option}"`, `known are ${knownOptions.join(", ")}`);
  const visibility = Number(url.searchParams.get("pythonVisibilityTimeout") ?? kombuVisibilityTimeout);
  if (!Number.isFinite(visibility) || visibility <= 0)
    throw invalid("pythonVisibilityTimeout is not a positive number", "give seconds, as Celery's visibility_timeout");
  const prefix = url.searchParams.get("resultPrefix") ?? "";
  return {
    host,
    port,
    db,
    username: url.username === "" ? undefined : decoded(url.username),
    password: url.password === "" ? undefined : decoded(url.password),
    tls,
    name: `${url.protocol}//${url.hostname === "" ? host : url.hostname}:${port}/${db}`,
    pythonVisibilityTimeout: visibility * 1000,
    // Celery puts `_` between a prefix and the key unless the prefix ends in one of these four.
    resultPrefix: prefix === "" || /[:_\-.]$/.test(prefix) ? prefix : `${prefix}_`,
  };
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
