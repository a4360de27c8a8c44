/** A message as it goes to the server, with all that the scripts that store it must be told. */

import type { Outgoing } from "../../port/broker.ts";
import { encodeEnvelope } from "../../wire/envelope.ts";
import { fairKeyOf } from "../../wire/fair.ts";
import type { Keys } from "./keys.ts";

/** An envelope that is ready to be pushed. */
export interface Encoded {
  readonly queue: string;
  readonly step: number;
  /** Its key takes turns with others. */
  readonly fair: boolean;
  /** Server time in milliseconds as text, "" for now. */
  readonly due: string;
  readonly raw: string;
  readonly size: number;
  readonly dedupe: Outgoing["dedupe"];
  readonly id: string;
  readonly call: Outgoing["call"];
}

/** Bytes of a body that surely can be written, whatever it has to be escaped to. */
const surelyWritten = 1024 * 1024;

/** Nothing can go wrong when it is encoded: its headers are plain. Throws NAME_INVALID. */
export function isSurelyEncoded(keys: Keys, { queue, message }: Outgoing): boolean {
  keys.checkQueue(queue);
  if (message.body.byteLength > surelyWritten) return false;
  for (const name in message.headers) {
    const value = message.headers[name];
    if (typeof value !== "string" && typeof value !== "boolean") return false;
  }
  return true;
}

/** Throws NOT_SERIALIZABLE or NAME_INVALID. */
export function encodeOutgoing(keys: Keys, outgoing: Outgoing): Encoded {
  const { queue, message, due, dedupe, call } = outgoing;
  keys.checkQueue(queue);
  // kombu keeps what a worker holds under this tag, so no two messages may have the same: what is published under its own id is the first of it.
  const tag = dedupe !== undefined && dedupe.nonce === dedupe.id ? dedupe.id : crypto.randomUUID();
  const raw = encodeEnvelope(message, queue, tag);
  return {
    queue,
    step: keys.stepOf(message.properties.priority),
    fair: fairKeyOf(message.headers) !== undefined,
    due: due === undefined ? "" : String(Math.ceil(due)),
    raw,
    size: Buffer.byteLength(raw),
    dedupe,
    id: String(message.headers["id"]),
    call,
  };
}
