/** One message on the server: its envelope as text, and what the server knows about it beside the envelope. */

import { Buffer } from "node:buffer";
import { type CallMark, readCallMark } from "../../wire/call-mark.ts";
import type { Outgoing } from "../../port/broker.ts";
import type { AttemptRecord } from "../../port/queue-admin.ts";
import type { Fence, ServerTime } from "../../port/units.ts";
import { decodeEnvelope, encodeEnvelope } from "../../wire/envelope.ts";
import { fairKeyOf } from "../../wire/fair.ts";
import type { Malformed, Message } from "../../wire/message.ts";
import { spliceRoute } from "../../wire/route.ts";

/** Priorities on the wire are 0 to 9, low first, as kombu has them on Redis; others count as the nearest. */
export const levels: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

/** Who holds leases: one consumer of one client. */
export interface Holder {
  readonly worker: string;
  readonly pid: number;
}

export interface HeldLease {
  readonly holder: Holder;
  readonly fence: Fence;
  /** On the server's monotonic clock, so that a step of the wall clock takes nothing from the living. */
  until: number;
  started: { readonly at: ServerTime; readonly blame: "suspect" | "sure" } | undefined;
}

export class HeldMessage {
  readonly queue: string;
  /** Text, or bytes that a stranger put there. */
  raw: string | Uint8Array;
  size: number;
  readonly priority: number;
  readonly id: string | undefined;
  readonly task: string | undefined;
  /** Whose turn it counts as. */
  readonly fair: string | undefined;
  /** Celery's `retries` + 1. */
  readonly attempt: number;
  readonly since: ServerTime;
  /** The key that it stands for. */
  call: CallMark | undefined;
  redelivered = false;
  crashes = 0;
  suspicions = 0;
  due: ServerTime | undefined;
  lease: HeldLease | undefined;
  /** Its place in its line; set when it becomes ready, and by the timetable while it is delayed. */
  place = 0;
  /** Its turn, while it waits where keys take turns. */
  turn: number | undefined;

  constructor(queue: string, raw: string | Uint8Array, message: Message | Malformed, since: ServerTime) {
    this.queue = queue;
    this.raw = raw;
    this.size = typeof raw === "string" ? Buffer.byteLength(raw) : raw.byteLength;
    this.since = since;
    const headers = "malformed" in message ? {} : message.headers;
    const { id, task, retries } = headers as Readonly<Record<string, unknown>>;
    this.id = typeof id === "string" ? id : undefined;
    this.task = typeof task === "string" ? task : undefined;
    this.fair = fairKeyOf(headers);
    this.attempt = typeof retries === "number" ? retries + 1 : 1;
    this.call = readCallMark(headers);
    const priority = "malformed" in message ? 0 : (message.properties.priority ?? 0);
    this.priority = Math.min(9, Math.max(0, Math.trunc(priority)));
  }

  /** Encodes once, as for any server, so that a header which cannot travel fails here too. Throws NOT_SERIALIZABLE. */
  static of(outgoing: Outgoing, tag: string, now: ServerTime): HeldMessage {
    const { queue, message, due } = outgoing;
    const held = new HeldMessage(queue, encodeEnvelope(message, queue, tag), message, now);
    held.due = due;
    return held;
  }

  /** Another of the same id in the place of this one. */
  become(other: HeldMessage): void {
    this.raw = other.raw;
    this.size = other.size;
    this.call = other.call;
  }

  /** A message that came past the encoder; perhaps nobody can read it. */
  static ofRaw(queue: string, raw: string | Uint8Array, now: ServerTime): HeldMessage {
    return new HeldMessage(queue, raw, decodeEnvelope(raw), now);
  }

  /** The same message in another queue, with all that is known of it. */
  movedTo(queue: string): HeldMessage {
    const raw =
      typeof this.raw === "string"
        ? spliceRoute(this.raw, queue)
        : Buffer.from(spliceRoute(Buffer.from(this.raw).toString("latin1"), queue), "latin1");
    const moved = new HeldMessage(queue, raw, decodeEnvelope(raw), this.since);
    const { redelivered, crashes, suspicions, due } = this;
    return Object.assign(moved, { redelivered, crashes, suspicions, due });
  }

  /** Read anew for each claim: no two holders share an object. */
  decode(): Message | Malformed {
    return decodeEnvelope(this.raw);
  }

  get bytes(): Uint8Array {
    return typeof this.raw === "string" ? Buffer.from(this.raw) : this.raw;
  }
}

/** What is kept of a run whose worker was lost. */
export function lostWorker(attempt: number, holder: Holder, started: number, ended: number): AttemptRecord {
  const { worker, pid } = holder;
  return { attempt, worker, pid, started, ended, exit: undefined, stderrTail: "", error: "worker lost" };
}
