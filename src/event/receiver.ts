/**
 * Hears what all nodes tell, Python's and ours alike, and hands it on in batches as it comes: nothing is sorted, nothing is kept. What was
 * missed is marked where it is missing. Asks all workers to show themselves when it begins, and after a gap.
 */

import type { EventBatch } from "../app/events.ts";
import type { Bus, Subscription } from "../port/bus.ts";
import { controlNamespace, makeControlRequest } from "../wire/control.ts";
import { type CeleryEvent, readEvents } from "../wire/event.ts";

export interface ReceiverOptions {
  readonly bus: Pick<Bus, "listen" | "publish">;
  /** Ask workers that tell nothing of their tasks to begin. */
  readonly enable?: boolean;
  /** Called once a turn in which something came. What it throws becomes a warning of the process. */
  readonly take: (batch: EventBatch) => void;
  /** Events that wait for their turn at most; older ones are missed then. Default 100 000. */
  readonly limit?: number;
}

const mostWaiting = 100_000;

export class Receiver {
  readonly #options: ReceiverOptions;
  readonly #limit: number;
  #waiting: CeleryEvent[] = [];
  #missed: number | undefined = 0;
  #woken = false;
  #subscription: Subscription | undefined;
  #closed = false;
  #answered = false;

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#limit = options.limit ?? mostWaiting;
  }

  /** Resolves once nothing is missed any more. Rejects with the driver's coded error. */
  async open(): Promise<void> {
    const { bus } = this.#options;
    this.#subscription = await bus.listen(
      { kind: "event", type: "#" },
      (_, message) => {
        for (const event of readEvents(message)) this.#take(event);
      },
      (missed) => {
        this.#gap(missed);
        this.#askAgain();
      },
    );
    if (this.#options.enable === true) await this.#ask("enable_events");
    await this.#ask("heartbeat");
  }

  async #ask(method: string): Promise<void> {
    const request = makeControlRequest({ method, arguments: {}, destination: undefined });
    await this.#options.bus.publish({ kind: "control", namespace: controlNamespace }, request);
  }

  /** Workers that nobody heard meanwhile beat less often. Not for each gap: only if one has answered since. */
  #askAgain(): void {
    if (!this.#answered || this.#closed) return;
    this.#answered = false;
    // Without it each is heard a little later.
    this.#ask("heartbeat").catch(() => undefined);
  }

  /** Safe twice. What has come by then is not handed on any more. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#waiting = [];
    const subscription = this.#subscription;
    this.#subscription = undefined;
    await subscription?.close();
  }

  #take(event: CeleryEvent): void {
    if (event.type === "celeriac-gap") {
      const { missed } = event;
      this.#gap(typeof missed === "number" && missed > 0 ? missed : undefined);
      return;
    }
    if (event.type === "worker-heartbeat") this.#answered = true;
    this.#waiting.push(event);
    if (this.#waiting.length > this.#limit) {
      const { length } = this.#waiting.splice(0, Math.max(1, Math.floor(this.#limit / 10)));
      this.#gap(length);
    }
    this.#wake();
  }

  /** What is lost in two ways is as many as both, or nobody knows. */
  #gap(missed: number | undefined): void {
    this.#missed = missed === undefined || this.#missed === undefined ? undefined : this.#missed + missed;
    this.#wake();
  }

  #wake(): void {
    if (this.#woken || this.#closed) return;
    this.#woken = true;
    setImmediate(() => {
      this.#woken = false;
      if (this.#closed) return;
      const batch = { events: this.#waiting, missed: this.#missed };
      this.#waiting = [];
      this.#missed = 0;
      try {
        this.#options.take(batch);
      } catch (error) {
        process.emitWarning(error instanceof Error ? error : String(error));
      }
    });
  }
}
