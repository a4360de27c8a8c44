/** What a driver hands over: its ports, opened and closed together. One file a driver (`driver/<name>/index.ts`) exports a factory. */

import type { Broker } from "./broker.ts";
import type { Bus } from "./bus.ts";
import type { Check } from "./check.ts";
import type { Clock } from "../clock/clock.ts";
import type { ControlState } from "./control-state.ts";
import type { Lease } from "./lease.ts";
import type { Limits } from "./limits.ts";
import type { Replies } from "./replies.ts";
import type { ResultStore } from "./result-store.ts";
import type { Warning } from "./units.ts";

/** The ports that an app works with. Nothing connects before `open`. */
export interface Backend {
  readonly broker: Broker;
  readonly store: ResultStore;
  readonly bus: Bus;
  /** Absent where no database is named: the server keeps nothing but messages, and results go over it. */
  readonly lease: Lease | undefined;
  /** Absent where `lease` is. */
  readonly control: ControlState | undefined;
  /** Absent where no database is named, be it for messages, results or schedules. */
  readonly limits: Limits | undefined;
  /** Opens all of them once. Rejects with a coded error; resolves with what the user should know. */
  open(signal: AbortSignal): Promise<readonly Warning[]>;
  /** Closes all of them; safe twice. */
  close(): Promise<void>;
}

/** The ports of a server that has them all. */
export interface FullBackend extends Backend, Pick<ServerBackend, "examine"> {
  readonly lease: Lease;
  readonly control: ControlState;
  readonly limits: Limits;
}

/** The ports of one server or file. */
export interface ServerBackend extends Omit<Backend, "store"> {
  /** Absent where the server keeps no results. */
  readonly store: ResultStore | undefined;
  /** Absent where answers go through the broker like any message. */
  readonly replies?: Replies;
  /** Looks at the settings of the server, once it is open. Reads only. What the server will not tell is a check of its own, never an error. */
  examine(): Promise<readonly Check[]>;
}

/** What every driver is told. Options of one driver alone travel in the URL's query and are read by that driver. */
export interface BackendOptions {
  readonly url: URL;
  readonly clock: Clock;
  /** Largest envelope accepted by `publish`, bytes. */
  readonly maxMessageBytes: number;
  /** `enqueue` is refused with QUEUE_FULL over this many ready messages a queue; 0 = no limit. */
  readonly maxDepth: number;
  /** Longest wait for one answer of the server, ms. */
  readonly commandTimeout: number;
  /** Start on a Redis that evicts keys, though that may lose tasks. */
  readonly allowEviction: boolean;
  /** kombu's `global_keyprefix`; "" by default. */
  readonly keyPrefix: string;
  /** Names of queues that the app knows of, for servers that cannot list theirs. Default: none. */
  readonly knownQueues?: () => readonly string[];
}

export type OpenBackend<B extends ServerBackend = ServerBackend> = (options: BackendOptions) => B;
