/** What a browser posts as an action, checked field by field: nothing of it is taken on trust, and unknown fields are refused. */

import { checkQueueName, checkTaskName } from "../../wire/name.ts";
import { actionKinds } from "../access/viewer.ts";
import type { ActionKind, ActionRequest, LetterSelection, TaskFilter, TaskSelection } from "../contract.ts";
import { badRequest } from "../http/failure.ts";
import { taskStates } from "../page/tasks.ts";

type Fields = Readonly<Record<string, unknown>>;

const mostIds = 10_000;
const longestId = 512;
const longestInput = 1_048_576;
const longestDelay = 365 * 86_400_000;
const mostSlots = 10_000;

/** Throws BAD_REQUEST with the field, or NAME_INVALID. */
export function readAction(body: unknown): ActionRequest {
  const fields = record(body, "body");
  const kind = fields["do"];
  if (!actionKinds.includes(kind as ActionKind)) throw badRequest("There is no such action.", "do");
  const { known, value } = read(kind as ActionKind, fields);
  const extra = Object.keys(fields).find((name) => name !== "do" && !known.includes(name));
  if (extra !== undefined) throw badRequest(`${kind as string} knows no field of this name.`, extra.slice(0, 100));
  return { do: kind, ...value } as ActionRequest;
}

function read(kind: ActionKind, fields: Fields): { readonly known: readonly string[]; readonly value: object } {
  const take = (value: object, ...optional: readonly string[]) => ({
    known: [...Object.keys(value), ...optional],
    value,
  });
  switch (kind) {
    case "task.retry":
    case "task.cancel":
      return take({ tasks: tasks(fields) });
    case "task.requeue":
      return take(
        { tasks: tasks(fields), ...maybe(fields, "at", end), ...maybe(fields, "queue", queueName) },
        "at",
        "queue",
      );
    case "task.revoke":
      return take(
        { tasks: tasks(fields), ...maybe(fields, "terminate", flag), ...maybe(fields, "signal", signal) },
        "terminate",
        "signal",
      );
    case "task.edit-and-run":
      return take(
        {
          id: id(fields["id"], "id"),
          task: taskName(fields["task"]),
          args: text(fields["args"], "args", longestInput),
          kwargs: text(fields["kwargs"], "kwargs", longestInput),
          ...maybe(fields, "queue", queueName),
          ...maybe(fields, "delay", (value) => number(value, "delay", 0, longestDelay)),
        },
        "queue",
        "delay",
      );
    case "queue.pause":
    case "queue.resume":
      return take({ queue: queueName(fields["queue"]) });
    case "queue.purge":
      return take({
        queue: queueName(fields["queue"]),
        typed: text(fields["typed"], "typed", 300),
        ready: flag(fields["ready"], "ready"),
        delayed: flag(fields["delayed"], "delayed"),
      });
    case "worker.grow":
    case "worker.shrink":
      return take({ worker: worker(fields["worker"]), by: number(fields["by"], "by", 1, mostSlots) });
    case "worker.autoscale":
      return take({
        worker: worker(fields["worker"]),
        min: number(fields["min"], "min", 0, mostSlots),
        max: number(fields["max"], "max", 1, mostSlots),
      });
    case "worker.restart-pool":
    case "worker.shutdown":
      return take({ worker: worker(fields["worker"]) });
    case "worker.add-consumer":
    case "worker.cancel-consumer":
      return take({ worker: worker(fields["worker"]), queue: queueName(fields["queue"]) });
    case "limit.rate":
      return take(
        { task: taskName(fields["task"]), rate: rate(fields["rate"]), ...maybe(fields, "worker", worker) },
        "worker",
      );
    case "limit.time":
      return take(
        {
          task: taskName(fields["task"]),
          ...maybe(fields, "soft", (value) => number(value, "soft", 0, 1e9)),
          ...maybe(fields, "hard", (value) => number(value, "hard", 0, 1e9)),
          ...maybe(fields, "worker", worker),
        },
        "soft",
        "hard",
        "worker",
      );
    case "schedule.pause":
    case "schedule.resume":
    case "schedule.run":
      return take({ schedule: text(fields["schedule"], "schedule", 200) });
    case "dead.redrive":
    case "dead.drop":
      return take({ letters: letters(fields["letters"]) });
  }
}

