/**
 * Messages whose runs outlast the broker: taken into the ledger under a lease of ours, then acknowledged, so that neither the broker's patience
 * nor a lost link ends them. Lazily: only what has run for `after`, and, when the link is lost, all that runs. Gives back what dead holders kept.
 *
 *   running ──(after, or the link is lost)──▶ kept ⇄ renewed ──▶ settled, released
 *                                              └──(another began)──▶ told to stop
 */

import type { Clock } from "../clock/clock.ts";
import type { Broker, Consumer, Outgoing } from "../port/broker.ts";
import type { Claimed, ExpiredHold, Ledger } from "../port/ledger.ts";
import { decodeEnvelope } from "../wire/envelope.ts";
import { signatureHeader } from "../wire/signing.ts";
import { backAsItCame } from "./ending.ts";
import type { Execution } from "./execution.ts";
import type { Reporter } from "./reporter.ts";

/** Holds given back in one turn of one worker. */
const mostExpired = 100;
/** Before a store that did not answer is asked again, ms: well before anybody else begins what ran when the link went (`takeoverPatience`). */
const askAgain = 100;

export interface CustodyOptions {
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly broker: Broker;
  readonly consumer: Pick<Consumer, "detach" | "on" | "settle">;
  /** ms; renewed three times within it. */
  readonly lease: number;
  /** How often expired holds are looked for, ms. */
  readonly sweep: number;
  /** A run of this length, ms, is taken. */
  readonly after: number;
  readonly running: () => Iterable<Execution>;
  readonly lost: (execution: Execution) => void;
  readonly report: Reporter;
  /** What is published is signed. Default false. */
  readonly signed?: boolean;
}

export class Custody {
  readonly #options: CustodyOptions;
  readonly #timers: Disposable[];
  readonly #closing = new AbortController();
  /** Being taken. */
  readonly #taking = new Set<Execution>();
  /** They ran when the link went, so the broker hands out their messages anew. */
  readonly #unlinked = new WeakSet<Execution>();
  #nextTake: Disposable | undefined;
  #nextRenewal: Disposable | undefined;
  /** Monotonic ms; before that the living could not renew, so nothing looks dead. */
  #reapFrom = 0;
  #renewing = false;
  #reaping = false;

  constructor(options: CustodyOptions) {
    this.#options = options;
    const { clock, lease, sweep, after, consumer } = options;
    this.#timers = [
      clock.every(Math.max(20, Math.min(lease, after) / 3), () => {
        void this.#take(clock.now() - after);
        void this.#renew();
      }),
      clock.every(sweep, () => void this.#reap()),
    ];
    consumer.on("disconnected", () => {
      for (const execution of options.running()) this.#unlinked.add(execution);
      void this.#take(-Infinity);
    });
  }

