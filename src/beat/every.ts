/** Schedules by an interval: from when their entry came to be, or from the boundaries of a clock (Celery's `relative`). */

import { type Duration, durationMs } from "../task/duration.ts";
import type { EverySpec, Schedule } from "../task/schedule.ts";
import { quoted, scheduleInvalid } from "./schedule-invalid.ts";
import { latest, Zone } from "./zone.ts";

/**
 * Where an interval counts from.
 *
 * @example
 * ```ts
 * import { every, type EveryOptions } from "celeriac";
 * const midnight: EveryOptions = { relative: true, timezone: "Europe/Prague" };
 * every("1d", midnight);
 * ```
 */
export interface EveryOptions {
  /**
   * Count from the boundaries of the clock: an interval of days from midnight, of hours from the full hour, of minutes from the
   * full minute, before the entry came to be. Celery's `relative`. Default false.
   */
  readonly relative?: boolean;
  /** With `relative`: the IANA zone of that clock. Days are its days, also where a change of the clock makes one longer. Default "UTC". */
  readonly timezone?: string;
}

/** Milliseconds. Below it a scheduler, which writes down each tick, would do nothing else. */
const shortest = 100;
const second = 1_000;
const day = 86_400_000;
const units = [day, 3_600_000, 60_000] as const;

/**
 * A schedule by an interval, at least 100 ms: one interval after its entry came to be, and so on. It does not drift: a late run does not delay
 * the next. Throws SCHEDULE_INVALID for a shorter one, DURATION_INVALID for what is no length of time.
 *
 * @example
 * ```ts
 * import { every } from "celeriac";
 * every("30s");
 * every("1h", { relative: true }); // at each full hour
 * every("2d", { relative: true, timezone: "Europe/Prague" }); // at midnight there
 * ```
 */
export function every(interval: Duration, options: EveryOptions = {}): Schedule {
  const ms = Math.round(durationMs(interval, "every"));
  if (ms < shortest) {
    throw scheduleInvalid(
      `every: ${quoted(interval)} is shorter than ${String(shortest)} ms.`,
      "Let a task that is started less often loop, or write a longer interval.",
    );
  }
  const { relative = false, timezone } = options;
  if (relative) return new EveryOnClock(ms, timezone ?? "UTC");
  if (timezone === undefined) return new Every(ms);
  throw scheduleInvalid(
    "every: a timezone means nothing to an interval that counts from when its entry came to be.",
    "Add relative: true, or leave it out.",
  );
}

class Every implements Schedule {
  readonly kind = "every";
  readonly timezone = "UTC";
  readonly #ms: number;

  constructor(ms: number) {
    this.#ms = ms;
  }

  next(after: number, since: number): number | undefined {
    return planned(since, this.#ms, after);
  }

  toString(): string {
    return `every ${durationText(this.#ms)}`;
  }

  toJSON(): EverySpec {
    return { kind: "every", every: this.#ms };
  }
}

class EveryOnClock implements Schedule {
  readonly kind = "every";
  readonly timezone: string;
  readonly #ms: number;
  readonly #zone: Zone;
  /** The largest unit that the interval reaches; its boundary before `since` is where counting begins. */
  readonly #unit: number;

  constructor(ms: number, timezone: string) {
    this.timezone = timezone;
    this.#ms = ms;
    this.#zone = new Zone(timezone);
    this.#unit = units.find((unit) => unit <= ms) ?? second;
  }

  next(after: number, since: number): number | undefined {
    const offset = this.#zone.at(since).offset;
    const start = Math.floor((since + offset) / this.#unit) * this.#unit;
    // Hours and minutes pass at the same pace everywhere; only days differ in length.
    return this.#unit < day ? planned(start - offset, this.#ms, after) : this.#plannedDay(start, after);
  }

  /** `start` is local. */
  #plannedDay(start: number, after: number): number | undefined {
    const about =
      Math.floor((after + this.#zone.at(Math.min(Math.max(after, 0), latest)).offset - start) / this.#ms) - 1;
    for (let count = Math.max(1, about); ; count++) {
      const local = start + count * this.#ms;
      if (local > latest) return undefined;
      const instant = this.#zone.instant(local);
      if (instant > after) return instant;
    }
  }

  toString(): string {
    return `every ${durationText(this.#ms)} relative${this.timezone === "UTC" ? "" : ` ${this.timezone}`}`;
  }

  toJSON(): EverySpec {
    return { kind: "every", every: this.#ms, relative: true, timezone: this.timezone };
  }
}

/** The first of start + interval, start + 2 intervals, … after an instant. */
function planned(start: number, interval: number, after: number): number | undefined {
  const found = start + Math.max(1, Math.floor((after - start) / interval) + 1) * interval;
  return found <= latest ? found : undefined;
}

/** In the largest unit that leaves no fraction. */
function durationText(ms: number): string {
  const found = [[day, "d"] as const, [3_600_000, "h"] as const, [60_000, "m"] as const, [second, "s"] as const].find(
    ([unit]) => ms % unit === 0,
  );
  return found === undefined ? `${String(ms)}ms` : `${String(ms / found[0])}${found[1]}`;
}
