/** Schedules from elsewhere: plain data of a store, and the words of a command line. Neither is trusted. */

import type { Duration } from "../task/duration.ts";
import type { DstPolicy, Schedule, SolarEvent } from "../task/schedule.ts";
import { cron } from "./cron.ts";
import { every } from "./every.ts";
import { quoted, scheduleInvalid } from "./schedule-invalid.ts";
import { solar } from "./solar.ts";
import { isRecord } from "../wire/record.ts";

/** The schedule of what `toJSON` gave. Throws SCHEDULE_INVALID for anything else. */
export function scheduleOf(spec: unknown): Schedule {
  if (!isRecord(spec)) throw noSchedule(spec);
  const { kind, timezone } = spec;
  if (timezone !== undefined && typeof timezone !== "string") throw noSchedule(spec);
  const zone = timezone === undefined ? {} : { timezone };
  if (kind === "cron" && typeof spec["expression"] === "string") {
    const { expression, dst = {} } = spec;
    // What is inside is checked where it is used.
    if (isRecord(dst)) return cron(expression, { ...zone, dst: dst as DstPolicy });
  }
  if (kind === "every" && typeof spec["every"] === "number" && Number.isFinite(spec["every"]) && spec["every"] >= 0) {
    const { every: interval, relative = false } = spec;
    if (typeof relative === "boolean") return every(interval, { ...zone, relative });
  }
  if (kind === "solar") {
    const { event, latitude, longitude } = spec;
    return solar(event as SolarEvent, { latitude: latitude as number, longitude: longitude as number });
  }
  throw noSchedule(spec);
}

/**
 * The schedule that a person wrote: `0 3 * * *`, `@daily`, `every 30s`, `every 1d relative`, `solar sunset 50.08 14.42`. Behind the first three
 * kinds a zone may stand; behind an expression also `gap=skip` and `overlap=both`. Reads what `toString` writes. Throws SCHEDULE_INVALID, or
 * DURATION_INVALID for what is no length of time.
 */
export function parseSchedule(text: string, defaults: { readonly timezone?: string } = {}): Schedule {
  const words = text.trim().split(/\s+/);
  const [kind = "", ...rest] = words;
  if (kind === "every") return everyOf(rest, defaults.timezone, text);
  if (kind === "solar") return solarOf(rest, text);
  const fields = kind.startsWith("@") ? 1 : 5;
  const dst: Record<string, string> = {};
  const zones: string[] = [];
  for (const word of words.slice(fields)) {
    const [, name, choice = ""] = /^(gap|overlap)=(.*)$/.exec(word) ?? [];
    if (name === undefined) zones.push(word);
    else dst[name] = choice;
  }
  const [timezone = defaults.timezone, ...others] = zones;
  if (others.length > 0) throw tooMuch(text);
  const zone = timezone === undefined ? {} : { timezone };
  return cron(words.slice(0, fields).join(" "), { ...zone, dst: dst as DstPolicy });
}

function everyOf([interval = "", ...rest]: readonly string[], zone: string | undefined, text: string): Schedule {
  if (rest.length === 0) return every(interval as Duration);
  const [relative, timezone = zone, ...others] = rest;
  if (relative !== "relative" || others.length > 0) throw tooMuch(text);
  return every(interval as Duration, { relative: true, ...(timezone === undefined ? {} : { timezone }) });
}

function solarOf([event = "", latitude = "", longitude = "", ...others]: readonly string[], text: string): Schedule {
  if (others.length > 0) throw tooMuch(text);
  return solar(event as SolarEvent, { latitude: degrees(latitude), longitude: degrees(longitude) });
}

/** Number() takes "" and "0x10" too; String() writes 1e-7. */
function degrees(word: string): number {
  return /^[+-]?\d{1,3}(?:\.\d{1,20})?(?:e-\d{1,3})?$/.test(word) ? Number(word) : Number.NaN;
}

function noSchedule(spec: unknown): Error {
  return scheduleInvalid(
    `${quoted(spec)} is no schedule.`,
    'Its kind must be "cron", "every" or "solar", with what belongs to it.',
  );
}

function tooMuch(text: string): Error {
  return scheduleInvalid(
    `${quoted(text)} says more than a schedule has.`,
    'Write "0 3 * * * Europe/Prague", "every 30s", "every 1d relative Europe/Prague" or "solar sunset 50.08 14.42".',
  );
}
