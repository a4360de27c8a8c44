/**
 * What BullMQ's hashes say (tried with its version 6.7), as what is planned here: pure, for whoever can write to that Redis can write anything there.
 * What cannot be made sense of is left, with the reason.
 */

import { every } from "../beat/every.ts";
import { parseSchedule } from "../beat/schedule-spec.ts";
import { isPlainObject } from "../task/input.ts";
import { parseJson } from "../wire/json.ts";
import { timesOf } from "./crontab-reader.ts";
import { type ImportItem, type PlannedSchedule, reasonOf } from "./import-plan.ts";

/** Where a hash was found, and how its names are to be understood. */
export interface BullmqPlace {
  readonly queue: string;
  /** Tasks by the names of jobs; of the same name where none is given. */
  readonly tasks: Readonly<Record<string, string>>;
  /** Of schedulers that name none. */
  readonly timezone: string;
}

export type BullmqFields = Readonly<Record<string, string>>;

/** A delayed job's score is its time times this, plus a count. */
const scoreUnit = 0x1000;

/** A hash as Redis lists it: names and values in turn. */
export function fieldsOf(flat: readonly string[]): BullmqFields {
  return Object.fromEntries(flat.flatMap((name, index) => (index % 2 === 0 ? [[name, flat[index + 1] ?? ""]] : [])));
}

export function schedulerOf(place: BullmqPlace, id: string, fields: BullmqFields): ImportItem {
  const source = `scheduler ${place.queue}: ${id}`;
  try {
    return { source, planned: plannedOf(place, id, fields) };
  } catch (error) {
    return { source, why: reasonOf(error) };
  }
}

function plannedOf({ queue, tasks, timezone }: BullmqPlace, id: string, fields: BullmqFields): PlannedSchedule {
  const { name, data, pattern, every: interval, tz = timezone, limit, endDate, startDate } = fields;
  if (name === undefined)
    throw new Error("it was made by a BullMQ before job schedulers; make it one there, or anew here");
  if (limit !== undefined) throw new Error(`it ends after ${limit} times, which a schedule does not`);
  if (endDate !== undefined) throw new Error("it ends at a moment, which a schedule does not");
  if (startDate !== undefined && Date.parse(startDate) > Date.now()) throw new Error("it begins at a moment to come");
  const schedule = interval === undefined ? patternOf(pattern ?? "", tz) : every(Number(interval));
  return { name: id, schedule, task: taskOf(tasks, name), ...inputOf(data), options: { queue } };
}

function patternOf(pattern: string, timezone: string): ReturnType<typeof parseSchedule> {
  const fields = pattern.trim().split(/\s+/);
  if (fields.length !== 5) throw new Error(`"${pattern}" has seconds, or is no expression of five fields`);
  return parseSchedule(timesOf(fields), { timezone });
}

/** `score`: of a delayed one. `undefined`: the next run of a scheduler, which is taken over itself. */
export function jobOf(place: BullmqPlace, id: string, fields: BullmqFields, score?: string): ImportItem | undefined {
  const source = `job ${place.queue}: ${id}`;
  const { name, data, parentKey, rjk } = fields;
  if (rjk !== undefined) return undefined;
  if (name === undefined) return { source, why: "it was taken meanwhile" };
  if (parentKey !== undefined) return { source, why: "it belongs to a flow: let BullMQ finish that" };
  try {
    const due = score === undefined ? undefined : dueOf(score);
    const job = { id: `bullmq:${place.queue}:${id}`, task: taskOf(place.tasks, name), queue: place.queue, due };
    return { source, job: { ...job, ...inputOf(data) } };
  } catch (error) {
    return { source, why: reasonOf(error) };
  }
}

function dueOf(score: string): Date {
  const due = new Date(Math.floor(Number(score) / scoreUnit));
  if (Number.isNaN(due.getTime())) throw new Error(`it is delayed until ${score}, which is no time`);
  return due;
}

/** A job may have the name of what every object has. */
function taskOf(tasks: Readonly<Record<string, string>>, job: string): string {
  return Object.hasOwn(tasks, job) ? (tasks[job] ?? job) : job;
}

/** An object is keyword arguments, anything else the only argument, as for every call. */
function inputOf(data: string | undefined): {
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
} {
  const value = data === undefined || data === "" ? undefined : parseJson(data);
  if (value === undefined) return { args: [], kwargs: {} };
  return isPlainObject(value) ? { args: [], kwargs: value } : { args: [value], kwargs: {} };
}
