/**
 * Carries rows of the outbox to the broker: claims the oldest, publishes them under the ids and nonces they were written with, and removes
 * them when the broker has them. So a relay that dies anywhere leaves rows that are sent again as the same send.
 *
 *   claim ──▶ publish ──all confirmed──▶ remove        failed, or nobody knows ──▶ give up the rows, wait, claim anew
 */

import { randomUUID } from "node:crypto";
import type { AppCore } from "../app/core.ts";
import { within } from "../app/deadline.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { ErrorCode } from "../error/error-codes.ts";
import type { Backend } from "../port/backend.ts";
import { type Claim, claimRows } from "./claim.ts";
import type { OutboxSql } from "./dialect.ts";
import { forward, type Forwarded } from "./forwarding.ts";
import { unpackParcel } from "./parcel.ts";
import type { RelayEvent } from "./relay-event.ts";
import { type Connect, Session } from "./session.ts";

/** Waits after failures, ms: doubled each time from the first to the last. */
const firstWait = 100;
const lastWait = 10_000;
/** A queue that took nothing is left alone for so long, ms. */
const rest = 1_000;
/**
 * A relay that stands still inside a claim loses it after this, ms, or twice the publish timeout. On SQLite those of a dead one are held
 * for so long too; elsewhere they are free at once, and the server should not end a transaction that is only slow.
 */
const leastLease = { sqlite: 10_000, postgres: 60_000, mysql: 60_000 } as const;
/** After these the broker may well take the next try; others may be the fault of one message. */
const passing: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["BACKEND_UNREACHABLE", "DATABASE_BUSY", "PUBLISH_UNKNOWN"]);

export interface RelaySettings {
  readonly core: AppCore;
  readonly sql: OutboxSql;
  readonly connect: Connect;
  readonly batch: number;
  /** Between looks at an empty outbox, ms. */
  readonly poll: number;
  readonly report: (event: RelayEvent) => void;
}

export class Relay {
  readonly #settings: RelaySettings;
  readonly #holder = randomUUID();
  readonly #stopping = new AbortController();
  readonly #resting = new Map<string, number>();
  #session: Session | undefined;
  #wake = new AbortController();
  /** Failures in a row. */
  #failures = 0;
  /** So many rows are tried one by one, to find the one that the broker refuses. */
  #single = 0;

  constructor(settings: RelaySettings) {
    this.#settings = settings;
  }

  stop(): void {
    this.#stopping.abort(new Error("the relay was stopped"));
  }

  wake(): void {
    this.#wake.abort(new Error("there may be something in the outbox"));
  }

  /** Resolves when it was stopped and the last claim is finished or given up. */
  async run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const heard = this.#wake;
      let pause = 0;
      try {
        if (!(await this.#round())) pause = this.#settings.poll;
        if (this.#failures > 0) this.#settings.report({ type: "recovered" });
        this.#failures = 0;
      } catch (error) {
        pause = Math.min(lastWait, firstWait * 2 ** this.#failures++) * (0.5 + Math.random() / 2);
        this.#settings.report({ type: "trouble", error, wait: Math.round(pause) });
        await this.#drop(error);
      }
      if (pause > 0) await this.#pause(pause, this.#failures > 0 ? undefined : heard);
    }
    await this.#drop(undefined);
  }

  /** True if there may be more at once. */
  async #round(): Promise<boolean> {
    const { core, sql, batch } = this.#settings;
    const { clock } = core;
    const lease = Math.max(leastLease[sql.dialect], 2 * core.config.publishTimeout);
    // First, so that no rows are locked while the broker is away.
    const backend = await this.#timed((signal) => core.connect(signal));
    this.#session ??= await Session.open(this.#settings.connect, sql, clock, lease);
    const limit = this.#single > 0 ? 1 : batch;
    const claiming = { limit, resting: this.#restingNow(), holder: this.#holder, lease };
    const claim = await claimRows(this.#session, sql, claiming, clock);
    if (claim.rows.length === 0) {
      this.#single = 0;
      return false;
    }
    return this.#carry(backend, claim);
  }

  async #carry(backend: Backend, claim: Claim): Promise<boolean> {
    const { core, report } = this.#settings;
    let done: Forwarded;
    try {
      done = await this.#timed((signal) => forward(core, backend, claim.rows, signal));
    } catch (error) {
      await claim.abandon();
      if (!(error instanceof CeleriacError) || passing.has(error.code)) throw error;
      if (claim.rows.length > 1) this.#single = claim.rows.length;
      else this.#restAfter(error, claim);
      return true;
    }
    await claim.finish(done.sent, done.aside);
    if (this.#single > 0) this.#single--;
    for (const queue of done.full) this.#resting.set(queue, core.clock.monotonic() + rest);
    if (done.sent.length > 0) report({ type: "sent", count: done.sent.length });
    for (const each of done.aside) report({ type: "set-aside", ...each });
    if (done.full.length > 0) report({ type: "full", queues: done.full });
    return true;
  }

  /** One message that the broker does not take must not stand in the way of what goes to other queues. */
  #restAfter(error: unknown, claim: Claim): void {
    const { core, report } = this.#settings;
    const queues = claim.rows.flatMap(({ message }) => unpackParcel(message).sends.map(({ queue }) => queue));
    for (const queue of queues) this.#resting.set(queue, core.clock.monotonic() + rest);
    report({ type: "trouble", error, wait: rest });
  }

  #restingNow(): readonly string[] {
    const now = this.#settings.core.clock.monotonic();
    for (const [queue, until] of this.#resting) if (until <= now) this.#resting.delete(queue);
    return [...this.#resting.keys()];
  }

  async #timed<T>(step: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { clock, config } = this.#settings.core;
    const over = new AbortController();
    using _timer = clock.after(config.publishTimeout, () =>
      over.abort(
        new CeleriacError(
          "PUBLISH_UNKNOWN",
          `The broker has not answered within ${config.publishTimeout} ms. The rows stay in the outbox and are sent again under the same ids.`,
        ),
      ),
    );
    return within(step(over.signal), over.signal);
  }

  async #pause(ms: number, woken: AbortController | undefined): Promise<void> {
    const signals = woken === undefined ? [this.#stopping.signal] : [this.#stopping.signal, woken.signal];
    await this.#settings.core.clock.sleep(ms, AbortSignal.any(signals)).catch(() => {});
    if (this.#wake.signal.aborted) this.#wake = new AbortController();
  }

  async #drop(error: unknown): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.close(error);
  }
}
