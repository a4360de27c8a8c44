/**
 * Settles what intake lets no task run for: parked, expired, dead. Where a ledger fences, a last word is registered there before it is said,
 * because the same task may be running elsewhere, or have a result already.
 */

import type { Clock } from "../clock/clock.ts";
import type { Consumer, Delivery } from "../port/broker.ts";
import type { Begun, Ledger } from "../port/ledger.ts";
import { finishedRun } from "./earlier-run.ts";
import { type Ending, ending, list } from "./ending.ts";
import type { Claim } from "./execution.ts";
import type { SettlementContext } from "./failed-run.ts";
import type { Intake } from "./intake.ts";
import { takeoverPatience } from "./preparing.ts";
import type { Reporter } from "./reporter.ts";
import { settledBefore } from "./settlement.ts";
import type { Settler } from "./settler.ts";
import { turnIn } from "./turn.ts";
import { familyOf } from "./unrun.ts";

export interface RefusalOptions {
  readonly clock: Clock;
  readonly settler: Settler;
  readonly report: Reporter;
  readonly ledger: Ledger | undefined;
  readonly context: () => SettlementContext;
  readonly maxMessageBytes: number;
  readonly consumer: () => Consumer | undefined;
  /** Looks at it anew, now that its start stands in the ledger. */
  readonly look: (delivery: Delivery, claim: Claim) => void;
  readonly changed: () => void;
}

const nothing = { also: [], opens: [] } as const;

type Refusal = Exclude<Intake, { kind: "run" }>;

export class Refusals {
  readonly #options: RefusalOptions;
  readonly #stopping = new AbortController();
  #count = 0;

  constructor(options: RefusalOptions) {
    this.#options = options;
  }

  /** How many wait for the ledger. */
  get count(): number {
    return this.#count;
  }

  /** `claim`: as it stands in the ledger. */
  refuse(verdict: Refusal, delivery: Delivery, claim: Claim | undefined): void {
    const { report, settler, ledger } = this.#options;
    const { settlement } = verdict;
    const { also, opens } = verdict.kind === "parked" ? nothing : verdict;
    const id = registeredId(verdict, delivery);
    if (ledger !== undefined && claim === undefined && id !== undefined) {
      void this.#register(ledger, delivery, id);
      return;
    }
    if (verdict.kind !== "parked") report.refused(verdict, delivery);
    else if (verdict.notice !== undefined) report.warning("TASK_PUT_BACK", verdict.notice);
    settler.add({
      ending: { settlement, end: { kind: "returned", why: verdict.kind }, also, ...list("opens", opens) },
      execution: undefined,
      claimed: claim && id !== undefined ? { id, fence: claim.fence } : undefined,
    });
  }

  /** No more is registered; what waits for that goes back with the consumer. */
  stop(): void {
    this.#stopping.abort(new Error("the worker stops"));
  }

  async #register(ledger: Ledger, delivery: Delivery, id: string): Promise<void> {
    const { settler, look, changed } = this.#options;
    this.#count++;
    const begun = await this.#begin(ledger, delivery, id);
    this.#count--;
    if (begun?.kind === "go") look(delivery, begun);
    else if (begun !== undefined) settler.add({ ending: this.#ended(delivery, begun), execution: undefined });
    changed();
  }

  /** Acknowledged; what follows a result that stands is sent again, for whoever stored it may have died over that. */
  #ended(delivery: Delivery, begun: Exclude<Begun, { readonly kind: "go" }>): Ending {
    const { context, maxMessageBytes } = this.#options;
    const outcome = begun.kind === "final" ? begun.outcome : undefined;
    const family = outcome && familyOf(delivery, maxMessageBytes);
    if (outcome && family) {
      return settledBefore(context(), { ...family, delivery, claim: delivery }, finishedRun(outcome));
    }
    return ending({ delivery, then: { kind: "ack" } }, { kind: "returned", why: begun.kind });
  }

  async #begin(ledger: Ledger, delivery: Delivery, id: string): Promise<Begun | undefined> {
    const { clock, settler, report, context, consumer } = this.#options;
    const { signal } = this.#stopping;
    const { message, redelivered, name, formerly } = delivery;
    const malformed = "malformed" in message;
    const turn = turnIn(malformed ? {} : message.headers);
    const messageId = malformed ? undefined : message.properties.messageId;
    const nonce = crypto.randomUUID();
    const { worker } = context();
    const start = { id, ...turn, messageId, name, nonce, redelivered, formerly, worker, blame: "suspect" } as const;
    try {
      if (redelivered) await clock.sleep(takeoverPatience, signal);
      if (signal.aborted || delivery.lost.aborted) return undefined;
      // As the starter does it.
      if (consumer()?.detach === undefined) consumer()?.started([delivery], "suspect");
      return (await settler.repeat([delivery], () => ledger.begin([start])))?.[0];
    } catch (error) {
      if (!signal.aborted) report.warning("RESULT_STORE", "an ending could not be registered", error);
      return undefined;
    }
  }
}

/**
 * What is said of this id must be registered: a last word; and what is put back under a new message, if it came again, for that will be
 * known as one that comes again no more.
 */
function registeredId({ kind, settlement: { result, then } }: Refusal, { redelivered }: Delivery): string | undefined {
  if (result !== undefined) return result.id;
  if (kind !== "parked" || then.kind !== "replace" || !redelivered) return undefined;
  const { id } = then.next.message.headers;
  return typeof id === "string" ? id : undefined;
}
