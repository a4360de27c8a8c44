/**
 * A task's event as what the history keeps of it: a step, facts about the task, progress, a log line. Takes nothing on trust: whoever
 * reaches the broker can send events, so every field is checked and cut.
 */

import type { PlannedStep } from "../../event/planned.ts";
import type { CeleryEvent } from "../../wire/event.ts";
import type { StepKind } from "../contract.ts";
import { beforeItRan } from "./fold.ts";
import type { Step } from "./step.ts";

/** What is the same whenever it is asked; of two values the later one counts. */
export const factNames = [
  "task",
  "args",
  "kwargs",
  "root",
  "parent",
  "group",
  "eta",
  "expires",
  "result",
  "error",
  "trace",
] as const;
export type FactName = (typeof factNames)[number];

export interface LogRecord {
  readonly at: number;
  readonly clock: number;
  readonly level: string;
  readonly text: string;
  readonly fields: string | undefined;
  readonly attempt: number | undefined;
}

/** What one event says of one task. */
export interface Saying {
  readonly id: string;
  readonly at: number;
  readonly step?: Step;
  readonly facts?: Readonly<Partial<Record<FactName, string | number>>>;
  readonly progress?: readonly [done: number, total: number | null, note: string | null];
  readonly log?: LogRecord;
  /** Of no use where nothing else is known of the task. */
  readonly besides?: true;
  /** Steps that are sent after it. */
  readonly planned?: readonly PlannedStep[];
}

const limit = { name: 255, args: 2_000, error: 300, fullError: 4_000, trace: 16_000, log: 4_000 } as const;
/** Moments outside of it (the year 2001 to 5138) are nonsense. */
const earliest = 1e12;
const latest = 1e14;

/** Of one event. */
const mostPlanned = 50;

const kinds: Readonly<Record<string, StepKind>> = {
  "task-sent": "sent",
  "task-received": "received",
  "task-started": "started",
  "task-succeeded": "succeeded",
  "task-failed": "failed",
  "task-retried": "retried",
  "task-revoked": "revoked",
  "task-rejected": "rejected",
  "task-cancelled": "returned",
  "celeriac-dead": "dead",
  "celeriac-returned": "returned",
  "celeriac-checkpoint": "checkpoint",
};

/** `undefined`: not of a task, or unusable. */
export function readTaskEvent(event: CeleryEvent): Saying | undefined {
  const id = event["uuid"];
  if (typeof id !== "string" || id === "" || id.length > 255) return undefined;
  const at = momentOf(event.timestamp);
  if (at === undefined) return undefined;
  if (event.type === "celeriac-progress") {
    const done = number(event["done"]);
    if (done === undefined) return undefined;
    return { id, at, progress: [done, number(event["total"]) ?? null, text(event["note"], limit.name) ?? null] };
  }
  if (event.type === "celeriac-log") return { id, at, log: logOf(event, at) };
  if (event.type === "celeriac-revoked")
    return { id, at, step: { kind: "revoked", at, text: beforeItRan }, besides: true };
  const kind = kinds[event.type] ?? (event.type.startsWith("task-") ? "event" : undefined);
  if (kind === undefined) return undefined;
  const rejected = kind === "rejected" && event["requeue"] === true;
  const crashed = kind === "returned" && event["culprit"] !== undefined;
  const planned = kind === "sent" || kind === "received" ? plannedOf(event["planned"]) : [];
  const step = stepOf(event, rejected ? "returned" : crashed ? "crashed" : kind, at);
  return { id, at, step, facts: factsOf(event, step.kind), ...(planned.length > 0 && { planned }) };
}

function plannedOf(value: unknown): readonly PlannedStep[] {
  if (!Array.isArray(value)) return [];
  return (value as unknown[]).slice(0, mostPlanned).flatMap((each) => {
    if (typeof each !== "object" || each === null) return [];
    const { id, name, after, joins, group } = each as Readonly<Record<string, unknown>>;
    if (!isId(id) || typeof name !== "string" || name === "") return [];
    return [
      {
        id,
        name: name.slice(0, limit.name),
        after: Array.isArray(after) ? (after as unknown[]).slice(0, mostPlanned).filter(isId) : [],
        ...(isId(joins) && { joins }),
        ...(isId(group) && { group }),
      },
    ];
  });
}

function isId(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= 255;
}

