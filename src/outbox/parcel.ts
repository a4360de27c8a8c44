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

/** Throws MESSAGE_UNDECODABLE for what nobody packed. */
export function unpackParcel(text: string): Parcel {
  let written: Partial<Written> | null;
  try {
    written = JSON.parse(text) as Partial<Written> | null;
  } catch (cause) {
    throw undecodable("it is no JSON", cause);
  }
  if (written?.version !== version) throw undecodable("it was written by another version");
  const { sends, joins } = written;
  if (!Array.isArray(sends) || !Array.isArray(joins)) throw undecodable("it has no messages");
  return { sends: sends.map(readSend), joins: joins.map(readJoin) };
}

function readSend({ queue, due, once, nonce, window, envelope }: Partial<WrittenSend>): Outgoing {
  if (![queue, once, nonce, envelope].every((each) => typeof each === "string") || typeof window !== "number")
    throw undecodable("a message lacks its queue, id, nonce or window");
  const message = decodeEnvelope(envelope as string);
  if ("malformed" in message) throw undecodable(message.reason);
  return {
    queue: queue as string,
    message,
    ...(typeof due === "number" && { due }),
    dedupe: { id: once as string, nonce: nonce as string, window },
  };
}

function readJoin({ group, size, ttl, body }: Partial<WrittenJoin>): OpenJoin {
  if (typeof group !== "string" || typeof size !== "number" || typeof ttl !== "number" || typeof body !== "string")
    throw undecodable("a join lacks its group, size, life or body");
  return { group, size, ttl, body: Buffer.from(body, "base64") };
}

function undecodable(why: string, cause?: unknown): CeleriacError {
  return new CeleriacError("MESSAGE_UNDECODABLE", `This row of the outbox cannot be read: ${why}.`, {
    ...(cause !== undefined && { cause }),
  });
}
