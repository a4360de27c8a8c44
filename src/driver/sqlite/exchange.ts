/**
 * The words that callers and the driver's thread exchange: requests, answers, and notices that nobody asked for. What there is
 * one of for each task travels packed, see `parcel.ts` and `Claimed`.
 */

import type { Channel } from "../../port/bus.ts";
import type { Arrival, Joined, JoinMember, OpenJoin, StaleJoin } from "../../port/joins.ts";
import type { Begun, Claimed as ClaimedStart, ExpiredHold, Hold, Ledger, Start, Waiting } from "../../port/ledger.ts";
import type { CallHeld } from "../../port/call-law.ts";
import type { CallMark } from "../../wire/call-mark.ts";
import type { AttemptRecord, DeadLetter, QueueState, RequeueTo } from "../../port/queue-admin.ts";
import type { StoredOutcome } from "../../port/result-store.ts";
import type { ControlFact, ControlState } from "../../port/control-state.ts";
import type { Bucket, Granted, LimitAsk, Limits, Places } from "../../port/limits.ts";
import type { Begun as BegunTick, Fired, FiredTick, Term } from "../../port/lease.ts";
import type { Warning } from "../../port/units.ts";
import type { Failure } from "./failure.ts";

/** What becomes of one delivery. Numbers and not words, for there is one a task. */
export const ending = { ack: 0, replace: 1, front: 2, back: 3, bury: 4 } as const;

export interface SettlementRest {
  /** Index of the replacing message in `sent`. */
  readonly next?: number;
  /** Put back after its start. */
  readonly begun?: boolean;
  readonly due?: number;
  readonly behind?: string;
  readonly crashes?: number;
  readonly suspicions?: number;
  readonly letter?: Pick<DeadLetter, "id" | "task" | "reason" | "at" | "detail" | "attempts">;
  readonly record?: { readonly id: string; readonly value: AttemptRecord };
  readonly arrive?: readonly Arrival[];
  /** The key that it stands for. */
  readonly call?: { readonly mark: CallMark; readonly id: string };
}

export type Request =
  | { readonly k: "publish"; readonly call: number; readonly from: number; readonly count: number }
  | {
      readonly k: "settle";
      readonly call: number;
      readonly consumer: number;
      readonly from: number;
      readonly count: number;
    }
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

