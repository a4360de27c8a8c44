/** One schedule as it is stored: a fact that every scheduler reads alike. Written and read here alone. */

import { type DeclaredSchedule, mostMadeUp, type SchedulePolicy, type ScheduleSending } from "../app/schedule-book.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { Schedule, ScheduleSpec } from "../task/schedule.ts";
import { parseJson, stringifyJson } from "../wire/json.ts";
import { isRecord } from "../wire/record.ts";
import { readSignature, type Signature } from "../wire/signature.ts";
import { isUuid, uuidv5 } from "../wire/uuid.ts";
import { scheduleOf } from "./schedule-spec.ts";

/** Unix ms. */
const latest = 8.64e15;

export interface Entry {
  readonly name: string;
  readonly schedule: Schedule;
  readonly signature: Signature;
  readonly sending: ScheduleSending;
  readonly policy: SchedulePolicy;
  /** "code": the app `owner` declares it. "runtime": a person added it. */
  readonly source: "code" | "runtime";
  readonly owner: string;
  /** Of the declaration it was made from. */
  readonly version: string;
  /** Namespace of its task ids: a UUID drawn when it was added, so that two databases never share an id. */
  readonly ids: string;
  /** Unix ms from which intervals count. */
  readonly since: number;
  /** Ticks up to this moment are none of its affair: it was added, changed or resumed then. */
  readonly from: number;
  readonly paused: boolean;
  /** A person paused or resumed it, and what the code says of that no longer counts. */
  readonly byHand: boolean;
  readonly updated: number;
}

/** An entry that cannot be read: made by a newer version, or by a stranger. */
export interface UnreadableEntry {
  readonly name: string;
  readonly problem: string;
}

export function writeEntry({ name: _, schedule, ...entry }: Entry): string {
  return stringifyJson({ format: 1, spec: schedule.toJSON(), ...entry });
}

export function readEntry(name: string, text: string): Entry | UnreadableEntry {
  try {
    const fact = parseJson(text) as Entry & { readonly format: number; readonly spec: ScheduleSpec };
    if (typeof fact !== "object" || fact === null || fact.format !== 1)
      return { name, problem: "it was written by another version of Celeriac; upgrade this one" };
    const { format: _, spec, ...rest } = fact;
    const wrong = wrongMember(rest);
    if (wrong !== undefined) return { name, problem: `its ${wrong} is none` };
    return { ...rest, name, schedule: scheduleOf(spec), signature: readSignature(fact.signature) };
  } catch (error) {
    return { name, problem: error instanceof Error ? error.message : String(error) };
  }
}

type Members = { readonly [member in keyof Entry]?: unknown };

/** What a scheduler could not go by. The spec and the call are looked at where they are read, the call's sending where it is sent. */
function wrongMember({
  policy,
  sending,
  source,
  owner,
  version,
  ids,
  since,
  from,
  paused,
  byHand,
  updated,
}: Members): string | undefined {
  const sound: Readonly<Record<string, boolean>> = {
    policy: isPolicy(policy),
    sending: isRecord(sending) && (sending["queue"] === undefined || typeof sending["queue"] === "string"),
    source: source === "code" || source === "runtime",
    owner: typeof owner === "string",
    version: typeof version === "string",
    "namespace of ids": typeof ids === "string" && isUuid(ids),
    beginning: isMoment(since) && isMoment(from),
    pause: typeof paused === "boolean" && typeof byHand === "boolean",
    "time of change": isMoment(updated),
  };
  return Object.keys(sound).find((member) => sound[member] === false);
}

function isPolicy(policy: unknown): boolean {
  if (!isRecord(policy)) return false;
  const { misfire, overlap, grace, jitter, limit } = policy;
  return (
    (misfire === "skip" || misfire === "once" || misfire === "all") &&
    (overlap === "allow" || overlap === "skip" || overlap === "queue") &&
    [grace, jitter].every((ms) => isMoment(ms) && ms >= 0) &&
    Number.isSafeInteger(limit) &&
    (limit as number) >= 1 &&
    (limit as number) <= mostMadeUp
  );
}

/** What a Date can be. */
function isMoment(value: unknown): value is number {
  return typeof value === "number" && Math.abs(value) <= latest;
}

/** A new entry. `now`: unix ms. */
export function newEntry(declared: DeclaredSchedule, source: Entry["source"], owner: string, now: number): Entry {
  return { ...declared, source, owner, ids: crypto.randomUUID(), since: now, from: now, byHand: false, updated: now };
}

/** The entry as it is declared now. With another schedule it begins anew; what a person paused stays so. */
export function redeclared(entry: Entry, declared: DeclaredSchedule, now: number): Entry {
  const same = stringifyJson(entry.schedule.toJSON()) === stringifyJson(declared.schedule.toJSON());
  const paused = entry.byHand ? entry.paused : declared.paused;
  const resumed = entry.paused && !paused;
  return {
    ...entry,
    ...declared,
    paused,
    since: same ? entry.since : now,
    from: same && !resumed ? entry.from : now,
    updated: now,
  };
}

/** The id of what a tick sends in this role: the same whoever asks, and whenever. */
export function tickId(entry: Entry, tick: number, role = ""): string {
  return uuidv5(entry.ids, role === "" ? String(tick) : `${String(tick)}:${role}`);
}

/**
 * How much later than planned a tick is sent, ms: below `jitter`, spread evenly, the same on every scheduler. Never as late as the next
 * tick, or ticks would overtake each other.
 */
export function jitterOf(entry: Entry, tick: number): number {
  const { jitter } = entry.policy;
  if (jitter === 0) return 0;
  const gap = (entry.schedule.next(tick, entry.since) ?? Infinity) - tick;
  const share = Number.parseInt(tickId(entry, tick, "jitter").slice(0, 8), 16) / 2 ** 32;
  return Math.floor(share * Math.min(jitter, gap));
}

export function isReadable(entry: Entry | UnreadableEntry): entry is Entry {
  return !("problem" in entry);
}

export function unknownSchedule(name: string): CeleriacError {
  return new CeleriacError(
    "SCHEDULE_UNKNOWN",
    `There is no schedule "${name}". \`celeriac schedule list\` shows those there are; those in code are stored when a beat starts.`,
    { details: { schedule: name } },
  );
}
