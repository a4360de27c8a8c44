/**
 * Schedules by the sun, with Celery's events and horizons. Between two passages of the meridian the sun only rises or only sinks,
 * so each half day has one crossing of a horizon or none; polar days and nights have none and are passed over.
 */

import type { Schedule, SolarEvent, SolarSpec } from "../task/schedule.ts";
import { quoted, scheduleInvalid } from "./schedule-invalid.ts";
import { sunAt, wrapped } from "./sun.ts";
import { latest } from "./zone.ts";

/** Where the sun is looked at from, in degrees. Heights and mountains are left out, as in Celery. */
export interface Place {
  /** −90…90, north positive. */
  readonly latitude: number;
  /** −180…180, east positive. */
  readonly longitude: number;
}

interface Horizon {
  readonly direction: "up" | "down";
  /** Degrees. */
  readonly altitude: number;
  /** The upper limb counts, else the centre. */
  readonly limb: boolean;
}

const halfDay = 43_200_000;
/** A year and a little; over a whole year the sun crosses every horizon here at any place. */
const longestSearch = 2 * 380;
/** 34', by which the air lifts what stands in the horizon. */
const refraction = 34 / 60;

const horizons: Readonly<Record<Exclude<SolarEvent, "solar_noon">, Horizon>> = {
  dawn_astronomical: { direction: "up", altitude: -18, limb: false },
  dawn_nautical: { direction: "up", altitude: -12, limb: false },
  dawn_civil: { direction: "up", altitude: -6, limb: false },
  sunrise: { direction: "up", altitude: -refraction, limb: true },
  sunset: { direction: "down", altitude: -refraction, limb: true },
  dusk_civil: { direction: "down", altitude: -6, limb: false },
  dusk_nautical: { direction: "down", altitude: -12, limb: false },
  dusk_astronomical: { direction: "down", altitude: -18, limb: false },
};
const events: readonly SolarEvent[] = [...(Object.keys(horizons) as (keyof typeof horizons)[]), "solar_noon"];

/**
 * A schedule by the sun: each time the event comes at that place, to the second, right within half a minute between the polar circles. Where the
 * sun does not rise or set for months, the next time that it does. Throws SCHEDULE_INVALID for an unknown event or place.
 *
 * @example
 * ```ts
 * import { solar } from "celeriac";
 * solar("sunset", { latitude: 50.08, longitude: 14.42 });
 * ```
 */
export function solar(event: SolarEvent, place: Place): Schedule {
  if (!events.includes(event)) {
    throw scheduleInvalid(`solar: ${quoted(event)} is no event of the sun.`, `Write one of ${events.join(", ")}.`);
  }
  return new Solar(event, degrees("latitude", place.latitude, 90), degrees("longitude", place.longitude, 180));
}

function degrees(name: string, value: number, most: number): number {
  if (typeof value === "number" && Math.abs(value) <= most) return value;
  throw scheduleInvalid(
    `solar: ${name}: ${quoted(value)}.`,
    `Write degrees between ${String(-most)} and ${String(most)}.`,
  );
}

class Solar implements Schedule {
  readonly kind = "solar";
  readonly timezone = "UTC";
  readonly #event: SolarEvent;
  readonly #latitude: number;
  readonly #longitude: number;

  constructor(event: SolarEvent, latitude: number, longitude: number) {
    this.#event = event;
    this.#latitude = latitude;
    this.#longitude = longitude;
  }

  next(after: number): number | undefined {
    const from = Math.max(after, 0);
    // A half day earlier than the mean sun says: the true one is up to a quarter of an hour before or behind.
    const first = Math.floor((from + this.#longitude * 240_000) / halfDay) - 2;
    for (let half = first; half < first + longestSearch; half++) {
      const found = this.#in(half);
      if (found !== undefined && found > after && found >= 0) return found <= latest ? found : undefined;
    }
    return undefined;
  }

  /** The event in a half day, counted from midnight of 1 January 1970 there; it begins with the sun in the meridian, above (odd) or below (even). */
  #in(half: number): number | undefined {
    const start = this.#passage(half);
    if (this.#event === "solar_noon") return half % 2 === 0 ? undefined : seconds(start);
    const horizon = horizons[this.#event];
    let [low, high] = [start, this.#passage(half + 1)];
    const above = this.#isAbove(low, horizon);
    if (above === (horizon.direction === "up") || above === this.#isAbove(high, horizon)) return undefined;
    while (high - low > 1) {
      const middle = (low + high) / 2;
      if (this.#isAbove(middle, horizon) === above) low = middle;
      else high = middle;
    }
    return seconds(high);
  }

  /** When the sun passes the meridian. Each follows from its number alone, whatever was asked for. */
  #passage(half: number): number {
    const below = half % 2 === 0 ? Math.PI : 0;
    let at = half * halfDay - this.#longitude * 240_000;
    for (let round = 0; round < 3; round++) {
      at -= (wrapped(sunAt(at, this.#latitude, this.#longitude).hourAngle - below) / Math.PI) * halfDay;
    }
    return at;
  }

  #isAbove(instant: number, { altitude, limb }: Horizon): boolean {
    const sun = sunAt(instant, this.#latitude, this.#longitude);
    return sun.altitude + (limb ? sun.radius : 0) >= altitude;
  }

  toString(): string {
    return `solar ${this.#event} ${String(this.#latitude)} ${String(this.#longitude)}`;
  }

  toJSON(): SolarSpec {
    return { kind: "solar", event: this.#event, latitude: this.#latitude, longitude: this.#longitude };
  }
}

/** Whole seconds: a digit beyond what the formulas know must not make two machines name different ticks. */
function seconds(instant: number): number {
  return Math.round(instant / 1_000) * 1_000;
}