/** Why nothing was sent: `full` names the queue that takes no more; with `file` it is the whole file that does not. */
export interface Refusal {
  readonly full: string;
  readonly file: boolean;
}

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
  readonly begin: { in: readonly Start[]; out: readonly Begun[] };
  readonly follows: { in: readonly Waiting[]; out: readonly (number | undefined)[] };
  readonly reopen: { in: Parameters<Ledger["reopen"]>[0]; out: readonly null[] };
  readonly finish: { in: readonly ClaimedStart[]; out: readonly ("finished" | "fenced")[] };
  readonly take: { in: { holds: readonly Hold[]; lease: number; broker: string }; out: readonly ("held" | "fenced")[] };
  readonly renewHolds: { in: { holds: readonly ClaimedStart[]; lease: number }; out: readonly boolean[] };
  readonly expired: { in: { lease: number; limit: number; broker: string }; out: readonly ExpiredHold[] };
  readonly release: { in: readonly ClaimedStart[]; out: readonly null[] };
  readonly openJoins: { in: readonly OpenJoin[]; out: readonly null[] };
  readonly sealJoins: { in: readonly string[]; out: readonly null[] };
  readonly arrive: { in: readonly Arrival[]; out: readonly Joined[] };
  readonly growJoin: { in: { group: string; member: string }; out: boolean };
  readonly lookJoin: { in: string; out: Joined | undefined };
  readonly members: { in: { group: string; skip: number; limit: number }; out: readonly JoinMember[] };
  readonly closeJoins: { in: readonly string[]; out: readonly null[] };
  readonly staleJoins: { in: { age: number; limit: number }; out: readonly StaleJoin[] };
  readonly saveGroup: { in: { group: string; meta: Uint8Array; ttl: number | undefined }; out: null };
  readonly savedGroup: { in: string; out: Uint8Array | undefined };
  readonly unsaveGroup: { in: string; out: null };
  readonly queues: { in: null; out: readonly QueueState[] };
  readonly browse: {
    in: { queue: string; where: "ready" | "delayed" | "leased"; after: string | undefined; limit: number };
    out: { items: readonly HeldRow[]; next: string | undefined };
  };
  readonly find: { in: { queue: string; id: string }; out: HeldRow | undefined };
  readonly purge: { in: { queue: string; ready: boolean; delayed: boolean }; out: number };
  readonly requeue: {
    in: { queue: string; ids: readonly string[]; to: RequeueTo };
    out: readonly (HeldRow["state"] | undefined)[];
  };
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
  readonly fire: {
    in: { term: Term; schedule: string; tick: number; from: number; count: number };
    out: Fired | Refusal;
  };
  readonly beginTick: { in: { term: Term; schedule: string; tick: number; id: string }; out: BegunTick };
  readonly doneTick: { in: { schedule: string; tick: number; id: string }; out: null };
  readonly firedTicks: { in: { schedule: string; limit: number }; out: readonly FiredTick[] };
  readonly forgetTicks: { in: readonly string[]; out: null };
  readonly changes: { in: number; out: Awaited<ReturnType<ControlState["changes"]>> };
  readonly setFacts: { in: readonly ControlFact[]; out: number };
  readonly replaceFact: { in: { fact: ControlFact; value: string | null }; out: boolean };
  readonly takeLimits: { in: readonly LimitAsk[]; out: readonly Granted[] };
  readonly giveLimits: { in: Parameters<Limits["give"]>[0]; out: null };
  readonly lookPlaces: { in: readonly string[]; out: readonly Places[] };
  readonly lookLimits: { in: readonly string[]; out: readonly (Bucket | undefined)[] };
  readonly beginCalls: { in: readonly CallStart[]; out: readonly (BegunCall | undefined)[] };
  readonly say: { in: { channel: string; message: Uint8Array }; out: null };
  readonly listen: { in: { listener: number; channel: Channel }; out: null };
  readonly unlisten: { in: { listener: number }; out: null };
  readonly audience: { in: null; out: readonly string[] };
  readonly close: { in: null; out: null };
}
/** A delivery that stands for a key and is about to start. */
export interface CallStart {
  readonly seq: number;
  readonly fence: number;
  readonly id: string;
  readonly mark: CallMark;
}
/** As it lies in the file: another may have taken its place since it was claimed. */
export interface BegunCall {
  readonly head: string;
  readonly body: Uint8Array;
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

/** What was leased to one consumer in one transaction: one text, one buffer, one column of numbers, as on the way in. */
export interface Claimed {
  readonly consumer: number;
  readonly fence: number;
  readonly at: number;
  readonly queues: readonly string[];
  /** See `claimedWidth`. */
  readonly numbers: Float64Array<ArrayBuffer>;
  readonly heads: string;
  /** The bodies one behind the other, or, when they are large, each in its own buffer. */
  readonly bytes: Uint8Array<ArrayBuffer> | readonly Uint8Array<ArrayBuffer>[];
}
/** seq, queue (index), length of the head, length of the body, crashes, suspicions, redelivered. */
export const claimedWidth = 7;
/** Answers to `publish`, one a message; a bare number when all are the same. */
export const published = { accepted: 0, duplicate: 1, full: 2, fileFull: 3 } as const;
export type PublishAnswer = number | readonly (number | CallHeld)[];
/** Settled, and more to say: the outcome that was final already, and what became of arrivals. */
export interface SettledMore {
  readonly outcome?: StoredOutcome;
  readonly joined?: readonly Joined[];
}
/** Answers to `settle`, one a settlement: 0 settled, 1 lost, or more than that. */
export type SettleAnswer = 0 | readonly (0 | 1 | SettledMore)[];

/** A claim that is not ours any more. The fence tells it from a later claim of the same row, which may be ours. */
export type Lost = readonly [seq: number, fence: number];

export type Notice =
  | { readonly n: "lost"; readonly consumer: number; readonly held: readonly Lost[]; readonly why: string }
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
  /** Calls whose answer is 0: all accepted, all settled. Nearly all of them. */
  readonly plain: readonly number[];
  readonly done: readonly (readonly [call: number, value: unknown])[];
  readonly failed: readonly (readonly [call: number, failure: Failure])[];
  readonly notices: readonly Notice[];
}