function stepOf(event: CeleryEvent, kind: StepKind, at: number): Step {
  const retries = number(event["retries"]);
  return {
    kind,
    at,
    // A producer's name is none of a worker.
    worker: kind === "sent" ? undefined : text(event.hostname, limit.name),
    pid: kind === "sent" ? undefined : (number(event["child"]) ?? number(event.pid)),
    attempt: number(event["attempt"]) ?? (retries === undefined ? undefined : retries + 1),
    fence: number(event["fence"]),
    text: stepText(event, kind),
    due: dueOf(event, kind, at),
    queue: text(event["queue"], limit.name),
  };
}

function dueOf(event: CeleryEvent, kind: StepKind, at: number): number | undefined {
  if (kind === "sent" || kind === "received") return dateOf(event["eta"]);
  const delay = kind === "retried" ? number(event["delay"]) : undefined;
  return delay === undefined || delay < 0 || delay > 1e9 ? undefined : at + Math.round(delay * 1000);
}

function stepText(event: CeleryEvent, kind: StepKind): string | undefined {
  switch (kind) {
    case "failed":
    case "retried":
      return text(event["exception"], limit.error);
    case "dead":
      return text(
        [event["reason"], event["detail"]].filter((part) => typeof part === "string").join(": "),
        limit.error,
      );
    case "returned":
    case "crashed":
      return text(event["why"] ?? event.type.slice(5), limit.error);
    case "checkpoint":
      return text(event["checkpoint"] ?? event["name"], limit.name);
    case "revoked":
      return event["expired"] === true ? "expired" : event["terminated"] === true ? "terminated" : undefined;
    case "event":
      return text(event.type, limit.name);
    case "sent":
    case "received":
    case "started":
    case "succeeded":
    case "rejected":
    case "progress":
      return undefined;
  }
}

function factsOf(event: CeleryEvent, kind: StepKind): Partial<Record<FactName, string | number>> {
  const facts: Partial<Record<FactName, string | number>> = {};
  const put = (name: FactName, value: string | number | undefined): void => {
    if (value !== undefined) facts[name] = value;
  };
  if (event["root_id"] !== event["uuid"]) put("root", text(event["root_id"], limit.name));
  put("parent", text(event["parent_id"], limit.name));
  put("group", text(event["group"], limit.name));
  if (kind !== "event") put("task", text(event["name"], limit.name));
  if (kind === "sent" || kind === "received") {
    put("args", text(event["args"], limit.args));
    put("kwargs", text(event["kwargs"], limit.args));
    put("eta", dateOf(event["eta"]));
    put("expires", dateOf(event["expires"]));
  }
  if (kind === "succeeded") put("result", text(event["result"], limit.args));
  if (kind === "failed" || kind === "retried") {
    put("error", text(event["exception"], limit.fullError));
    put("trace", text(event["traceback"], limit.trace));
  }
  if (kind === "crashed") put("error", text(event["why"], limit.fullError));
  return facts;
}

function logOf(event: CeleryEvent, at: number): LogRecord {
  const fields = event["fields"];
  const level = event["level"];
  return {
    at,
    clock: number(event.clock) ?? 0,
    level: typeof level === "string" ? level.slice(0, 16) : typeof level === "number" ? String(level) : "info",
    text: text(event["text"], limit.log) ?? "",
    fields: typeof fields === "object" && fields !== null ? cutJson(fields) : text(fields, limit.log),
    attempt: number(event["attempt"]),
  };
}

function cutJson(fields: object): string | undefined {
  const json = JSON.stringify(fields);
  return json.length <= limit.log ? json : undefined;
}

/** Unix seconds as whole ms. */
export function momentOf(seconds: unknown): number | undefined {
  if (typeof seconds !== "number") return undefined;
  const at = Math.floor(seconds * 1000 + 1e-4); // 1.001 s is 1000.9999999999999 ms
  return at >= earliest && at <= latest ? at : undefined;
}

/** ISO 8601 as Celery writes it; without a zone it is UTC. */
function dateOf(value: unknown): number | undefined {
  if (typeof value !== "string" || value.length > 40) return undefined;
  const at = Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/.test(value) ? value : `${value}Z`);
  return at >= earliest && at <= latest ? at : undefined;
}

export function number(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(Math.trunc(value)) ? value : undefined;
}

export function text(value: unknown, most: number): string | undefined {
  if (typeof value === "string")
    return value === "" ? undefined : value.length <= most ? value : `${value.slice(0, most - 1)}…`;
  if (value === undefined || value === null) return undefined;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
}
