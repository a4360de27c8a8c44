/** What a worker has beside its pipe: each part is started when the pipe stands, and stopped, in the opposite order, when it has run dry. */

import type { AppCore } from "../app/core.ts";
import type { WorkerStats } from "../app/work.ts";
import type { Clock } from "../clock/clock.ts";
import type { Backend } from "../port/backend.ts";
import type { Consumer } from "../port/broker.ts";
import type { Pool } from "../pool/pool.ts";
import type { TaskRegistry } from "../task/registry.ts";
import type { Autoscaler } from "./autoscaler.ts";
import type { EventControl } from "./event-part.ts";
import type { Flow } from "./flow.ts";
import type { Orders } from "./orders.ts";
import type { PoolSize } from "./pool-size.ts";
import type { Reporter } from "./reporter.ts";
import type { WorkerSettings } from "./worker-settings.ts";

/** A worker from the inside. */
export interface WorkerInside {
  /** Its node name, `name@host`. */
  readonly id: string;
  readonly core: AppCore;
  readonly clock: Clock;
  readonly backend: Backend;
  readonly registry: TaskRegistry;
  readonly pool: Pool;
  readonly flow: Flow;
  readonly consumer: Consumer;
  readonly report: Reporter;
  /** Revokes, and limits set while it runs. */
  readonly orders: Orders;
  /** Of the pool, now. */
  readonly size: PoolSize;
  readonly settings: WorkerSettings;
  readonly stats: () => WorkerStats;
  /** What monitors hear of it. */
  readonly events: EventControl;
  /** Present where the size of the pool follows the load. */
  readonly autoscaler: Autoscaler | undefined;
  /** Begins a warm shutdown; safe twice. */
  readonly shutdown: () => void;
}

export interface WorkerPart {
  /** Never rejects for what the worker can do without: it says so in a warning and goes on. */
  start(signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}
