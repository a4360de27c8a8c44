/**
 * Reads `sqlite:` URLs. A path without a leading slash is relative to the working directory; options travel in the query:
 * `durability=power|process`, `embed`, `maxSize=10gb`, `thread=true|false`. Everything unknown is refused, so that a typing error never
 * silently costs durability.
 */

import { resolve } from "node:path";

import { CeleriacError } from "../../error/celeriac-error.ts";

export interface SqliteLocation {
  /** Absolute path of the queue file. */
  readonly path: string;
  /** "power": a commit is on the disk before it is answered. "process": it survives the death of any process, not of the machine. */
  readonly durability: "power" | "process";
  /** The file belongs to the user's application; our tables live beside his. */
  readonly embed: boolean;
  /** New messages are refused when so many bytes of the file are in use; 0 = no limit. */
  readonly maxSize: number;
  /** False: the driver runs on the calling thread. For scripts and tests; a slow disk then stops that thread. */
  readonly thread: boolean;
}

/** The empty tables take a quarter of it. */
const smallestSize = 1024 * 1024;

const forms = "Use sqlite:celeriac.db (relative), sqlite:///absolute/path.db or sqlite:/absolute/path.db";

export function parseLocation(url: URL): SqliteLocation {
  if (url.protocol !== "sqlite:") throw invalid(`the scheme is ${url.protocol} and not sqlite:`);
  if (url.host !== "") {
    throw invalid(`"${url.host}" after sqlite:// would be a host name; for a relative path leave the two slashes out`);
  }
  let name: string;
  try {
    name = decodeURIComponent(url.pathname);
  } catch {
    throw invalid("the path has a broken %-escape");
  }
  if (url.hash !== "") throw invalid("it has a fragment; write # in a path as %23");
  if (name === "" || name === "/" || name.endsWith("/")) throw invalid("it names no file");
  if (name.includes("\0")) throw invalid("the path has a NUL character");
  if (name === ":memory:") throw invalid("an SQLite file in memory cannot be shared; use memory: instead");
  if (process.platform === "win32" && /^\/[A-Za-z]:/.test(name)) name = name.slice(1);

  for (const key of url.searchParams.keys()) {
    if (!["durability", "embed", "maxSize", "thread"].includes(key)) throw invalid(`the option "${key}" is unknown`);
  }
  return {
    path: resolve(name),
    durability: oneOf(url, "durability", ["power", "process"]) ?? "power",
    embed: flag(url, "embed", false),
    maxSize: size(url, "maxSize"),
    thread: flag(url, "thread", true),
  };
}

function oneOf<T extends string>(url: URL, key: string, allowed: readonly T[]): T | undefined {
  const value = url.searchParams.get(key);
  if (value === null) return undefined;
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw invalid(`${key}=${value} is none of ${allowed.join(", ")}`);
  return found;
}

function size(url: URL, key: string): number {
  const value = url.searchParams.get(key);
  if (value === null) return 0;
  const [, number, unit = ""] = /^(\d{1,9})(kb|mb|gb|tb)?$/i.exec(value) ?? [];
  const bytes = Number(number) * 1024 ** ["", "kb", "mb", "gb", "tb"].indexOf(unit.toLowerCase());
  if (bytes >= smallestSize && Number.isSafeInteger(bytes)) return bytes;
  throw invalid(`${key}=${value} is no size of at least 1mb, such as ${key}=512mb or ${key}=10gb`);
}

function flag(url: URL, key: string, absent: boolean): boolean {
  const value = oneOf(url, key, ["true", "false", ""]);
  return value === undefined ? absent : value !== "false";
}

function invalid(why: string): CeleriacError {
  return new CeleriacError("BROKER_URL_INVALID", `This SQLite URL cannot be used: ${why}. ${forms}.`);
}
