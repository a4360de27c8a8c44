/**
 * Settles what intake lets no task run for: parked, expired, dead. Where a ledger fences, a last word is registered there before it is said,
 * because the same task may be running elsewhere.
 */

import type { Delivery } from "../port/broker.ts";
import type { Begun, Ledger } from "../port/ledger.ts";
import { ending } from "./ending.ts";
import type { Claim } from "./execution.ts";
import type { Intake } from "./intake.ts";
import type { Reporter } from "./reporter.ts";
import type { Settler } from "./settler.ts";

export interface RefusalOptions {
  readonly settler: Settler;
  readonly report: Reporter;
  readonly ledger: Ledger | undefined;
  readonly worker: string;
  /** Looks at it anew, now that its start stands in the ledger. */
  readonly look: (delivery: Delivery, claim: Claim) => void;
  readonly changed: () => void;
}

export class Refusals {
  readonly #options: RefusalOptions;
  #count = 0;

  constructor(options: RefusalOptions) {
    this.#options = options;
  }

  /** How many wait for the ledger. */
  get count(): number {
    return this.#count;
  }

  /** `claim`: as it stands in the ledger. */
  refuse(verdict: Exclude<Intake, { kind: "run" }>, delivery: Delivery, claim: Claim | undefined): void {
    const { report, settler, ledger } = this.#options;
    const { settlement, also = [] } = verdict;
    const { result } = settlement;
    if (ledger !== undefined && claim === undefined && result !== undefined) {
      void this.#register(ledger, delivery, result.id);
      return;
    }
    if (verdict.kind !== "parked") report.refused(verdict, delivery);
    else if (verdict.notice !== undefined) report.warning("TASK_PUT_BACK", verdict.notice);
    settler.add({
      ending: { settlement, end: { kind: "returned", why: verdict.kind }, also },
      execution: undefined,
      claimed: claim && result && { id: result.id, fence: claim.fence },
    });
  }

  async #register(ledger: Ledger, delivery: Delivery, id: string): Promise<void> {
    const { settler, look, changed } = this.#options;
    this.#count++;
    const begun = await this.#begin(ledger, delivery, id);
    this.#count--;
    if (begun?.kind === "go") look(delivery, begun);
    else if (begun !== undefined) {
      const end = { kind: "returned", why: begun.kind } as const;
      settler.add({ ending: ending({ delivery, then: { kind: "ack" } }, end), execution: undefined });
    }
    changed();
  }

  async #begin(ledger: Ledger, delivery: Delivery, id: string): Promise<Begun | undefined> {
    const { settler, report, worker } = this.#options;
    const { message, redelivered } = delivery;
    const malformed = "malformed" in message;
    const retries: unknown = malformed ? 0 : message.headers["retries"];
    const attempt = typeof retries === "number" ? retries + 1 : 1;
    const messageId = malformed ? undefined : message.properties.messageId;
    const nonce = crypto.randomUUID();
    const start = { id, attempt, messageId, nonce, redelivered, worker, blame: "suspect" } as const;
    try {
      return (await settler.repeat([delivery], () => ledger.begin([start])))?.[0];
    } catch (error) {
      report.warning("RESULT_STORE", "an ending could not be registered", error);
      return undefined;
    }
  }
}
