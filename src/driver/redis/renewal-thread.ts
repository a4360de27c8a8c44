/**
 * Renewal on a thread of its own, for pools whose user code runs on this one: a task that computes for an hour keeps its lease. The
 * thread watches our heartbeat, and ends the process when we have not turned for `stallLimit`: a wedged worker must not hold its
 * tasks for ever.
 */

import { Worker } from "node:worker_threads";
import type { BackendOptions } from "../../port/backend.ts";
import type { Millis } from "../../port/units.ts";
import { heldBuffer, HeldTable, type HeldClaim } from "./held-table.ts";
import type { Renewer, RenewalReport } from "./leases.ts";
import type { RenewalSettings } from "./renewal.ts";

/** What both threads see. Times are `hrtime` milliseconds, which all threads of a process share. */
export interface SharedState {
  /** [0] counts our turns. */
  readonly turns: Int32Array;
  /** [0] when the last complete renewal was sent. */
  readonly renewed: Float64Array;
}

export function sharedState(buffer: SharedArrayBuffer): SharedState {
  return { renewed: new Float64Array(buffer, 0, 1), turns: new Int32Array(buffer, 8, 1) };
}

export function hrMillis(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export interface RenewalWork {
  readonly url: string;
  readonly keyPrefix: string;
  readonly commandTimeout: Millis;
  readonly major: number;
  readonly lease: Millis;
  readonly interval: Millis;
  readonly stallLimit: Millis;
  readonly shared: SharedArrayBuffer;
  readonly held: SharedArrayBuffer;
}

/** `queue`: the next of those that claims name by their number, from 0. */
export type ToRenewal =
  | { readonly kind: "queue"; readonly queue: string }
  | { readonly kind: "now" }
  | { readonly kind: "close" };

export class ThreadRenewer implements Renewer {
  readonly #worker: Worker;
  readonly #state: SharedState;
  readonly #settings: RenewalSettings;
  readonly #heart: Disposable;
  readonly #held: HeldTable;
  readonly #queues = new Map<string, number>();

  constructor(settings: RenewalSettings, options: BackendOptions, stallLimit: Millis, major: number) {
    this.#settings = settings;
    const shared = new SharedArrayBuffer(16);
    const held = heldBuffer();
    this.#held = new HeldTable(held, (queue) => this.#numberOf(queue));
    this.#state = sharedState(shared);
    const work: RenewalWork = {
      url: options.url.href,
      keyPrefix: options.keyPrefix,
      commandTimeout: options.commandTimeout,
      major,
      lease: settings.lease,
      interval: settings.interval,
      stallLimit,
      shared,
      held,
    };
    // Built files end in .js, sources in .ts; both run as they are.
    const extension = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
    this.#worker = new Worker(new URL(`./renewal-entry${extension}`, import.meta.url), {
      workerData: work,
      name: "celeriac-renewal",
      // It makes little garbage; V8 would take 3 MB more for it.
      resourceLimits: { maxYoungGenerationSizeMb: 2 },
      env: {},
      execArgv: [],
    });
    this.#worker.unref();
    this.#worker.on("message", (report: RenewalReport) => settings.report(report));
    // Without its thread nothing is renewed, and `Leases` lets go of what is held when its time is over.
    this.#worker.on("error", () => undefined);
    this.#heart = settings.clock.every(Math.min(1000, stallLimit / 4), () => Atomics.add(this.#state.turns, 0, 1));
  }

  get renewedAt(): number {
    const sent = this.#state.renewed[0] ?? 0;
    // From the threads' common clock to the one that everything here is measured with.
    return sent === 0 ? 0 : this.#settings.clock.monotonic() - (hrMillis() - sent);
  }

  hold(claims: readonly HeldClaim[]): void {
    for (const claim of claims) this.#held.add(claim);
  }

  release(claims: readonly HeldClaim[]): void {
    for (const claim of claims) this.#held.delete(claim);
  }

  renewNow(): void {
    this.#post({ kind: "now" });
  }

  async close(): Promise<void> {
    this.#heart[Symbol.dispose]();
    this.#post({ kind: "close" });
    await this.#worker.terminate();
  }

  #numberOf(queue: string): number {
    let number = this.#queues.get(queue);
    if (number === undefined) {
      number = this.#queues.size;
      this.#queues.set(queue, number);
      this.#post({ kind: "queue", queue });
    }
    return number;
  }

  #post(message: ToRenewal): void {
    this.#worker.postMessage(message);
  }
}
