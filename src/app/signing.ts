/** What `createApp` is told of keys, checked once. Secrets end here as key objects, which print nothing of themselves. */

import { createSecretKey, type KeyObject } from "node:crypto";
import { CeleriacError } from "../error/celeriac-error.ts";
import { refuseUnknown } from "../task/options.ts";
import { checkQueueName } from "../wire/name.ts";
import type { Keyring } from "../wire/signing.ts";

/**
 * Keys with which messages to tasks and workers are signed. With them a worker runs, and obeys, only what somebody with a key has sent;
 * all else becomes a dead letter (`refused-signature`), or is passed over if it is a command. Signing hides nothing.
 *
 * @example
 * ```ts
 * import { createApp } from "celeriac";
 * export const app = createApp({
 *   // Both are accepted while the second takes the place of the first.
 *   signing: { keys: { "2026-1": process.env.OLD_KEY, "2026-2": process.env.NEW_KEY }, use: "2026-2" },
 * });
 * ```
 */
export interface SigningOptions {
  /** Secrets of at least 32 bytes, by an id of 1 to 64 letters, digits, "_", "." and "-". A signature by any of them is taken. */
  readonly keys: Readonly<Record<string, string | Uint8Array | undefined>>;
  /** The id of the key that signs. Default: the only one. */
  readonly use?: string;
  /**
   * Queues from which unsigned messages are taken too, as those of Python's producers. Such a message may bring no callbacks, next
   * steps or chord, because the worker would send them signed. Default: none.
   */
  readonly acceptUnsigned?: readonly string[];
}

/** {@link SigningOptions}, checked. */
export interface Signing extends Keyring {
  readonly acceptUnsigned: ReadonlySet<string>;
}

const known: Readonly<Record<keyof SigningOptions, true>> = { acceptUnsigned: true, keys: true, use: true };
const keyId = /^[\w.-]{1,64}$/;
const leastBytes = 32;

/** Throws CONFIG_INVALID, which names no secret. `undefined` in a pool's child: it sends nothing by itself, and is given no keys. */
export function resolveSigning(options: SigningOptions | undefined): Signing | undefined {
  if (options === undefined || process.env["CELERIAC_ROLE"] === "child") return undefined;
  if (typeof options !== "object" || options === null) throw invalid("it must be { keys: { id: secret } }.");
  refuseUnknown(options, Object.keys(known), "createApp: signing");
  const keys = keysOf(options.keys);
  const [first] = keys.keys();
  const use = options.use ?? (keys.size === 1 ? first : undefined);
  if (use === undefined) throw invalid("there are several keys; `use` must name the one that signs.");
  if (!keys.has(use)) throw invalid(`\`use\` names "${use}", which is not among the keys.`);
  const acceptUnsigned = options.acceptUnsigned ?? [];
  if (!Array.isArray(acceptUnsigned)) throw invalid("acceptUnsigned must be a list of queues.");
  for (const queue of acceptUnsigned) checkQueueName(queue);
  return { use, keys, acceptUnsigned: new Set(acceptUnsigned) };
}

function keysOf(given: unknown): ReadonlyMap<string, KeyObject> {
  const keys = new Map<string, KeyObject>();
  for (const [id, secret] of Object.entries(typeof given === "object" && given !== null ? given : {})) {
    if (!keyId.test(id))
      throw invalid(`a key's id is 1 to 64 letters, digits, "_", "." and "-", not ${JSON.stringify(id)}.`);
    const bytes = bytesOf(secret);
    if (bytes === undefined || bytes.byteLength < leastBytes) {
      throw invalid(
        `the secret of key "${id}" ${bytes === undefined ? "is missing" : "is too short"}; it takes ${String(leastBytes)} bytes. Make one: openssl rand -hex 32.`,
      );
    }
    keys.set(id, createSecretKey(bytes));
  }
  if (keys.size === 0) throw invalid("`keys` has no key.");
  return keys;
}

function bytesOf(secret: unknown): Uint8Array | undefined {
  if (typeof secret === "string" && secret !== "") return Buffer.from(secret);
  return secret instanceof Uint8Array ? secret : undefined;
}

function invalid(text: string): CeleriacError {
  return new CeleriacError("CONFIG_INVALID", `createApp: signing: ${text}`);
}
