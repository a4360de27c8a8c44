/** When a scheduled call is due: what every kind of schedule answers, and its plain form. Made by `cron`, `every` and `solar`. */

/**
 * Planned times, in unix milliseconds. They follow from the schedule and from `since` alone, never from when or where they are
 * asked for: any number of schedulers name the same ones.
 *
 * @example
 * ```ts
 * import { cron, type Schedule } from "celeriac";
 * const nightly: Schedule = cron("0 3 * * *", { timezone: "Europe/Prague" });
 * const now = Date.now();
 * new Date(nightly.next(now, now) ?? 0); // three o'clock of the coming night
 * ```
 */
export interface Schedule {
  readonly kind: "cron" | "every" | "solar";
  /** The IANA zone it is planned in; "UTC" for the sun and for intervals that don't follow a clock. */
  readonly timezone: string;
  /**
   * The first planned time strictly after `after`; undefined: never again. `since` is when its entry came to be, from which
   * intervals count; the others ignore it.
   */
  next(after: number, since: number): number | undefined;
  /** As a person writes it, and as the command line reads it: `0 3 * * * Europe/Prague`, `every 30s`, `solar sunset 50.08 14.42`. */
  toString(): string;
  /** Plain data, for a store; equal schedules give deeply equal data. */
  toJSON(): ScheduleSpec;
}

/** A schedule as plain data. */
export type ScheduleSpec = CronSpec | EverySpec | SolarSpec;

export interface CronSpec {
  readonly kind: "cron";
  /** Five fields: minute, hour, day of month, month, day of week. */
  readonly expression: string;
  readonly timezone: string;
  /** What the author chose; what is left out goes by the expression. */
  readonly dst?: DstPolicy;
}

export interface EverySpec {
  readonly kind: "every";
  /** Milliseconds. */
  readonly every: number;
  /** Set where it counts from the boundaries of the clock, in `timezone`. */
  readonly relative?: true;
  readonly timezone?: string;
}

export interface SolarSpec {
  readonly kind: "solar";
  readonly event: SolarEvent;
  /** Degrees, north positive. */
  readonly latitude: number;
  /** Degrees, east positive. */
  readonly longitude: number;
}

/**
 * What becomes of local times that a change of the clock takes away or gives twice.
 *
 * @example
 * ```ts
 * import { cron, type DstPolicy } from "celeriac";
 * const dst: DstPolicy = { gap: "skip", overlap: "both" };
 * cron("30 2 * * *", { timezone: "Europe/Paris", dst });
 * ```
 */
export interface DstPolicy {
  /** A local time that does not exist: `run` once at the first instant after the gap, or `skip`. */
  readonly gap?: "run" | "skip";
  /** A local time that comes twice: run at the `first`, the `second`, or at `both`. */
  readonly overlap?: "first" | "second" | "both";
}

/** An event of the sun, as Celery names it. */
export type SolarEvent =
  | "dawn_astronomical"
  | "dawn_nautical"
  | "dawn_civil"
  | "sunrise"
  | "solar_noon"
  | "sunset"
  | "dusk_civil"
  | "dusk_nautical"
  | "dusk_astronomical";
