/**
 * The seam between the core and whatever holds the messages. Arrays in, arrays out: the caller knows where a batch ends.
 *
 * Three ways for a call to end: a value; a typed refusal, which is a value; an exception, which means *nobody knows*, after
 * which the same call may be repeated (publish by nonce, settle by sequence number, commit by fence).
 */

import type { StopSign } from "../clock/stop.ts";
import type { Malformed, Message } from "../wire/message.ts";
import type { CallHeld, CallRule } from "./call-law.ts";
import type { Arrival, Joined } from "./joins.ts";
import type { AttemptRecord, DeadLetter, DeadLetters, QueueAdmin } from "./queue-admin.ts";
import type { ResultStore, ResultWrite, StoredOutcome } from "./result-store.ts";
import type { Fence, Millis, ServerTime, Warning } from "./units.ts";

export interface Outgoing {
  readonly queue: string;
  readonly message: Message;
  /** Not before this moment. Absent = now. */
  readonly due?: ServerTime;
  /**
   * First publish of an id: refuse a second one inside `window`. Absent on retries, replaces and requeues: they carry the
   * SAME id on purpose and must never be taken for duplicates. `nonce` makes a repeat of this very call "accepted".
   */
  readonly dedupe?: { readonly id: string; readonly nonce: string; readonly window: Millis };
  /**
   * Its header `celeriac.call` names a key; what that means is decided in the step that stores it. Only where `features.calls`; refused
   * as "unsupported" elsewhere.
   */
  readonly call?: CallRule;
}
export type Published =
  | { readonly kind: "accepted" }
  | { readonly kind: "duplicate" }
  | CallHeld
  | {
      readonly kind: "refused";
      readonly reason: "full" | "unroutable" | "too-large" | "unsupported";
      readonly detail: string;
    };
// A rejected promise (PublishUnknownError) means: nobody knows. Repeating with the same id and nonce is safe.

export interface BrokerFeatures {
  readonly dedupe: "publish" | "none"; // none: only `Ledger.begin` can stop a second start
  readonly fence: "server" | "delivery-count" | "none";
  readonly lease: "renewed" | "connection"; // connection: the broker gives back when the link dies
  readonly delay: { readonly resolution: Millis; readonly max: Millis } | undefined;
  readonly priority: { readonly first: "low" | "high"; readonly levels: readonly number[] } | undefined;
  readonly settleWithResult: boolean; // one atomic step with the store that `joins(store)` accepts
  readonly browse: "all" | "ready" | "none";
  readonly pause: "queue" | "ours-only"; // ours-only: Python workers go on consuming
  readonly deliveryLimit: boolean; // the broker may drop or dead-letter behind our back
  readonly clock: "server" | "worker"; // whose clock says when a message was claimed; worker: and turns what is due into a delay
  readonly counting: "broker" | "ledger"; // who counts starts that died; ledger: the broker itself counts none
  readonly purgeDelayed: boolean; // what is delayed can be purged by queue
  readonly requeueFront: boolean; // what is put back to the front comes before what waits
  readonly requeue: boolean; // single messages are moved at another's word
  readonly fair: boolean; // keys of the header "celeriac.fair" take turns, each one message a round
  readonly line: boolean; // what waits for a place of `Limits` is called when one is free
  readonly calls: boolean; // knows of keys that calls have
}

export interface Broker {
  readonly features: BrokerFeatures;
  /** The broker ends a consumer that has held a message unacknowledged for so long. Absent: never. */
  readonly consumerTimeout?: Millis;
  /** Names this server and what is apart on it, the same for all who use it. Known once it is open; absent: its URL says it. */
  readonly scope?: string;
  /** Connects, checks version and safety settings. Warnings are data; the caller prints them. */
  open(signal: AbortSignal): Promise<readonly Warning[]>;
  /** Stops claiming, gives unsettled deliveries back, closes. Safe twice. */
  close(): Promise<void>;
  /** True if results written by `store` can ride in this broker's settle step. */
  joins(store: ResultStore): boolean;

  /** One call, any number. Answers in the order of the input. Resolves when each is as safe as the broker makes it. */
  publish(batch: readonly Outgoing[], signal: AbortSignal): Promise<readonly Published[]>;
  consume(options: ConsumeOptions, take: (batch: readonly Delivery[]) => void): Promise<Consumer>;
  readonly queues: QueueAdmin;
  readonly dead: DeadLetters;
}

