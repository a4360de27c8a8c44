/**
 * What one consumer holds, and for how much longer. Renews every third of a lease, and fences itself by its own monotonic clock: from
 * two thirds of a lease since the last renewal was sent nothing new is handed out, shortly before the whole of it everything is lost.
 */

import type { Clock } from "../../clock/clock.ts";
import type { Millis, ServerTime } from "../../port/units.ts";
import type { RedisDelivery } from "./delivery.ts";
import type { HeldClaim } from "./held-table.ts";
import { rest } from "./pulse.ts";

/** Renews these claims for one lease. Resolves with the server's time and the claims that are no longer held. */
export interface Renewer {
  /** Monotonic ms at which the last successful renewal of all that is held was sent; 0 before the first. */
  readonly renewedAt: number;
  hold(claims: readonly HeldClaim[]): void;
  release(claims: readonly HeldClaim[]): void;
  /** Now, besides the regular ones: after a reconnection or a step of the server's clock. */
  renewNow(): void;
  close(): Promise<void>;
}

export interface RenewalReport {
  readonly now: ServerTime;
  readonly lost: readonly string[];
}

export interface LeaseSettings {
  readonly clock: Clock;
  readonly lease: Millis;
  readonly renewer: Renewer;
  /** Something was lost, so there is room. */
  readonly freed: () => void;
}

/** Looks at the deadlines so many times a lease; self-fencing is early by that part of it, never late. */
const looks = 12;

export class Leases {
  readonly #settings: LeaseSettings;
  readonly #held = new Map<string, RedisDelivery>();
  readonly #timer: Disposable;

  constructor(settings: LeaseSettings) {
    this.#settings = settings;
    this.#timer = settings.clock.every(Math.max(10, settings.lease / looks), () => this.#check());
  }

  get count(): number {
    return this.#held.size;
  }

  all(): RedisDelivery[] {
    return [...this.#held.values()];
  }

  has(delivery: RedisDelivery): boolean {
    return this.#held.has(delivery.claim);
  }

  add(deliveries: readonly RedisDelivery[]): void {
    for (const delivery of deliveries) this.#held.set(delivery.claim, delivery);
    this.#settings.renewer.hold(deliveries);
  }

  remove(deliveries: readonly RedisDelivery[]): void {
    for (const delivery of deliveries) this.#held.delete(delivery.claim);
    this.#settings.renewer.release(deliveries);
  }

  /** The server says that these are others' now. One that is being settled gets its answer from there. */
  lost(claims: readonly string[]): void {
    const gone: RedisDelivery[] = [];
    for (const claim of claims) {
      const delivery = this.#held.get(claim);
      if (delivery !== undefined && !delivery.settling) gone.push(delivery);
    }
    this.#lose(gone, "another worker or a Python peer took it");
  }

  /**
   * Those of a fresh claim that may be handed out: all of them, unless its answer was so long on its way that handing out could end
   * in two runs. Then they are renewed first.
   */
  async confirm(deliveries: readonly RedisDelivery[], signal: AbortSignal): Promise<readonly RedisDelivery[]> {
    const { clock, lease, renewer } = this.#settings;
    const limit = (lease * 2) / 3;
    if (deliveries.every((delivery) => this.#age(delivery) <= limit)) return deliveries;
    renewer.renewNow();
    while (deliveries.some((delivery) => !delivery.isLost && this.#age(delivery) > limit))
      await rest(clock, Math.max(5, lease / 50), signal);
    return deliveries.filter((delivery) => !delivery.isLost);
  }

  close(): void {
    this.#timer[Symbol.dispose]();
  }

  #age(delivery: RedisDelivery): Millis {
    return this.#settings.clock.monotonic() - Math.max(delivery.sentAt, this.#settings.renewer.renewedAt);
  }

  #check(): void {
    const { lease, renewer, clock } = this.#settings;
    const limit = lease - lease / looks;
    if (this.#held.size === 0 || clock.monotonic() - renewer.renewedAt < limit) return;
    this.#lose(
      this.all().filter((delivery) => this.#age(delivery) >= limit),
      "it could not be renewed in time",
    );
  }

  #lose(deliveries: readonly RedisDelivery[], why: string): void {
    if (deliveries.length === 0) return;
    this.remove(deliveries);
    for (const delivery of deliveries) delivery.lose(why);
    this.#settings.freed();
  }
}
