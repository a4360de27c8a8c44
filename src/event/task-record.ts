/**
 * What events say of one task, whatever their order: each part of the record is taken from the greatest event that tells it, and greatness
 * is a property of the event alone. So late, missing and repeated events do no harm.
 *
 * Later is greater; of events of one moment the one further on in a task's life. An end counts as five seconds later than it was: hosts
 * do not agree on the time, and Celery's rule is that an end outranks what only leads to one. What happens after those five seconds is
 * another run, of a task that was sent again from the dead letters.
 */

import type { CeleryEvent } from "../wire/event.ts";

/** Celery's states of tasks, those that only events know included. */
export type TaskStage = "PENDING" | "RECEIVED" | "STARTED" | "RETRY" | "REJECTED" | "REVOKED" | "FAILURE" | "SUCCESS";

/** A task as its events show it. What no event told is absent. */
export interface TaskRecord {
  readonly uuid: string;
  readonly state: TaskStage;
  readonly name?: string;
  /** Printed, as Python prints them. */
  readonly args?: string;
  readonly kwargs?: string;
  readonly rootId?: string;
  readonly parentId?: string;
  readonly group?: string;
  readonly queue?: string;
  /** Node that has it, or had it last. */
  readonly worker?: string;
  /** Process of that node's pool which runs it. */
  readonly child?: number;
  /** 1 for the first run. */
  readonly attempt: number;
  /** ISO times, as in the message. */
  readonly eta?: string;
  readonly expires?: string;
  /** Unix seconds of the last event of that kind. */
  readonly sent?: number;
  readonly received?: number;
  readonly started?: number;
  readonly ended?: number;
  /** Seconds. */
  readonly runtime?: number;
  /** Printed, as Python prints it. */
  readonly result?: string;
  readonly exception?: string;
  readonly traceback?: string;
  readonly progress?: { readonly done: number; readonly total: number | null; readonly note: string | null };
  /** Why it lies with the dead letters. */
  readonly dead?: string;
  /** Unix seconds of the last event at all. */
  readonly heard: number;
}

/** Of one moment the later one is greater. */
const stages: Readonly<Record<string, { readonly state: TaskStage; readonly phase: number }>> = {
  "task-sent": { state: "PENDING", phase: 0 },
  "task-received": { state: "RECEIVED", phase: 1 },
  "task-started": { state: "STARTED", phase: 2 },
  "task-rejected": { state: "REJECTED", phase: 3 },
  "task-retried": { state: "RETRY", phase: 4 },
  "task-revoked": { state: "REVOKED", phase: 5 },
  "task-failed": { state: "FAILURE", phase: 6 },
  "task-succeeded": { state: "SUCCESS", phase: 7 },
};
const ends: ReadonlySet<string> = new Set(["REVOKED", "FAILURE", "SUCCESS"]);
/** Seconds by which an end outranks; what hosts' clocks differ by is less. */
const endBonus = 5;
/** Seconds by which each attempt counts as later: a worker may begin the next one before the last has told that it is retried. */
const attemptBonus = 0.05;

/** Compared member by member. */
type Rank = readonly [moment: number, phase: number, clock: number, host: string];

const lowest: Rank = [-Infinity, -1, -1, ""];

function isGreater(one: Rank, other: Rank): boolean {
  for (let index = 0; index < one.length; index++) {
    const [a, b] = [one[index], other[index]];
    if (a !== undefined && b !== undefined && a !== b) return a > b;
  }
  return false;
}

/** A part of a record, and the rank of the event that it came from. */
class Part<T> {
  value: T | undefined;
  #rank = lowest;

