/** Which tasks the table shows, as it stands in the URL; the names are the API's. */

import type { TaskFilter, TaskState } from "../../../src/dashboard/contract.ts";
import { momentOf, rangeOf, readMoment, type TimeChoice } from "./time-choice.ts";

export const states: readonly TaskState[] = [
  "queued",
  "delayed",
  "running",
  "retrying",
  "succeeded",
  "failed",
  "revoked",
  "dead",
];

export type ListField = "state" | "task" | "queue" | "worker";

const longestText = 200;

/** What the person chose, without the time. */
export interface ChosenFilter {
  readonly state: readonly TaskState[];
  readonly task: readonly string[];
  readonly queue: readonly string[];
  readonly worker: readonly string[];
  readonly text: string;
  readonly order: "newest" | "oldest";
  /** Where the table begins, in the middle of all that fits: a moment, of which it goes on in its order. It filters nothing. */
  readonly start?: number;
}

export function readFilter(params: URLSearchParams): ChosenFilter {
  const list = (name: string): readonly string[] => [...new Set(params.getAll(name).filter((text) => text !== ""))];
  const start = readMoment(params.get("start"));
  return {
    state: list("state").filter((word): word is TaskState => states.some((known) => known === word)),
    task: list("task"),
    queue: list("queue"),
    worker: list("worker"),
    text: (params.get("text") ?? "").slice(0, longestText),
    order: params.get("order") === "oldest" ? "oldest" : "newest",
    ...(start !== undefined && { start }),
  };
}

/** As the server is asked. A stretch bounds the moment at which tasks came into their state. */
export function filterFor(chosen: ChosenFilter, time: TimeChoice, now: number): TaskFilter {
  const at = momentOf(time);
  const { state, task, queue, worker, text } = chosen;
  return {
    ...(state.length > 0 && { state }),
    ...(task.length > 0 && { task }),
    ...(queue.length > 0 && { queue }),
    ...(worker.length > 0 && { worker }),
    ...(text !== "" && { text }),
    ...(at !== undefined && { at }),
    ...((time.kind === "last" || time.kind === "between") && rangeOf(time, now)),
  };
}

/** As the server is asked for the rows: those of the filter, from where the table begins. */
export function pagesFor(chosen: ChosenFilter, time: TimeChoice, now: number): TaskFilter {
  const filter = filterFor(chosen, time, now);
  const { start, order } = chosen;
  if (start === undefined) return filter;
  if (order === "oldest") return { ...filter, from: Math.max(start, filter.from ?? 0) };
  return { ...filter, until: Math.min(start + 1, filter.until ?? Infinity) };
}

export function isEmptyFilter({ state, task, queue, worker, text }: ChosenFilter): boolean {
  return state.length + task.length + queue.length + worker.length === 0 && text === "";
}

/** A list without the value if it is in it, else with it. */
export function toggled<T>(list: readonly T[], value: T): readonly T[] {
  return list.includes(value) ? list.filter((one) => one !== value) : [...list, value];
}

/** Whether the row belongs into the table, as far as the row tells: a text is looked for by the server alone. */
export function fits(
  {
    state,
    task,
    queue,
    worker,
  }: { readonly state: TaskState; readonly task?: string; readonly queue?: string; readonly worker?: string },
  chosen: ChosenFilter,
): boolean {
  const within = (list: readonly string[], value: string | undefined): boolean =>
    list.length === 0 || (value !== undefined && list.includes(value));
  return (
    within(chosen.state, state) &&
    within(chosen.task, task) &&
    within(chosen.queue, queue) &&
    within(chosen.worker, worker)
  );
}
