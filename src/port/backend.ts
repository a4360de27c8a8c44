/** What a driver hands over: its ports, opened and closed together. One file a driver (`driver/<name>/index.ts`) exports a factory. */

import type { Broker } from "./broker.ts";
import type { Bus } from "./bus.ts";
import type { Clock } from "../clock/clock.ts";
import type { Lease } from "./lease.ts";
import type { ResultStore } from "./result-store.ts";
import type { Warning } from "./units.ts";

/** The ports of one server or file. Nothing connects before `open`. */
export interface Backend {
  readonly broker: Broker;
  readonly store: ResultStore;
  readonly bus: Bus;
  readonly lease: Lease;
  /** Opens all of them once. Rejects with a coded error; resolves with what the user should know. */
  open(signal: AbortSignal): Promise<readonly Warning[]>;
  /** Closes all of them; safe twice. */
  close(): Promise<void>;
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
}

export type OpenBackend = (options: BackendOptions) => Backend;