  offer(value: T | undefined, rank: Rank): void {
    if (value === undefined || !isGreater(rank, this.#rank)) return;
    this.value = value;
    this.#rank = rank;
  }
}

type Call = Pick<TaskRecord, "name" | "args" | "kwargs" | "rootId" | "parentId" | "group" | "eta" | "expires">;
type End = Pick<TaskRecord, "result" | "exception" | "traceback" | "runtime">;

/** Gathers one task's events. */
export class TaskGathering {
  readonly uuid: string;
  readonly #state = new Part<TaskStage>();
  readonly #name = new Part<string>();
  readonly #call = new Part<Call>();
  readonly #end = new Part<End>();
  readonly #worker = new Part<string>();
  readonly #child = new Part<number>();
  readonly #queue = new Part<string>();
  readonly #progress = new Part<NonNullable<TaskRecord["progress"]>>();
  readonly #dead = new Part<string>();
  readonly #times: { sent?: number; received?: number; started?: number; ended?: number } = {};
  #attempt = 1;
  #heard = 0;

  constructor(uuid: string) {
    this.uuid = uuid;
  }

  get ended(): boolean {
    return ends.has(this.#state.value ?? "");
  }

  add(event: CeleryEvent): void {
    const { type, timestamp, clock, hostname } = event;
    const stage = stages[type];
    const end = stage !== undefined && ends.has(stage.state) ? endBonus : 0;
    const bonus = end + (event["attempt"] === undefined ? 0 : (attemptOf(event) - 1) * attemptBonus);
    const rank: Rank = [timestamp + bonus, stage?.phase ?? 8, clock, hostname];
    this.#heard = Math.max(this.#heard, timestamp);
    this.#attempt = Math.max(this.#attempt, attemptOf(event));
    this.#name.offer(text(event["name"]), rank);
    this.#queue.offer(text(event["queue"]), rank);
    if (stage !== undefined) this.#stage(event, stage, rank);
    else if (type === "celeriac-progress") this.#progress.offer(progressOf(event), rank);
    else if (type === "celeriac-dead") this.#dead.offer(text(event["reason"]), rank);
  }

  #stage(event: CeleryEvent, { state }: { readonly state: TaskStage }, rank: Rank): void {
    const { timestamp, hostname } = event;
    this.#state.offer(state, rank);
    if (state === "PENDING") this.#time("sent", timestamp);
    else {
      this.#worker.offer(hostname, rank);
      this.#child.offer(number(event["child"]), rank);
    }
    if (state === "RECEIVED") this.#time("received", timestamp);
    else if (state === "STARTED") this.#time("started", timestamp);
    else if (ends.has(state)) this.#time("ended", timestamp);
    if (state === "PENDING" || state === "RECEIVED") this.#call.offer(callOf(event), rank);
    else if (state !== "STARTED") this.#end.offer(endOf(event), rank);
  }

  #time(which: "sent" | "received" | "started" | "ended", timestamp: number): void {
    this.#times[which] = Math.max(this.#times[which] ?? -Infinity, timestamp);
  }

  get record(): TaskRecord {
    const { ended, ...times } = this.#times;
    const name = this.#call.value?.name ?? this.#name.value;
    return {
      uuid: this.uuid,
      state: this.#state.value ?? "PENDING",
      ...this.#call.value,
      ...this.#end.value,
      ...times,
      ...known("name", name),
      ...known("queue", this.#queue.value),
      ...known("worker", this.#worker.value),
      ...known("child", this.#child.value),
      ...known("progress", this.#progress.value),
      ...(this.ended && known("ended", ended)),
      ...(this.ended && known("dead", this.#dead.value)),
      attempt: this.#attempt,
      heard: this.#heard,
    };
  }
}

function attemptOf(event: CeleryEvent): number {
  const { attempt, retries } = event;
  if (typeof attempt === "number" && Number.isSafeInteger(attempt) && attempt > 0) return attempt;
  return typeof retries === "number" && Number.isSafeInteger(retries) && retries >= 0 ? retries + 1 : 1;
}

function callOf(event: CeleryEvent): Call {
  return {
    ...known("name", text(event["name"])),
    ...known("args", text(event["args"])),
    ...known("kwargs", text(event["kwargs"])),
    ...known("rootId", text(event["root_id"])),
    ...known("parentId", text(event["parent_id"])),
    ...known("group", text(event["group"])),
    ...known("eta", text(event["eta"])),
    ...known("expires", text(event["expires"])),
  };
}

function endOf(event: CeleryEvent): End {
  return {
    ...known("result", text(event["result"])),
    ...known("exception", text(event["exception"])),
    ...known("traceback", text(event["traceback"])),
    ...known("runtime", number(event["runtime"])),
  };
}

function progressOf(event: CeleryEvent): TaskRecord["progress"] {
  const done = number(event["done"]);
  if (done === undefined) return undefined;
  return { done, total: number(event["total"]) ?? null, note: text(event["note"]) ?? null };
}

function known<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}
function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
function number(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}