export interface ConsumeOptions {
  readonly queues: readonly string[];
  /** Stable for the life of this process; leases and replays are filed under it. */
  readonly worker: string;
  readonly lease: Millis;
  /** Upper bound of bytes in one claim, so that 1 MB messages do not come by the hundred. */
  readonly maxClaimBytes: number;
  /** User code runs on the calling thread (inline pool), so leases are renewed from another one. */
  readonly userCodeHere: boolean;
  /** Renewal lets go, and the process is ended, when the calling thread has not turned for this long. Default 60 s. */
  readonly stallLimit: Millis;
  /** How often expired leases are looked for. Default 5 s. */
  readonly sweep: Millis;
  /**
   * A ledger fences commits, so where the lease is a connection a lost one does not end what runs: its delivery can't be settled any
   * more, but its result can be stored unless another has begun. Default false: `lost` aborts.
   */
  readonly fenced?: boolean;
}
export interface Consumer {
  /** May hold up to `n` unsettled deliveries, of which `start` go to a free slot at once. Called whenever room changes. */
  want(n: number, start: number): void;
  /** Changes the set without losing what is in flight (add_consumer, cancel_consumer). */
  setQueues(queues: readonly string[]): Promise<void>;
  /**
   * User code of these began. Batched, not awaited; the crash budget counts these and nothing else. `blame` is what the reaper
   * concludes if this whole process dies before they are settled: "suspect" adds one suspicion (the process pool: a poisonous
   * task kills its child, not us), "sure" adds one crash (inline and thread pools, when the task runs alone). What is given back after
   * this comes again as `redelivered`.
   */
  started(deliveries: readonly Delivery[], blame: "suspect" | "sure"): void;
  /**
   * Only where `features.calls`: these are about to start, and stand for a key. From then on nothing takes their place; what did so since they were
   * claimed is their `message` when this resolves. Safe to repeat. Of those that are lost nothing is said.
   */
  begin?(deliveries: readonly Delivery[]): Promise<void>;
  settle(batch: readonly Settlement[]): Promise<readonly Settled[]>;
  /**
   * Only where the lease is a connection: acknowledges these at the broker, though they are not done. Each can be settled once more all
   * the same (what replaces it or follows is published, nothing is acknowledged), whatever becomes of the connection, and is not
   * given back by `stop`. For messages that a ledger keeps.
   */
  detach?(deliveries: readonly Delivery[]): Promise<void>;
  /**
   * Only where the lease is a connection: asks the server, and says of each whether it was still this consumer's when that answered. Nobody
   * else was given it before.
   */
  holds?(deliveries: readonly Delivery[]): Promise<readonly boolean[]>;
  /** No new claims. What is held stays leased. */
  pause(): void;
  /** Gives everything unsettled back, unstarted first, no attempt used. */
  stop(): Promise<void>;
  on(event: "disconnected" | "connected" | "clock-step", listener: (detail: string) => void): void;
}
export interface Delivery {
  readonly queue: string;
  readonly message: Message | Malformed;
  /** The exact bytes, for dead letters, browsing and edit-free requeue. A getter: no copy unless asked. */
  readonly raw: Uint8Array;
  readonly redelivered: boolean;
  /** Only of a broker that may hold two copies of a message under one message id: tells this one of them from the others. */
  readonly name?: string | undefined;
  /**
   * Only of such a broker: the names (the message id, where it has none) under which whoever had this one before may have begun it, for
   * a ledger to compare. Absent: it came again because its holder is gone.
   */
  readonly formerly?: readonly string[] | undefined;
  readonly fence: Fence;
  /** Starts that ended in the death of their process. */
  readonly crashes: number;
  /** Deaths of a process in which this one ran beside others. Never bury for these; run it alone next time. */
  readonly suspicions: number;
  readonly claimedAt: ServerTime;
  /** Aborts, with `LeaseLostError`, when this worker may no longer commit: taken by others, or our monotonic deadline passed. */
  readonly lost: StopSign;
}

/** What becomes of a delivery, all of it in one step where the server can. */
export interface Settlement {
  readonly delivery: Delivery;
  readonly then:
    | { readonly kind: "ack" }
    /** Replaces the message by another with the same id (retry, replace). Never deduped. */
    | { readonly kind: "replace"; readonly next: Outgoing }
    /** Puts it back as it was. `front` for interrupted work. */
    | {
        readonly kind: "requeue";
        readonly at: "front" | "back";
        readonly due?: ServerTime;
        /** Waits for a place of this key, in line: comes to the front as soon as it is given one, at `due` otherwise. With `features.line`. */
        readonly behind?: string;
        /** New absolute counts, after a child died with it. Absent = unchanged. */
        readonly crashes?: number;
        readonly suspicions?: number;
        /**
         * The last start that it can have been left behind by, as a ledger knows it: `formerly` of what comes says so, and no later one is
         * taken for it. Absent: its names tell.
         */
        readonly began?: Fence;
      }
    | { readonly kind: "bury"; readonly letter: DeadLetter };
  /** Present only if `broker.joins(store)`; else the worker has called `store.commit` before. */
  readonly result?: ResultWrite;
  /** Next chain step, callbacks, errbacks. Their ids are fixed before, so a repeat is harmless. */
  readonly follow?: readonly Outgoing[];
  /** Chords that this task was a member of, and that learn of its end. Present only if `broker.joins(store)`, as `result`. */
  readonly arrive?: readonly Arrival[];
  /** Kept with the task by its id (the last 20), and attached to the dead letter if it comes to that. */
  readonly record?: AttemptRecord;
}
export type Settled =
  /** `joined`: what became of `arrive`, in its order; absent without. */
  | { readonly kind: "settled"; readonly joined?: readonly Joined[] }
  /** Somebody else holds it. Nothing of this settlement happened. */
  | { readonly kind: "lost" }
  /** The id has a final result already. The delivery is acknowledged; `follow` and `arrive` WERE carried out again. */
  | { readonly kind: "already-final"; readonly outcome: StoredOutcome; readonly joined?: readonly Joined[] };
