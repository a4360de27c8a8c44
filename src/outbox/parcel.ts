/**
 * What a row of the outbox holds: all messages of one call as Celery's envelopes, with ids, nonces and times as they were fixed when the
 * row was written, and the joins to be opened before. So whoever sends it, and however often, it is the same send.
 */

import { Buffer } from "node:buffer";
import type { Prepared } from "../app/launch.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { Outgoing } from "../port/broker.ts";
import type { OpenJoin } from "../port/joins.ts";
import { decodeEnvelope, encodeEnvelope } from "../wire/envelope.ts";
import { checkQueueName } from "../wire/name.ts";

/** Of what is written; others are set aside. */
const version = 1;

interface Written {
  readonly version: number;
  readonly sends: readonly WrittenSend[];
  readonly joins: readonly WrittenJoin[];
}
interface WrittenSend {
  readonly queue: string;
  readonly due?: number;
  readonly once: string;
  readonly nonce: string;
  readonly window: number;
  readonly envelope: string;
}
interface WrittenJoin {
  readonly group: string;
  readonly size: number;
  readonly ttl: number;
  readonly body: string;
}

export interface Parcel {
  readonly sends: readonly Outgoing[];
  readonly joins: readonly OpenJoin[];
}

/** Throws NOT_SERIALIZABLE. */
export function packParcel({ sends, joins }: Pick<Prepared, "sends" | "joins">): string {
  const written: Written = {
    version,
    sends: sends.map(({ queue, message, due, dedupe }) => ({
      queue,
      ...(due !== undefined && { due }),
      once: dedupe?.id ?? "",
      nonce: dedupe?.nonce ?? "",
      window: dedupe?.window ?? 0,
      envelope: encodeEnvelope(message, queue, dedupe?.nonce ?? ""),
    })),
    joins: joins.map(({ group, size, body, ttl }) => ({
      group,
      size,
      ttl,
      body: Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("base64"),
    })),
  };
  return JSON.stringify(written);
}

/** Throws MESSAGE_UNDECODABLE for what nobody packed, NAME_INVALID for a queue that cannot be. */
export function unpackParcel(text: string): Parcel {
  let written: unknown;
  try {
    written = JSON.parse(text);
  } catch (cause) {
    throw undecodable("it is no JSON", cause);
  }
  const { version: of, sends, joins } = membersOf(written, "it is no object") as Unread<Written>;
  if (of !== version) throw undecodable("it was written by another version");
  if (!Array.isArray(sends) || !Array.isArray(joins)) throw undecodable("it has no messages");
  return { sends: sends.map(readSend), joins: joins.map(readJoin) };
}

function readSend(value: unknown): Outgoing {
  const { queue, due, once, nonce, window, envelope } = membersOf(
    value,
    "a message is no object",
  ) as Unread<WrittenSend>;
  if (typeof once !== "string" || typeof nonce !== "string" || typeof envelope !== "string" || !isMeasure(window))
    throw undecodable("a message lacks its id, nonce, window or envelope");
  if (due !== undefined && !isMeasure(due)) throw undecodable("the time of a message is none");
  // No broker takes another name, however often it is tried.
  checkQueueName(queue);
  const message = decodeEnvelope(envelope);
  if ("malformed" in message) throw undecodable(message.reason);
  return { queue, message, ...(due !== undefined && { due }), dedupe: { id: once, nonce, window } };
}

function readJoin(value: unknown): OpenJoin {
  const { group, size, ttl, body } = membersOf(value, "a join is no object") as Unread<WrittenJoin>;
  if (typeof group !== "string" || !isMeasure(size) || !isMeasure(ttl) || typeof body !== "string")
    throw undecodable("a join lacks its group, size, life or body");
  return { group, size, ttl, body: Buffer.from(body, "base64") };
}

/** Whoever may write to the table may have written anything. */
type Unread<T> = { readonly [member in keyof T]?: unknown };

function membersOf(value: unknown, otherwise: string): object {
  if (typeof value !== "object" || value === null) throw undecodable(otherwise);
  return value;
}

/** JSON reads 1e999 as infinity. */
function isMeasure(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

function undecodable(why: string, cause?: unknown): CeleriacError {
  return new CeleriacError("MESSAGE_UNDECODABLE", `This row of the outbox cannot be read: ${why}.`, {
    ...(cause !== undefined && { cause }),
  });
}
