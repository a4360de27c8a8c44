/** What crosses between a worker and the far side of a pool. The records are the protocol: a change needs a new number in `boot`. */

import type { BatchPolicy } from "../task/batch.ts";
import type { TracePlace } from "../task/telemetry.ts";

/** What crosses from the worker to a child. Plain data; no class, no function. */
export interface Call {
  readonly slot: number; // unique in the life of the child; names the call in every later message
  readonly task: string;
  readonly id: string;
  readonly attempt: number;
  readonly fence: number;
  readonly input: { readonly contentType: string; readonly bytes: Uint8Array }; // args/kwargs part, already unpacked, NOT parsed
  readonly soft: number | null;
  readonly hard: number | null; // ms, relative
  readonly checkpoints: readonly (readonly [name: string, value: string])[];
  readonly lineage: {
    readonly root: string;
    readonly parent: string | null;
    readonly group: string | null;
    readonly stamps: object | null;
    /** Where the run stands in its trace, where one is kept. */
    readonly trace: TracePlace | null;
  };
  readonly isolated: boolean; // suspect of a crash: nothing else runs in this child
  readonly queue: string;
  /** Custom headers of the message, for `ctx.headers`; JSON text, parsed only when a handler reads them. */
  readonly headers: string;
  /** {@link RequestFacts} for `ctx.request`, likewise; absent if all of them are as usual. */
  readonly request?: string;
  /** No lease can end, for its message is off the queue: it may begin at any time. Stays with the worker. */
  readonly unleased?: true;
  /** Its handler takes many at once. Stays with the worker. */
  readonly batch?: BatchPolicy;
}
/** A call on its way to a child. */
export interface GivenCall extends Call {
  /** Not to be begun after this moment, ms of the machine's monotonic clock, for its lease may be over; 0: whenever. */
  readonly startBy: number;
}
/** What a message says beside its call, where it is not the usual: an id of its own for the answer, a place in a group, times. */
export interface RequestFacts {
  readonly correlationId?: string;
  readonly replyTo?: string;
  readonly priority?: number;
  readonly redelivered?: true;
  readonly groupIndex?: number;
  /** Unix milliseconds. */
  readonly eta?: number;
  readonly expires?: number;
  readonly origin?: string;
  readonly shadow?: string;
  /** Pointers to what the sender wrapped as secrets. */
  readonly secrets?: readonly string[];
}
export type ToChild =
  | {
      readonly t: "boot";
      readonly protocol: 1;
      readonly app: string;
      readonly export: string;
      readonly slots: number;
      readonly env: Readonly<Record<string, string>>;
      readonly codecs: readonly string[];
      /** A larger result becomes the error RESULT_TOO_LARGE before it is sent. */
      readonly maxResultBytes: number;
    }
  | { readonly t: "run"; readonly calls: readonly GivenCall[] }
  | {
      readonly t: "abort";
      readonly slot: number;
      readonly reason: "soft-limit" | "revoked" | "lease-lost" | "shutdown";
    }
  | {
      readonly t: "reply";
      readonly ask: number;
      readonly ok: boolean;
      readonly value?: unknown;
      readonly code?: string;
    }
  | { readonly t: "probe"; readonly n: number }
  /** No more calls come. */
  | { readonly t: "hurry" }
  | { readonly t: "stop"; readonly grace: number };
export type FromChild =
  | {
      readonly t: "ready";
      readonly protocol: 1;
      readonly tasks: readonly { readonly name: string; readonly shape: string }[];
      readonly pid: number;
    }
  | { readonly t: "unready"; readonly code: string; readonly message: string; readonly stack: string }
  | { readonly t: "began"; readonly slots: readonly number[] }
  /** Not begun, for their time to begin is over. */
  | { readonly t: "late"; readonly slots: readonly number[] }
  | { readonly t: "done"; readonly replies: readonly Reply[] }
  | {
      readonly t: "progress";
      readonly items: readonly (readonly [slot: number, done: number, total: number | null, note: string | null])[];
    }
  | {
      readonly t: "log";
      readonly items: readonly (readonly [slot: number, level: number, text: string, fields: string | null])[];
      readonly dropped: number;
    }
  | { readonly t: "ask"; readonly ask: number; readonly slot: number; readonly what: Ask }
  | {
      readonly t: "alive";
      readonly n: number;
      readonly lag: number;
      readonly rss: number;
      readonly heap: number;
      readonly active: readonly number[];
    };
export type Reply =
  | { readonly slot: number; readonly k: "value"; readonly bytes: Uint8Array; readonly ms: number }
  | { readonly slot: number; readonly k: "error"; readonly error: WireError; readonly ms: number }
  | {
      readonly slot: number;
      readonly k: "control";
      readonly what: "retry" | "ignore" | "reject" | "replace";
      readonly detail: unknown;
      readonly ms: number;
    };
export interface WireError {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  readonly code: string | null;
  /** Python module of the class, when the thrower named one (`RemoteError`). */
  readonly module?: string;
  readonly args: readonly unknown[];
  readonly retryable: boolean | null;
  readonly matches: readonly string[]; // names of the task's own retry/dontRetry classes it is an instance of
  readonly cause: WireError | null; // at most 5 deep, cycles cut
  /** False: the arguments could not be read, or do not fit the task, so its handler was not called. */
  readonly ran?: false;
}
export type Ask =
  | { readonly k: "checkpoint"; readonly name: string; readonly value: string } // answered when it is stored, or "fenced"
  | { readonly k: "send"; readonly batch: readonly { readonly signature: object; readonly options: object }[] } // enqueue from inside a task
  | { readonly k: "state"; readonly state: string; readonly meta: string }
  | { readonly k: "get"; readonly id: string }
  /** One more member for the chord that the task is a member of: a signature as JSON text; answered with the id it was sent with. */
  | { readonly k: "member"; readonly signature: string };
