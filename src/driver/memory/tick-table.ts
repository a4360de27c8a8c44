/** Which ticks of which schedule have fired, and which are about to. What is too old to be kept by name counts as fired. */

import type { Begun, FiredTick } from "../../port/lease.ts";
import type { ServerTime } from "../../port/units.ts";

const keptTicks = 1_000;
/** So far below the last tick that was dropped all have fired; what is older still comes of a clock that was set back. */
const firedBelow = 7 * 86_400_000;

interface Ticks {
  /** In the order of firing, the id of what was sent first. */
  readonly fired: Map<ServerTime, string>;
  readonly begun: Map<ServerTime, string>;
  dropped: ServerTime;
}

export class TickTable {
  readonly #schedules = new Map<string, Ticks>();

  /** What has become of it before; undefined: nothing. */
  earlier(schedule: string, tick: ServerTime, id: string): "mine-already" | "fired-before" | undefined {
    const ticks = this.#schedules.get(schedule);
    const known = ticks?.fired.get(tick);
    if (known !== undefined) return known === id ? "mine-already" : "fired-before";
    const dropped = ticks?.dropped ?? -Infinity;
    return tick <= dropped && tick > dropped - firedBelow ? "fired-before" : undefined;
  }

  begin(schedule: string, tick: ServerTime, id: string): Begun {
    const { begun } = this.#of(schedule);
    if (begun.has(tick)) return "begun-before";
    begun.set(tick, id);
    trim(begun);
    return "begun";
  }

  fire(schedule: string, tick: ServerTime, id: string): void {
    const ticks = this.#of(schedule);
    ticks.begun.delete(tick);
    ticks.fired.set(tick, id);
    ticks.dropped = trim(ticks.fired) ?? ticks.dropped;
  }

  latest(schedule: string, limit: number): readonly FiredTick[] {
    const fired = [...(this.#schedules.get(schedule)?.fired ?? [])].toReversed().slice(0, limit);
    return fired.map(([tick, id]) => ({ tick, id: id === "" ? undefined : id }));
  }

  forget(schedule: string): void {
    this.#schedules.delete(schedule);
  }

  #of(schedule: string): Ticks {
    const ticks = this.#schedules.get(schedule) ?? { fired: new Map(), begun: new Map(), dropped: -Infinity };
    this.#schedules.set(schedule, ticks);
    return ticks;
  }
}

/** Drops the oldest where there is one too many. */
function trim(ticks: Map<ServerTime, string>): ServerTime | undefined {
  const { value: oldest } = ticks.keys().next();
  if (oldest === undefined || ticks.size <= keptTicks) return undefined;
  ticks.delete(oldest);
  return oldest;
}
