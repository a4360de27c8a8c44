/**
 * What crosses between callers and the driver's thread: one record a turn each way. Rows are flat arrays and all bodies of a
 * turn are one buffer that is handed over, because cloning a record a task would cost more than storing it.
 */

import type { Outgoing } from "../../port/broker.ts";
import type { Channel } from "../../port/bus.ts";
import type { AttemptRecord, DeadLetter, QueueState } from "../../port/queue-admin.ts";
import type { ResultWrite, StoredOutcome } from "../../port/result-store.ts";
import type { Term } from "../../port/lease.ts";
import type { Warning } from "../../port/units.ts";
import type { Failure } from "./failure.ts";

/** One message to be stored, with its bytes still in the buffer of its batch. */
export type SentRow = readonly [
  queue: string,
  id: string,
  task: string,
  priority: number,
  due: number,
  /** The id that may come once in `window`; "" = the task's own. Counts only where `window` is not -1. */
  once: string,
  nonce: string,
  window: number,
  head: string,
  offset: number,
  length: number,
];
/** `due` of a message that is ready at once. Zero would be a time. */
export const dueNow = -1;

export type ResultRow = readonly [
  id: string,
  state: string,
  final: boolean,
  fence: number,
  ttl: number,
  offset: number,
  length: number,
];
/** `ttl` of a result that is kept until it is forgotten. */
export const keptForever = -1;

/** What becomes of one delivery. Numbers and not words, for there is one a task. */
export const ending = { ack: 0, replace: 1, front: 2, back: 3, bury: 4 } as const;

export type SettlementRow = readonly [
  seq: number,
  fence: number,
  ending: number,
  /** Index into `results`; -1 = none. */
  result: number,
  /** First of the follow-ups in `sent`, and how many. */
  from: number,
  count: number,
  rest: SettlementRest | null,
];
export interface SettlementRest {
  /** Index of the replacing message in `sent`. */
  readonly next?: number;
  readonly due?: number;
  readonly crashes?: number;
  readonly suspicions?: number;
  readonly letter?: Pick<DeadLetter, "id" | "task" | "reason" | "at" | "detail" | "attempts">;
  readonly record?: { readonly id: string; readonly value: AttemptRecord };
}

export type Request =
  | { readonly k: "publish"; readonly call: number; readonly from: number; readonly count: number }
  | { readonly k: "settle"; readonly call: number; readonly consumer: number; readonly rows: readonly SettlementRow[] }
  | {
      readonly k: "started";
      readonly consumer: number;
      readonly sure: boolean;
      readonly seqs: readonly number[];
      readonly fence: number;
    }
  | { readonly k: "want"; readonly consumer: number; readonly n: number }
  | { readonly k: "pause"; readonly consumer: number }
  | { readonly k: "heard"; readonly listener: number }
  | { readonly k: "unwatch"; readonly watch: number }
  | { [K in Ask]: { readonly k: "ask"; readonly call: number; readonly ask: K; readonly input: Asks[K]["in"] } }[Ask];

/** Calls of which there are few: named, with plain values. */
export interface Asks {
  readonly consume: {
    in: {
      queues: readonly string[];
      worker: string;
      lease: number;
      sweep: number;
      maxClaimBytes: number;
      stallLimit: number;
    };
    out: number;
  };
  readonly setQueues: { in: { consumer: number; queues: readonly string[] }; out: null };
  readonly stop: { in: { consumer: number }; out: null };
  readonly commit: { in: { from: number; count: number }; out: readonly CommitAnswer[] };
  readonly get: { in: readonly string[]; out: readonly (StoredOutcome | undefined)[] };
  readonly forget: { in: readonly string[]; out: null };
  readonly watch: { in: { watch: number; id: string }; out: null };
  readonly readPoints: { in: string; out: readonly (readonly [string, Uint8Array])[] };
  readonly writePoint: {
    in: { id: string; fence: number; name: string; value: Uint8Array; ttl: number };
    out: "stored" | "fenced";
  };
  readonly queues: { in: null; out: readonly QueueState[] };
  readonly browse: {
    in: { queue: string; where: "ready" | "delayed" | "leased"; after: string | undefined; limit: number };
    out: { items: readonly HeldRow[]; next: string | undefined };
  };
  readonly find: { in: { queue: string; id: string }; out: HeldRow | undefined };
  readonly purge: { in: { queue: string; ready: boolean; delayed: boolean }; out: number };
  readonly setPaused: { in: { queue: string; paused: boolean }; out: null };
  readonly letters: {
    in: { filter: { queue?: string; task?: string; reason?: string }; after: string | undefined; limit: number };
    out: { items: readonly LetterRow[]; next: string | undefined };
  };
  readonly redrive: { in: readonly string[]; out: number };
  readonly drop: { in: readonly string[]; out: number };
  readonly acquire: { in: { name: string; holder: string; ttl: number }; out: Term | undefined };
  readonly renewTerm: { in: { term: Term; ttl: number }; out: Term | undefined };
  readonly releaseTerm: { in: Term; out: null };
  readonly fire: { in: { term: Term; schedule: string; tick: number; from: number }; out: "fired" | "not" | "full" };
  readonly say: { in: { channel: string; message: Uint8Array }; out: null };
  readonly listen: { in: { listener: number; channel: Channel }; out: null };
  readonly unlisten: { in: { listener: number }; out: null };
  readonly audience: { in: null; out: readonly string[] };
  readonly close: { in: null; out: null };
}
export type Ask = keyof Asks;
export type CommitAnswer = "stored" | "mine-already" | "already-final" | "fenced";

