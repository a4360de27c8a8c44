/** One client of a memory server: its ports, opened and closed together. */

import type { BackendOptions, FullBackend } from "../../port/backend.ts";
import type { Check } from "../../port/check.ts";
import type { Warning } from "../../port/units.ts";
import { MemoryBroker } from "./broker.ts";
import { MemoryBus } from "./bus.ts";
import { MemoryControlState } from "./control-state.ts";
import { MemoryLease } from "./lease.ts";
import { MemoryLimits } from "./limits.ts";
import { MemoryResultStore } from "./result-store.ts";
import type { MemoryServer } from "./server.ts";
import { Session } from "./session.ts";

export class MemoryBackend implements FullBackend {
  readonly broker: MemoryBroker;
  readonly store: MemoryResultStore;
  readonly bus: MemoryBus;
  readonly lease: MemoryLease;
  readonly control: MemoryControlState;
  readonly limits: MemoryLimits;
  readonly #session = new Session();
  readonly #release: () => void;

  /** `release` is called once, at the end. */
  constructor(server: MemoryServer, options: BackendOptions, release: () => void = () => {}) {
    this.#release = release;
    this.broker = new MemoryBroker(server, this.#session, options);
    this.store = new MemoryResultStore(server, this.#session);
    this.bus = new MemoryBus(server, this.#session);
    this.lease = new MemoryLease(server, this.#session, options);
    this.control = new MemoryControlState(server, this.#session);
    this.limits = new MemoryLimits(server, this.#session);
  }

  async open(signal: AbortSignal): Promise<readonly Warning[]> {
    signal.throwIfAborted();
    this.#session.open();
    return [];
  }

  async examine(): Promise<readonly Check[]> {
    const text = "memory: keeps everything in this process, and no other sees it";
    return [{ topic: "persistence", verdict: "failed", text, remedy: "Name a sqlite:, redis: or amqp: URL." }];
  }

  async close(): Promise<void> {
    await this.broker.close();
    this.#end();
  }

  /** Ends as a killed process does: nothing is given back, leases run out. For tests of recovery. */
  abandon(): void {
    this.broker.abandon();
    this.#end();
  }

  #end(): void {
    if (this.#session.signal.aborted) return;
    this.bus.close();
    this.#session.end();
    this.#release();
  }
}
