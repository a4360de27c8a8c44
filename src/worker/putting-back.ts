/**
 * What goes back to a broker that may come to hold a message twice: it takes along the fence of the start that it can have been left behind
 * by. Its names alone do not tell that start from a later one: while this process stood still, the broker may have handed the very same
 * message to another worker, which has begun it.
 */

import type { Consumer, Settlement } from "../port/broker.ts";
import type { Ledger, Waiting } from "../port/ledger.ts";
import type { Fence } from "../port/units.ts";
import type { Entry } from "./settler.ts";
import { turnIn } from "./turn.ts";

type PutBack = Settlement & { readonly then: Extract<Settlement["then"], { kind: "requeue" }> };

interface Going {
  readonly entry: Entry;
  readonly settlement: Settlement;
}

export class PuttingBack {
  readonly #ledger: Ledger;
  /** A settlement that is repeated is the same object. */
  readonly #known = new WeakMap<Entry, Settlement>();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** The settlements to send; none for a message that is not ours any more. Throws what the ledger throws. */
  async ready(consumer: Consumer, going: readonly Going[]): Promise<ReadonlyMap<Entry, Settlement>> {
    const asked: { readonly entry: Entry; readonly settlement: PutBack; readonly waiting: Waiting }[] = [];
    for (const { entry, settlement } of going) {
      if (!isPutBack(settlement) || this.#known.has(entry)) continue;
      const fence = begunAt(entry);
      if (fence !== undefined) this.#set(entry, settlement, fence);
      else if (!settlement.delivery.lost.aborted) {
        const waiting = waitingOf(settlement);
        if (waiting !== undefined) asked.push({ entry, settlement, waiting });
      }
    }
    const gone = await this.#ask(consumer, asked);
    const staying = going.filter(({ entry }) => !gone.has(entry));
    return new Map(staying.map(({ entry, settlement }) => [entry, this.#known.get(entry) ?? settlement]));
  }

  /** First the ledger, then the broker: if it is still ours after that, whatever stood there then is not of this message's next holder. */
  async #ask(
    consumer: Consumer,
    asked: readonly { readonly entry: Entry; readonly settlement: PutBack; readonly waiting: Waiting }[],
  ): Promise<ReadonlySet<Entry>> {
    const gone = new Set<Entry>();
    if (asked.length === 0 || consumer.holds === undefined) return gone;
    const fences = await this.#ledger.follows(asked.map(({ waiting }) => waiting));
    const found = asked.flatMap(({ entry, settlement }, index) => {
      const fence = fences[index];
      // Nothing has begun, and nothing says that it came again: it goes back as it came.
      const isNew = fence === 0 && !settlement.delivery.redelivered;
      return fence === undefined || isNew ? [] : [{ entry, settlement, fence }];
    });
    if (found.length === 0) return gone;
    const held = await consumer.holds(found.map(({ settlement }) => settlement.delivery));
    for (const [index, { entry, settlement, fence }] of found.entries())
      if (held[index] === true) this.#set(entry, settlement, fence);
      else gone.add(entry);
    return gone;
  }

  #set(entry: Entry, settlement: PutBack, began: Fence): void {
    this.#known.set(entry, { ...settlement, then: { ...settlement.then, began } });
  }
}

function isPutBack(settlement: Settlement): settlement is PutBack {
  return settlement.then.kind === "requeue";
}

/** Of our own start; also of one that was undone, to begin later. */
function begunAt({ claimed, execution }: Entry): Fence | undefined {
  if (claimed !== undefined) return claimed.fence;
  return execution === undefined || execution.claim === execution.delivery ? undefined : execution.claim.fence;
}

function waitingOf({ delivery }: Settlement): Waiting | undefined {
  const { message, redelivered, formerly } = delivery;
  if ("malformed" in message) return undefined;
  const { id } = message.headers;
  if (typeof id !== "string") return undefined;
  return { id, ...turnIn(message.headers), messageId: message.properties.messageId, redelivered, formerly };
}
