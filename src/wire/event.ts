/**
 * Events as Celery's monitors understand them: flat records, broadcast one by one or, those of tasks, as a list. What Celeriac tells beside
 * Celery's facts are further fields, and types of an own group, which Python's monitors pass over.
 */

import { jsonContentType, openBody } from "./content.ts";
import { parseJson, stringifyJson } from "./json.ts";
import type { Message } from "./message.ts";

/** What happened, where and when. Further fields depend on the type. */
export interface CeleryEvent {
  /** Such as "task-succeeded". */
  readonly type: string;
  /** Unix SECONDS with a fraction, as on the wire. */
  readonly timestamp: number;
  /** The node that tells it, `name@host`. */
  readonly hostname: string;
  /** Whole hours west of UTC where it was told. */
  readonly utcoffset: number;
  /** The process that tells it: of a worker the parent's, never a child's. */
  readonly pid: number;
  /** Lamport time: of two events that depend on each other the later has the larger one. */
  readonly clock: number;
  readonly [field: string]: unknown;
}

/** Far above a batch of Python's, which are some ten kilobytes, and above the largest of ours. */
const maxEventBytes = 4 * 1024 * 1024;
const eventLimits = { depth: 64, keys: 100_000 };
const longestName = 1_000;

/** Where an event is published: its type in the words of a topic, or one for a whole list of its group: `task.multi`. */
export function eventTopic(type: string, batched: boolean): string {
  return batched ? `${type.slice(0, Math.max(0, type.indexOf("-")))}.multi` : type.replaceAll("-", ".");
}

/** A list becomes a list on the wire, even a list of one. Throws NOT_SERIALIZABLE for a field that JSON would lose. */
export function eventMessage(events: readonly CeleryEvent[] | CeleryEvent): Message {
  const first = isList(events) ? events[0] : events;
  return {
    headers: { hostname: first?.hostname ?? "" },
    properties: {},
    contentType: jsonContentType,
    contentEncoding: "utf-8",
    body: Buffer.from(stringifyJson(events, { root: "event", limits: eventLimits })),
  };
}

/** `body`: a list of events that is JSON already, for who has many. */
export function eventList(hostname: string, body: Uint8Array): Message {
  return {
    headers: { hostname },
    properties: {},
    contentType: jsonContentType,
    contentEncoding: "utf-8",
    body,
  };
}

/** Both forms. Empty for what is none: whoever reaches the broker can write to it. A record without type, time or host is left out. */
export function readEvents(message: Message): readonly CeleryEvent[] {
  let body: unknown;
  try {
    body = parseJson(openBody(message, undefined, maxEventBytes), eventLimits);
  } catch {
    return [];
  }
  return (Array.isArray(body) ? (body as unknown[]) : [body]).flatMap(eventOf);
}

/** Celery's `utcoffset` for a moment (unix ms) in this process's zone: Berlin's winter is -1, and halves of an hour are cut downwards. */
export function utcOffset(at: number): number {
  return Math.floor(new Date(at).getTimezoneOffset() / 60) || 0;
}

function eventOf(record: unknown): readonly CeleryEvent[] {
  if (typeof record !== "object" || record === null || Array.isArray(record)) return [];
  const fields = record as Record<string, unknown>;
  const { type, timestamp, hostname } = fields;
  if (!isName(type) || !isName(hostname) || !isNumber(timestamp)) return [];
  const { utcoffset, pid, clock } = fields;
  if (isNumber(utcoffset) && isNumber(pid) && isNumber(clock))
    return [Object.assign(fields, { type, timestamp, hostname, utcoffset, pid, clock })];
  const known = {
    utcoffset: isNumber(utcoffset) ? utcoffset : 0,
    pid: isNumber(pid) ? pid : 0,
    clock: isNumber(clock) ? clock : 0,
  };
  return [{ ...fields, type, timestamp, hostname, ...known }];
}

function isList(events: readonly CeleryEvent[] | CeleryEvent): events is readonly CeleryEvent[] {
  return Array.isArray(events);
}
function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= longestName;
}
function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}
