/** The server's slots, and who stands in line for one. A place that comes free is kept for the first in line, whose message is called. */

import type { Clock } from "../../clock/clock.ts";
import type { Granted, Limits, Places, SlotAsk } from "../../port/limits.ts";
import { freeSlots, isLive, type SlotHolder, takeSlot } from "../../port/rate-law.ts";

/** What has become of a message that waits: called to the front of its queue; on its way there or to the line; or in no queue any more. */
export type Call = "called" | "moving" | "gone";

interface PlaceKey {
  readonly holders: Map<string, SlotHolder>;
  /** In order; what calls the message of each, once it has been put back. */
  readonly line: Map<string, (() => Call) | undefined>;
}

export class PlaceTable {
  readonly #clock: Clock;
  readonly #keys = new Map<string, PlaceKey>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#keys.size;
  }

  take(ask: SlotAsk): Granted {
    const { key, holder, lease, claim = "" } = ask;
    const now = this.#clock.monotonic();
    const place = this.#keys.get(key) ?? { holders: new Map<string, SlotHolder>(), line: new Map() };
    const { holders, line } = place;
    this.#advance(place, ask, now);
    const index = [...line.keys()].indexOf(holder);
    const granted = takeSlot([...holders.values()], ask, now, index < 0 ? line.size : index);
    if (granted.ok) {
      line.delete(holder);
      holders.set(holder, { holder, lease, until: now + lease, claim });
    } else if (ask.line === true) {
      line.set(holder, undefined);
    }
    if (granted.ok || ask.line === true) this.#keys.set(key, place);
    return granted;
  }

  give({ key, holder, claim, limit, lease }: Parameters<Limits["give"]>[0][number]): void {
    const place = this.#keys.get(key);
    if (place === undefined) return;
    const { holders } = place;
    if (claim === undefined || holders.get(holder)?.claim === claim) holders.delete(holder);
    this.#advance(place, { limit, lease }, this.#clock.monotonic());
    this.#drop(key, place);
  }

  /** Its message was put back to wait. False: it has been given a place meanwhile. */
  wait(key: string, holder: string, call: () => Call): boolean {
    const place = this.#keys.get(key) ?? { holders: new Map<string, SlotHolder>(), line: new Map() };
    const held = place.holders.get(holder);
    if (held !== undefined && isLive(held, this.#clock.monotonic())) return false;
    place.line.set(holder, call);
    this.#keys.set(key, place);
    return true;
  }

  places(key: string): Places {
    const place = this.#keys.get(key);
    const now = this.#clock.monotonic();
    const live = [...(place?.holders.values() ?? [])].filter((each) => isLive(each, now));
    return { holders: live.map(({ holder }) => holder), waiting: place?.line.size ?? 0 };
  }

  sweep(now: number): void {
    for (const [key, place] of this.#keys) {
      for (const { holder, until } of place.holders.values()) if (until <= now) place.holders.delete(holder);
      this.#drop(key, place);
    }
  }

  /** Keeps what is free for those in line, in order. Who asks may be among them. */
  #advance({ holders, line }: PlaceKey, { limit, lease }: Pick<SlotAsk, "limit" | "lease">, now: number): void {
    for (const [id, call] of line) {
      if (freeSlots([...holders.values()], limit, now) === 0) break;
      line.delete(id);
      if (call?.() !== "gone") holders.set(id, { holder: id, lease, until: now + lease, claim: "" });
    }
  }

  #drop(key: string, { holders, line }: PlaceKey): void {
    if (holders.size === 0 && line.size === 0) this.#keys.delete(key);
  }
}
