/**
 * Whether a node's task events are worth making. `true`: always, as a Celery worker with `-E`; `false`: once somebody has asked for them;
 * "auto": as long as somebody may listen. Only `true` goes on with nobody listening.
 */

import type { Clock } from "../clock/clock.ts";
import type { Bus, Channel } from "../port/bus.ts";
import type { Millis } from "../port/units.ts";

export type EventMode = boolean | "auto";

/** Asked for each event, so the broker's word is kept for a moment. */
const refreshed: Millis = 200;
/** Who asks for events listens, though the broker's word on it may be as old as that. */
const trusted: Millis = 5_000;

export class Attention {
  readonly #bus: Pick<Bus, "audience">;
  readonly #clock: Clock;
  readonly #mode: EventMode;
  readonly #channel: Channel;
  /** What a monitor said, where it differs from the mode. */
  #told: boolean | undefined;
  #heard = false;
  #until = -Infinity;

  constructor(bus: Pick<Bus, "audience">, clock: Clock, mode: EventMode, topic: string) {
    this.#bus = bus;
    this.#clock = clock;
    this.#mode = mode;
    this.#channel = { kind: "event", type: topic };
  }

  /** Somebody may be listening, and nobody has forbidden it. */
  get on(): boolean {
    if (!this.#wanted) return false;
    if (this.#mode === true) return true;
    const now = this.#clock.monotonic();
    if (now >= this.#until) {
      this.#until = now + refreshed;
      this.#heard = this.#bus.audience(this.#channel) !== false;
    }
    return this.#heard;
  }

  /** As `enable_events` and `disable_events` left it. */
  get enabled(): boolean {
    return this.#told ?? (this.#mode === true || (this.#mode === "auto" && this.on));
  }

  /** False if they were enabled before. */
  enable(): boolean {
    const changed = !this.enabled;
    this.#told = this.#mode === false ? true : undefined;
    this.notice();
    return changed;
  }

  /** Until `enable`. False if they were disabled before. */
  disable(): boolean {
    const changed = this.enabled;
    this.#told = this.#mode === false ? undefined : false;
    return changed;
  }

  /** A listener has just made itself known. */
  notice(): void {
    this.#heard = true;
    this.#until = this.#clock.monotonic() + trusted;
  }

  get #wanted(): boolean {
    return this.#told ?? this.#mode !== false;
  }
}