function tasks(fields: Fields): TaskSelection {
  const selection = record(fields["tasks"], "tasks");
  if ("ids" in selection) return { ids: ids(selection["ids"], "tasks.ids") };
  return { filter: filter(selection["filter"]), expect: number(selection["expect"], "tasks.expect", 0, 1e12) };
}

function letters(value: unknown): LetterSelection {
  const selection = record(value, "letters");
  if ("keys" in selection) return { keys: ids(selection["keys"], "letters.keys") };
  const fields = record(selection["filter"], "letters.filter");
  refuseOthers(fields, ["queue", "task", "reason"], "letters.filter");
  const name = (value: unknown, field: string): string => text(value, `letters.filter.${field}`, 300);
  return {
    filter: { ...maybe(fields, "queue", name), ...maybe(fields, "task", name), ...maybe(fields, "reason", name) },
    expect: number(selection["expect"], "letters.expect", 0, 1e12),
  };
}

function filter(value: unknown): TaskFilter {
  const fields = record(value, "tasks.filter");
  refuseOthers(fields, ["state", "task", "queue", "worker", "from", "until", "text", "at"], "tasks.filter");
  const names = (value: unknown, field: string): readonly string[] => ids(value, `tasks.filter.${field}`, 50);
  const moment = (value: unknown, field: string): number => number(value, `tasks.filter.${field}`, 0, 8.64e15);
  const state = maybe(fields, "state", names);
  if (!(state.state ?? []).every((word) => taskStates.some((known) => known === word)))
    throw badRequest("There is no such state.", "tasks.filter.state");
  return {
    ...(state as Pick<TaskFilter, "state">),
    ...maybe(fields, "task", names),
    ...maybe(fields, "queue", names),
    ...maybe(fields, "worker", names),
    ...maybe(fields, "from", moment),
    ...maybe(fields, "until", moment),
    ...maybe(fields, "text", (value) => text(value, "tasks.filter.text", 200)),
  };
}

function refuseOthers(fields: Fields, known: readonly string[], where: string): void {
  const extra = Object.keys(fields).find((name) => !known.includes(name));
  if (extra !== undefined) throw badRequest(`${where} knows no field of this name.`, `${where}.${extra.slice(0, 100)}`);
}

function maybe<K extends string, T>(
  fields: Fields,
  name: K,
  read: (value: unknown, name: string) => T,
): { readonly [P in K]?: T } {
  return fields[name] === undefined ? {} : ({ [name]: read(fields[name], name) } as { readonly [P in K]?: T });
}

function record(value: unknown, field: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw badRequest(`${field} must be an object.`, field);
}

function ids(value: unknown, field: string, most = mostIds): readonly string[] {
  if (!Array.isArray(value)) throw badRequest(`${field} must be a list.`, field);
  if (value.length > most) throw badRequest(`${field}: at most ${String(most)} at once; use a filter for more.`, field);
  return [...new Set(value.map((one) => id(one, field)))];
}

function id(value: unknown, field: string): string {
  return text(value, field, longestId);
}

function text(value: unknown, field: string, most: number): string {
  if (typeof value === "string" && value !== "" && value.length <= most) return value;
  throw badRequest(`${field} must be a text of 1 to ${String(most)} characters.`, field);
}

function flag(value: unknown, field: string): boolean {
  if (typeof value === "boolean") return value;
  throw badRequest(`${field} must be true or false.`, field);
}

/** Never clamped here: what a person did not ask for must not be done. */
function number(value: unknown, field: string, least: number, most: number): number {
  if (typeof value === "number" && Number.isFinite(value) && value >= least && value <= most) return value;
  throw badRequest(`${field} must be a number from ${String(least)} to ${String(most)}.`, field);
}

function end(value: unknown): string {
  if (value === "front" || value === "back") return value;
  throw badRequest('at must be "front" or "back".', "at");
}

function signal(value: unknown): string {
  if (value === "SIGTERM" || value === "SIGKILL") return value;
  throw badRequest("signal must be SIGTERM or SIGKILL.", "signal");
}

function rate(value: unknown): string {
  const rate = text(value, "rate", 50);
  if (/^\d+(?:\.\d+)?(?:\/[smh])?$/.test(rate)) return rate;
  throw badRequest('rate must be written as "10/s", "10/m" or "10/h", or "0" for none.', "rate");
}

function worker(value: unknown): string {
  return text(value, "worker", 255);
}

function queueName(value: unknown): string {
  checkQueueName(value);
  return value;
}

function taskName(value: unknown): string {
  checkTaskName(value);
  return value;
}