/** A queued message with its bytes apart; the envelope is put together on the caller's side. */
export interface HeldRow {
  readonly key: string;
  readonly head: string;
  readonly body: Uint8Array;
  readonly since: number;
  readonly state: "ready" | "delayed" | "leased";
  readonly due?: number;
  readonly leaseUntil?: number;
  readonly worker?: string;
  readonly ahead?: number;
}
export type LetterRow = Omit<DeadLetter, "raw"> & { readonly head: string; readonly body: Uint8Array };

/** All that the callers of one turn want. */
export interface Batch {
  readonly requests: readonly Request[];
  readonly sent: readonly SentRow[];
  readonly results: readonly ResultRow[];
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export type DeliveryRow = readonly [
  seq: number,
  /** Index into `queues`. */
  queue: number,
  head: string,
  length: number,
  crashes: number,
  suspicions: number,
  redelivered: number,
];
export interface Claimed {
  readonly consumer: number;
  readonly fence: number;
  readonly at: number;
  readonly queues: readonly string[];
  readonly rows: readonly DeliveryRow[];
  /** The bodies one behind the other, or, when they are large, each in its own buffer. */
  readonly bytes: Uint8Array<ArrayBuffer> | readonly Uint8Array<ArrayBuffer>[];
}
/** Answers to `publish`, one a message; a bare number when all are the same. */
export const published = { accepted: 0, duplicate: 1, full: 2 } as const;
export type PublishAnswer = number | readonly number[];
/** Answers to `settle`, one a settlement: 0 settled, 1 lost, or the outcome that was final already. */
export type SettleAnswer = 0 | readonly (0 | 1 | StoredOutcome)[];

export type Notice =
  | { readonly n: "lost"; readonly consumer: number; readonly seqs: readonly number[]; readonly why: string }
  | { readonly n: "claimed"; readonly claimed: Claimed }
  | { readonly n: "state"; readonly watch: number; readonly outcome: StoredOutcome }
  | {
      readonly n: "heard";
      readonly listener: number;
      readonly gap: boolean;
      readonly messages: readonly (readonly [string, Uint8Array])[];
    }
  | { readonly n: "event"; readonly event: "disconnected" | "connected" | "clock-step"; readonly detail: string }
  | { readonly n: "warning"; readonly warning: Warning }
  | { readonly n: "opened"; readonly warnings: readonly Warning[] }
  | { readonly n: "unopened"; readonly failure: Failure };

/** All that the thread has to say after a turn. */
export interface Answers {
  readonly done: readonly (readonly [call: number, value: unknown])[];
  readonly failed: readonly (readonly [call: number, failure: Failure])[];
  readonly notices: readonly Notice[];
}

/** Collects what callers want until the turn ends. */
export class Parcel {
  readonly requests: Request[] = [];
  readonly #sent: SentRow[] = [];
  readonly #results: ResultRow[] = [];
  readonly #pieces: Uint8Array[] = [];
  #length = 0;

  get sentCount(): number {
    return this.#sent.length;
  }

  get resultCount(): number {
    return this.#results.length;
  }

  addOutgoing(outgoing: Outgoing, head: string): number {
    const { message, due, dedupe } = outgoing;
    const { id, task } = message.headers;
    this.#sent.push([
      outgoing.queue,
      typeof id === "string" ? id : "",
      typeof task === "string" ? task : "",
      priorityOf(message.properties.priority),
      due === undefined ? dueNow : Math.max(0, Math.ceil(due)),
      dedupe === undefined || dedupe.id === id ? "" : dedupe.id,
      dedupe === undefined ? "" : dedupe.nonce,
      dedupe === undefined ? -1 : dedupe.window,
      head,
      this.#length,
      message.body.length,
    ]);
    this.#add(message.body);
    return this.#sent.length - 1;
  }

  addResult(result: ResultWrite): number {
    this.#results.push([
      result.id,
      result.state,
      result.final,
      result.fence,
      result.ttl ?? keptForever,
      this.#length,
      result.meta.length,
    ]);
    this.#add(result.meta);
    return this.#results.length - 1;
  }

  #add(bytes: Uint8Array): void {
    this.#pieces.push(bytes);
    this.#length += bytes.length;
  }

  wrap(): Batch {
    return {
      requests: this.requests,
      sent: this.#sent,
      results: this.#results,
      bytes: concat(this.#pieces, this.#length),
    };
  }
}

/** A buffer that may be handed over: never a slice of Node's shared pool. */
export function concat(pieces: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.length;
  }
  return whole;
}

/** 0…9, low first, as on Redis; what is no number has the first. */
function priorityOf(priority: number | undefined): number {
  if (priority === undefined || !(priority > 0)) return 0;
  return Math.min(9, Math.floor(priority));
}