  /** No more is taken, renewed or given back; what is kept runs out, or has been settled. */
  close(): void {
    this.#closing.abort(new Error("the worker has stopped"));
    for (const timer of this.#timers) timer[Symbol.dispose]();
    this.#nextTake?.[Symbol.dispose]();
    this.#nextRenewal?.[Symbol.dispose]();
  }

  /** Those that began before `startedBefore`, unix ms, and those that ran when the link went. */
  async #take(startedBefore: number): Promise<void> {
    const { ledger, lease, consumer, lost } = this.#options;
    const chosen = [...this.#options.running()].filter(
      (execution) =>
        isKeepable(execution) &&
        !this.#taking.has(execution) &&
        (execution.startedAt < startedBefore || this.#unlinked.has(execution)),
    );
    if (chosen.length === 0) return;
    for (const execution of chosen) this.#taking.add(execution);
    try {
      const answers = await ledger.take(
        chosen.map((execution) => ({
          ...claimedOf(execution),
          queue: execution.delivery.queue,
          raw: execution.delivery.raw,
        })),
        lease,
      );
      const running = new Set(this.#options.running());
      const kept = chosen.filter((_, index) => answers[index] === "held");
      // What ended meanwhile lets go of it when it is settled. If that is over, or goes wrong with the link, its lease ends by itself.
      for (const execution of kept) execution.kept = true;
      await consumer.detach?.(kept.flatMap((execution) => (running.has(execution) ? [execution.delivery] : [])));
      const fenced = chosen.filter((_, index) => answers[index] === "fenced");
      for (const execution of fenced) lost(execution);
      const ours = fenced.filter(({ delivery }) => !delivery.lost.aborted);
      if (ours.length > 0) await consumer.settle(ours.map(({ delivery }) => backAsItCame(delivery)));
    } catch (error) {
      this.#away("a long run could not be taken from the broker; it is tried again", error);
      if (!this.#closing.signal.aborted && chosen.some((execution) => this.#unlinked.has(execution))) {
        this.#nextTake?.[Symbol.dispose]();
        this.#nextTake = this.#options.clock.after(askAgain, () => void this.#take(-Infinity));
      }
    } finally {
      for (const execution of chosen) this.#taking.delete(execution);
    }
  }

  async #renew(): Promise<void> {
    const kept = [...this.#options.running()].filter((execution) => execution.kept);
    if (kept.length === 0 || this.#renewing) return;
    this.#renewing = true;
    try {
      const answers = await this.#options.ledger.renew(kept.map(claimedOf), this.#options.lease);
      for (const [index, execution] of kept.entries()) if (answers[index] === false) this.#options.lost(execution);
    } catch (error) {
      this.#away("leases of long runs could not be renewed; it is tried again", error);
      if (!this.#closing.signal.aborted) {
        this.#nextRenewal?.[Symbol.dispose]();
        this.#nextRenewal = this.#options.clock.after(askAgain, () => void this.#renew());
      }
    } finally {
      this.#renewing = false;
    }
  }

  async #reap(): Promise<void> {
    const { clock, ledger, broker, lease } = this.#options;
    if (this.#reaping || clock.monotonic() < this.#reapFrom) return;
    this.#reaping = true;
    const again = "tasks of a dead worker could not be given back; it is tried again";
    try {
      const expired = await ledger.expired(lease, mostExpired).catch((error: unknown) => this.#away(again, error));
      const given = (expired ?? []).flatMap((hold) => this.#again(hold));
      if (given.length === 0) return;
      const answers = await broker.publish(
        given.map(({ outgoing }) => outgoing),
        this.#closing.signal,
      );
      await ledger.release(given.filter((_, index) => answers[index]?.kind !== "refused").map(({ hold }) => hold));
    } catch (error) {
      this.#trouble(again, error);
    } finally {
      this.#reaping = false;
    }
  }

  /** The message as it was, under the name that tells the ledger what it is. One that cannot be read stays where it is, and is told of. */
  #again(hold: ExpiredHold): readonly { readonly hold: ExpiredHold; readonly outgoing: Outgoing }[] {
    const { queue, raw, messageId, id } = hold;
    const message = decodeEnvelope(raw);
    if ("malformed" in message) {
      this.#trouble(`what is kept of task ${id} cannot be read`, new Error(message.reason));
      return [];
    }
    // Nothing of the store's is signed anew: what came with a signature has it still, and what came without is marked as such.
    const headers = Object.assign(
      Object.create(null) as Record<string, unknown>,
      { [signatureHeader]: null },
      message.headers,
    );
    const named = {
      ...message,
      ...(this.#options.signed === true && { headers }),
      properties: { ...message.properties, messageId },
    };
    return [{ hold, outgoing: { queue, message: named } }];
  }

  /** The store does not answer. Once it does, the living get a lease's time to renew, before what they keep is given back. */
  #away(text: string, error: unknown): void {
    const { clock, lease } = this.#options;
    this.#reapFrom = clock.monotonic() + lease;
    this.#trouble(text, error);
  }

  #trouble(text: string, error: unknown): void {
    if (!this.#closing.signal.aborted) this.#options.report.warning("RESULT_STORE", text, error);
  }
}

/** What runs at most once is off the queue, and must not come back. */
function isKeepable({ begun, kept, definition }: Execution): boolean {
  return begun && !kept && definition.ack === "late";
}

function claimedOf({ headers, claim }: Execution): Claimed {
  return { id: headers.id, fence: claim.fence };
}
