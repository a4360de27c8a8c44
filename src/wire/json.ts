/**
 * JSON as Celery's peers speak it, lossless and bounded. Plain text goes through `JSON.parse` and `JSON.stringify` after a
 * cheap look; big integers, NaN (read, never written), tagged values and hostile keys take the careful road.
 */

import { CeleriacError } from "../error/celeriac-error.ts";
import { JsonSyntaxError, readJson } from "./json-reader.ts";
import { scanJson } from "./json-scan.ts";
import { type OnSecret, plainKeys, UnwritableError, writeJson } from "./json-writer.ts";
import { textOf } from "./utf8.ts";

/** What one text may hold. Checked before anything is built from it. */
export interface JsonLimits {
  /** Nested arrays and objects, the outermost included. */
  readonly depth: number;
  /** Members of all objects together. */
  readonly keys: number;
}

/** For messages: bodies, headers, signatures. */
export const messageLimits: JsonLimits = { depth: 64, keys: 10_000 };
/** For results, which are wrapped once more and may be long tables; their bytes are bounded elsewhere. */
export const resultLimits: JsonLimits = { depth: 66, keys: 1_000_000 };

/**
 * Reads JSON text. Integers beyond ±(2^53 − 1) become bigint, tagged values become `Date`, `Uint8Array`, `PlainDate`, `PlainTime`,
 * `Decimal`, `Uuid`. Throws MESSAGE_UNDECODABLE for anything else that is not JSON in UTF-8 within `limits`.
 */
export function parseJson(text: string | Uint8Array, limits: Partial<JsonLimits> = messageLimits): unknown {
  const source = typeof text === "string" ? text : textOf(text);
  if (source === undefined) throw undecodable("it is not UTF-8");
  const depth = limits.depth ?? messageLimits.depth;
  const keys = limits.keys ?? messageLimits.keys;
  const verdict = scanJson(source, depth, keys);
  if (verdict === "too-deep") throw undecodable(`it is nested deeper than ${depth} levels`);
  if (verdict === "too-many-keys") throw undecodable(`it has more than ${keys} keys`);
  if (verdict === "plain") {
    try {
      return JSON.parse(source) as unknown;
    } catch {
      // NaN, or a fault that the reader below can place. V8's own message quotes the text, which may be a secret.
    }
  }
  try {
    return readJson(source, depth);
  } catch (error) {
    throw error instanceof JsonSyntaxError ? undecodable(error.message) : error;
  }
}

export interface StringifyOptions {
  /** What the value is called in errors: `args` gives `args[0].when`. Default `value`. */
  readonly root?: string;
  readonly limits?: Partial<JsonLimits>;
  /** Default "reveal": a message carries what its handler needs. */
  readonly onSecret?: OnSecret;
}

/**
 * Compact JSON text. bigint becomes a bare integer; `Date`, `Uint8Array` and the classes of `tagged.ts` become tagged values; `toJSON` is
 * honoured; `undefined` members are dropped, and `undefined` itself is `null`. Throws NOT_SERIALIZABLE, with the path, for what JSON
 * would lose or what a reader would refuse: NaN, Infinity, functions, symbols, Map, Set, class instances, cycles, `undefined` in arrays.
 */
export function stringifyJson(value: unknown, options: StringifyOptions = {}): string {
  const depth = options.limits?.depth ?? messageLimits.depth;
  const limit = options.limits?.keys ?? Infinity;
  const plain = stringifyPlain(value, depth, limit);
  if (plain !== undefined) return plain;
  try {
    return writeJson(value, options.root ?? "value", depth, limit, options.onSecret);
  } catch (error) {
    if (!(error instanceof UnwritableError)) throw error;
    throw new CeleriacError("NOT_SERIALIZABLE", error.message, {
      details: { path: error.path },
      ...(error.cause === undefined ? {} : { cause: error.cause }),
    });
  }
}

/** The same text for what `JSON.stringify` writes faithfully; `undefined` for all else, which may be writable or not. */
export function stringifyPlain(value: unknown, depth: number, limit: number = Infinity): string | undefined {
  const keys = plainKeys(value, depth);
  return keys >= 0 && keys <= limit ? JSON.stringify(value) : undefined;
}

function undecodable(reason: string): CeleriacError {
  return new CeleriacError("MESSAGE_UNDECODABLE", `JSON cannot be read: ${reason}.`);
}
