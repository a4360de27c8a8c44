/**
 * Fencing and custody beside a result store, for brokers that have neither: each start of a task is registered here, so that a copy is
 * not started twice and a worker that was replaced cannot commit; and a message whose run outlasts the broker's patience is kept here
 * under a lease. One row for each id that is not final; it lives 7 days after its last change, and as long as it keeps a message.
 *
 *   (none) ──begin──▶ begun ──take──▶ held ──expired──▶ returning ──begin of the copy──▶ begun (a former start died)
 *                       │ ▲             └──release (its run was settled)
 *          reopen, retry│ │begin        begun ──a final commit──▶ (none: the result says it) ; ──finish──▶ finished, for an hour
 *                       ▼ │             held: the same, and the message stays until it is released: what follows the run is
 *                      open                   launched by its holder, or by whoever gets the copy and meets `final`
 */

import type { StoredOutcome } from "./result-store.ts";
import type { Fence, Millis } from "./units.ts";

export interface Start {
  readonly id: string;
  /** Grows with each retry, and with each workflow that took the task's place and ends under its id. */
  readonly attempt: number;
  /** The message does not say how often the id was replaced; Celery before 5.3.5 sends them so. Default false. */
  readonly unsaid?: boolean | undefined;
  /** Names the publish; absent on messages of Python producers. */
  readonly messageId: string | undefined;
  /** The broker says that it handed this message out before. */
  readonly redelivered: boolean;
  /** As `Delivery.name`: what `formerly` of a later one is compared with. Default: `messageId`. */
  readonly name?: string | undefined;
  /** As `Delivery.formerly`; `:` and a fence stand for every start up to that one, whatever its name. */
  readonly formerly?: readonly string[] | undefined;
  readonly worker: string;
  /** What is counted if this start is found to have died: see `Consumer.started`. */
  readonly blame: "suspect" | "sure";
  /** Unlike that of any other start. A repeat of this one carries it again, and is given the same answer; nothing is counted for it. */
  readonly nonce: string;
}

/** What is asked of a message that nobody here has begun. */
export type Waiting = Pick<Start, "id" | "attempt" | "unsaid" | "messageId" | "redelivered" | "formerly">;

export type Begun =
  /** It may run. The fence is higher than any before for this id, and at least the store's time in microseconds. */
  | { readonly kind: "go"; readonly fence: Fence; readonly crashes: number; readonly suspicions: number }
  /** A final result is stored: what follows is launched again, then acknowledged. `undefined`: it was not to be stored. */
  | { readonly kind: "final"; readonly outcome: StoredOutcome | undefined }
  /** A later attempt has begun, or this is a copy of what has begun: acknowledge, drop. */
  | { readonly kind: "stale" }
  /** The message is kept here while its run goes on: acknowledge, drop. */
  | { readonly kind: "held" };

export interface Hold {
  readonly id: string;
  readonly fence: Fence;
  readonly queue: string;
  /** The whole message, as `Delivery.raw` gives it. */
  readonly raw: Uint8Array;
}

/** A hold whose lease is over, being given back: publish it under `messageId`, then `release` it. */
export interface ExpiredHold extends Hold {
  /** The same until it is released, so that a second publish of it is a copy. */
  readonly messageId: string;
}

export interface Claimed {
  readonly id: string;
  readonly fence: Fence;
}

export interface Ledger {
  /**
   * The same ledger for the messages of one broker: several may keep their results in one store, and what one of them kept must not be
   * given back through another.
   */
  within(broker: string): Ledger;
  /**
   * Compare-and-set at the start of an attempt; each start is one indivisible step. In this order: a final result or a finished row →
   * `final`; the nonce of the row's start → its `go` again; no row, an open row, or a later attempt than the row's → `go`; an earlier
   * attempt → `stale`; the row's is tried again, and the message is neither that copy nor left behind by the start that began → `stale`
   * (it was published twice, and the other one has run); the row is held and the message is not the copy that was given back → `held`; begun, and the message is neither
   * redelivered nor that copy → `stale` (a repeat of an unclear publish, or a second one of the same id); redelivered, but what has
   * begun had a name that is not among `formerly` → `stale` (put back twice, or put back and not acknowledged: the other one
   * runs); else `go`, and the former start counts as it was blamed. What the row kept is let go at `go`: the message that begins stands for it.
   * After `go` a commit, checkpoint, hold or renewal with a lower fence is refused.
   */
  begin(starts: readonly Start[]): Promise<readonly Begun[]>;
  /**
   * Up to which start each of these would come after, if it began now: 0 where none is known; `undefined`: it would not begin. Changes
   * nothing. For what is put back by who has not begun it: it must not be taken for what a later start left behind.
   */
  follows(messages: readonly Waiting[]): Promise<readonly (Fence | undefined)[]>;
  /**
   * The run ended, and the message goes on under its id (put back, retried, replaced): the next `begin` goes and counts nothing more.
   * Called BEFORE it is published again, or it could come back too early and be taken for a copy; a hold stays until it is released.
   * Absolute counts; absent = unchanged. `as`: what goes on is the next attempt, so that no other message of this one may begin; after "replaced" one that leaves its attempt unsaid may.
   * Ignored where the fence is not the row's.
   */
  reopen(
    marks: readonly (Claimed & {
      readonly crashes?: number | undefined;
      readonly suspicions?: number | undefined;
      readonly as?: "retried" | "replaced" | undefined;
    })[],
  ): Promise<void>;
  /** The run ended and no result is to be stored: for an hour `begin` answers `final`. "fenced": another has begun. */
  finish(ended: readonly Claimed[]): Promise<readonly ("finished" | "fenced")[]>;
  /** Keeps messages under a lease; the broker's copy is acknowledged AFTER this resolves. Safe to repeat. */
  take(holds: readonly Hold[], lease: Millis): Promise<readonly ("held" | "fenced")[]>;
  /** False: the hold is another's by now, or gone. */
  renew(holds: readonly Claimed[], lease: Millis): Promise<readonly boolean[]>;
  /**
   * Up to `limit` holds whose lease is over, marked as being given back for one more `lease`, so that nobody else does at the
   * same time; who dies over it is followed by another. Fewer, where messages are large: the next call has the rest.
   */
  expired(lease: Millis, limit: number): Promise<readonly ExpiredHold[]>;
  /** Lets go of holds: their run was settled, or they were given back. Those given back stay begun by a start that died. */
  release(holds: readonly Claimed[]): Promise<void>;
}
