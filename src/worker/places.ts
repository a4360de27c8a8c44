/**
 * How many runs of a task, or of one key of it, there may be at one time. A place is asked for just before the run, in one call for all that is to
 * start in a turn; kept while it runs; and given back when its end is with the broker, so that no two ends of a key cross. Who is refused
 * holds nothing here: its message stands in line at the broker, which calls it. Tasks without a limit cost a look and no more.
 */

import type { Clock } from "../clock/clock.ts";
import type { Delivery } from "../port/broker.ts";
import type { Limits, SlotAsk } from "../port/limits.ts";
import type { TaskRegistry } from "../task/registry.ts";
import { placeKey } from "../task/concurrency.ts";
import type { Execution } from "./execution.ts";
import type { Reporter } from "./reporter.ts";

/** Before a server that did not answer is asked again, ms. */
const askAgain = 1_000;
/** Where nobody is called: between two looks, ms. */
const [soonest, latest] = [1_000, 5_000];

export interface PlacesOptions {
  readonly clock: Clock;
  readonly limits: Limits;
  /** The broker calls who stands in line. */
  readonly line: boolean;
  /** Of a place whose worker died, ms. */
  readonly lease: number;
  readonly registry: TaskRegistry;
  readonly report: Reporter;
  readonly random: () => number;
}

type Placed = Pick<Execution, "definition" | "delivery" | "headers" | "message">;

export interface PlaceAnswer {
  /** ms; 0: it has a place. */
  readonly wait: number;
  /** In whose line it stands. */
  readonly key?: string;
}

export class Places {
  readonly #options: PlacesOptions;
  readonly #held = new Map<Delivery, SlotAsk>();
  #giving: Parameters<Limits["give"]>[0][number][] = [];
  #given: Promise<void> = Promise.resolve();
  #renewing: Disposable | undefined;
  #away = false;

  constructor(options: PlacesOptions) {
    this.#options = options;
  }

  /** Never rejects: nobody begins on a guess. In the order of the input; each has a limit. */
  async take(executions: readonly Placed[]): Promise<readonly PlaceAnswer[]> {
    const { limits, line, random } = this.#options;
    const asks = executions.map((execution) => this.#askOf(execution));
    try {
      const answers = await limits.take(asks);
      this.#away = false;
      return asks.map((ask, index): PlaceAnswer => {
        const answer = answers[index];
        const delivery = executions[index]?.delivery;
        if (answer?.ok === true && delivery) {
          this.#keep(delivery, ask);
          return { wait: 0 };
        }
        const wait = answer?.ok === false ? answer.retryAfter : askAgain;
        if (line) return { wait, key: ask.key };
        return { wait: Math.round(Math.min(wait, soonest + random() * (latest - soonest))) };
      });
    } catch (error) {
      this.#unread(error);
      return asks.map(() => ({ wait: askAgain }));
    }
  }

  /** Its end is with the broker, or it does not run after all. */
  free(delivery: Delivery): void {
    const held = this.#held.get(delivery);
    if (held === undefined) return;
    this.leave(delivery);
    this.#return(held);
  }

  /** Its place is that of a run elsewhere, which renews it and gives it back. */
  leave(delivery: Delivery): void {
    this.#held.delete(delivery);
    if (this.#held.size === 0) this.#rest();
  }

  /** A message that was called ends without a run, revoked or expired: what was kept for it is free. */
  unrun({ message }: Delivery): void {
    if (!this.#options.line || "malformed" in message) return;
    const { task, id } = message.headers;
    if (typeof task !== "string" || typeof id !== "string") return;
    const limit = this.#options.registry.get(task)?.concurrency?.limit;
    if (limit === undefined) return;
    // What is kept has no claim: one that has is a run of it elsewhere.
    this.#return({ key: placeKey(task, message.headers), limit, holder: id, claim: "", lease: this.#options.lease });
  }

  #return(place: Parameters<Limits["give"]>[0][number]): void {
    this.#giving.push(place);
    if (this.#giving.length === 1) this.#given = this.#give();
  }

  /** Resolves when all that was freed is given back. */
  async idle(): Promise<void> {
    await this.#given;
    this.#rest();
  }

  /** Many end in one turn. */
  async #give(): Promise<void> {
    await Promise.resolve();
    const batch = this.#giving;
    this.#giving = [];
    // Unless somebody gives it back, it is free after its lease.
    await this.#options.limits.give(batch).catch((error: unknown) => this.#unread(error));
  }

  #askOf({ definition, headers, message }: Placed): SlotAsk {
    const { lease, line } = this.#options;
    return {
      kind: "slots",
      key: placeKey(headers.task, message.headers),
      limit: definition.concurrency?.limit ?? Infinity,
      // A retry, and whoever takes over from a worker that died, has the place of the run before.
      holder: headers.id,
      claim: crypto.randomUUID(),
      lease,
      line,
    };
  }

  #keep(delivery: Delivery, ask: SlotAsk): void {
    this.#held.set(delivery, ask);
    const { clock, lease } = this.#options;
    this.#renewing ??= clock.every(lease / 3, () => void this.#renew());
  }

  #rest(): void {
    this.#renewing?.[Symbol.dispose]();
    this.#renewing = undefined;
  }

  async #renew(): Promise<void> {
    // What was lost is another's by now, which has the same place.
    for (const delivery of this.#held.keys()) if (delivery.lost.aborted) this.#held.delete(delivery);
    const asks = [...this.#held.values()].map((ask) => ({ ...ask, line: false }));
    if (asks.length === 0) return this.#rest();
    await this.#options.limits.take(asks).catch((error: unknown) => this.#unread(error));
  }

  #unread(error: unknown): void {
    const text = "rates and places could not be asked for; the tasks go back for a second";
    if (!this.#away) this.#options.report.warning("LIMITS_UNREAD", text, error);
    this.#away = true;
  }
}
