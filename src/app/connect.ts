/** From a broker URL to its driver: the only file that names drivers. Loads none but the one asked for. Credentials never reach a text. */

import { CeleriacError } from "../error/celeriac-error.ts";
import type { BackendOptions, OpenBackend, ServerBackend } from "../port/backend.ts";
import type { OpenWithin } from "../port/within.ts";
import { oneSentinelUrl } from "./sentinel-url.ts";

interface Driver {
  readonly open: OpenBackend;
  /** Absent where messages do not lie in a database that a user has a connection to. */
  readonly within?: OpenWithin;
}

const drivers: Readonly<Record<string, () => Promise<Driver>>> = {
  "memory:": () => import("../driver/memory/index.ts"),
  "sqlite:": () => import("../driver/sqlite/index.ts"),
  "redis:": () => import("../driver/redis/index.ts"),
  "rediss:": () => import("../driver/redis/index.ts"),
  "sentinel:": () => import("../driver/redis/index.ts"),
  "amqp:": () => import("../driver/rabbitmq/index.ts"),
  "amqps:": () => import("../driver/rabbitmq/index.ts"),
};

/** Results over the broker, to whoever sent the task: Celery's own word for it. */
export type RpcResults = "rpc:";

/** The driver's ports, not yet connected. Throws BROKER_URL_INVALID; rejects with CLIENT_MISSING where a driver needs a package. */
export async function openBackend(url: string | URL, options: Omit<BackendOptions, "url">): Promise<ServerBackend> {
  const parsed = parseBrokerUrl(url);
  const load = drivers[parsed.protocol];
  if (load === undefined) throw invalid(url, `no driver speaks "${parsed.protocol}"`);
  const { open } = await load();
  return open({ ...options, url: parsed });
}

/** What takes messages on a connection of the user's own. Rejects with NOT_SUPPORTED where there is no such thing. */
export async function loadWithin(url: URL): Promise<OpenWithin> {
  const driver = await drivers[url.protocol]?.();
  if (driver?.within !== undefined) return driver.within;
  throw new CeleriacError(
    "NOT_SUPPORTED",
    `A broker at "${redactUrl(url)}" does not lie in your database, so nothing can be sent inside its transactions. Write into an outbox there: createOutbox of celeriac/outbox.`,
  );
}

/** The URL, checked as far as that is possible without a connection. Throws BROKER_URL_INVALID. */
export function parseBrokerUrl(url: string | URL): URL {
  const text = plainUrl(String(url));
  if (!URL.canParse(text)) {
    throw invalid(
      text,
      /^[\w+.-]+:/.test(text) ? "it is not a URL" : 'it has no scheme, such as "redis://" or "sqlite:"',
    );
  }
  const parsed = new URL(text);
  if (!Object.hasOwn(drivers, parsed.protocol)) throw invalid(text, `no driver speaks "${parsed.protocol}"`);
  if (parsed.protocol === "sqlite:") {
    const path = text.slice("sqlite:".length).replace(/[?#].*$/s, "");
    if (path.replace(/^\/\//, "") === "") throw invalid(text, "it names no file; write sqlite:celeriac.db");
  }
  if (sharedWithPython(parsed)) {
    if (parsed.hostname === "") throw invalid(text, `it names no host; write ${parsed.protocol}//127.0.0.1/0`);
    if (!/^(?:\/(?:\d+\/?)?)?$/.test(parsed.pathname)) {
      throw invalid(text, "its path must be the number of a database, such as /0");
    }
  }
  return parsed;
}

/** Celery's lists of sentinels are no URL before they are one. */
function plainUrl(text: string): string {
  if (!text.startsWith("sentinel:")) return text;
  const one = oneSentinelUrl(text);
  if ("why" in one) throw invalid(text, one.why);
  return one.url;
}

/** Where results are to live. Throws BROKER_URL_INVALID. */
export function parseResultsUrl(url: string | URL): URL | RpcResults {
  return /^rpc:(?:\/\/)?\/?$/.test(String(url)) ? "rpc:" : parseBrokerUrl(url);
}

/** Python's workers take from the same queues there, and know nothing of what lies beside them. */
export function sharedWithPython(url: URL): boolean {
  return ["redis:", "rediss:", "sentinel:"].includes(url.protocol);
}

/**
 * The text of a URL with user, password and secrets in the query replaced, also when it is no valid URL.
 *
 * @example
 * ```ts
 * import { redactUrl } from "celeriac";
 * redactUrl("redis://shop:hunter2@cache/0"); // "redis://***@cache/0"
 * ```
 */
export function redactUrl(url: string | URL): string {
  const text = String(url);
  // Up to the LAST "@": a password typed without percent-encoding may hold "@", "/", "?" and "#".
  const at = text.lastIndexOf("@");
  const start = /^[\w+.-]+:\/*/.exec(text)?.[0].length ?? 0;
  const bare = at < start ? text : `${text.slice(0, start)}***${text.slice(at)}`;
  return bare.replace(/([?&](?:sentinel)?(?:password|pass|pw|secret|token|auth|key|user|username)=)[^&#]*/gi, "$1***");
}

function invalid(url: string | URL, why: string): CeleriacError {
  return new CeleriacError(
    "BROKER_URL_INVALID",
    `The broker URL "${redactUrl(url)}" cannot be used: ${why}. Known schemes: ${Object.keys(drivers).join(" ")}`,
    { details: { url: redactUrl(url) } },
  );
}
