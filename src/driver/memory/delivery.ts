/** A message as one holder sees it: what the server knew when it was claimed, and a signal for when it is no longer his. */

import { Stop, type StopSign } from "../../clock/stop.ts";
import { CeleriacError } from "../../error/celeriac-error.ts";
import type { Delivery } from "../../port/broker.ts";
import type { Fence, ServerTime } from "../../port/units.ts";
import type { Malformed, Message } from "../../wire/message.ts";
import type { HeldMessage } from "./held-message.ts";

export class MemoryDelivery implements Delivery {
  readonly queue: string;
  message: Message | Malformed;
  readonly redelivered: boolean;
  readonly fence: Fence;
  readonly crashes: number;
  readonly suspicions: number;
  readonly claimedAt: ServerTime;
  readonly held: HeldMessage;
  #raw: string | Uint8Array;
  /** Whether user code began, for the order in which things are given back. */
  begun = false;
  readonly #lost = new Stop();

  constructor(held: HeldMessage, fence: Fence, claimedAt: ServerTime) {
    this.held = held;
    this.fence = fence;
    this.claimedAt = claimedAt;
    this.queue = held.queue;
    this.#raw = held.raw;
    this.message = held.decode();
    this.redelivered = held.redelivered;
    this.crashes = held.crashes;
    this.suspicions = held.suspicions;
  }

  /** Another message may have taken its place since it was claimed. */
  look(): void {
    if (this.#raw === this.held.raw) return;
    this.#raw = this.held.raw;
    this.message = this.held.decode();
  }

  get raw(): Uint8Array {
    return this.held.bytes;
  }

  get lost(): StopSign {
    return this.#lost;
  }

  lose(why: string): void {
    if (this.#lost.aborted) return;
    const message = `this worker no longer holds ${this.held.id ?? "the message"}: ${why}; nothing it does can be stored`;
    this.#lost.abort(new CeleriacError("LEASE_LOST", message, { details: { id: this.held.id, fence: this.fence } }));
  }
}
