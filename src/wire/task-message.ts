/** Task messages of protocol 2: what a worker reads from the headers, and what a producer writes. Lean: Celery reads a missing header as null. */

import { CeleriacError } from "../error/celeriac-error.ts";
import { callHeaders } from "./call-mark.ts";
import { jsonContentType } from "./content.ts";
import { coverPrinted, secretHeader } from "./cover.ts";
import { stringifyJson } from "./json.ts";
import type { Message, MessageProperties } from "./message.ts";
import { checkTaskName, isHostileTaskName } from "./name.ts";
import { argsRepr, kwargsRepr } from "./repr.ts";
import { type Embed, encodeTaskBody, protocolOne } from "./task-body.ts";
import { formatTimestamp, parseTimestamp } from "./timestamp.ts";
import { traceLength } from "./trace-header.ts";

export interface TaskHeaders {
  readonly task: string;
  readonly id: string;
  /** Name to show instead of `task`; never used to look one up. */
  readonly shadow: string | undefined;
  /** Unix milliseconds: not before this. */
  readonly eta: number | undefined;
  /** Unix milliseconds: not after this. */
  readonly expires: number | undefined;
  readonly group: string | undefined;
  readonly groupIndex: number | undefined;
  /** Earlier tries: 0 in the first message of a task. */
  readonly retries: number;
  /** Milliseconds; `undefined` = the task's own. */
  readonly timeLimit: { readonly hard: number | undefined; readonly soft: number | undefined };
  readonly rootId: string;
  readonly parentId: string | undefined;
  readonly ignoreResult: boolean | undefined;
  readonly origin: string | undefined;
  readonly replacedTaskNesting: number;
  /** Celery before 5.3.5 does not say it: what follows may bear an id that was sent before, by a task that was replaced since. */
  readonly nestingUnsaid?: true;
  readonly stampedHeaders: readonly string[];
  readonly stamps: Readonly<Record<string, unknown>>;
  /** Content type of the compression, if the body is compressed. */
  readonly compression: string | undefined;
  /** Neither Celery's own nor this library's. */
  readonly custom: Readonly<Record<string, unknown>>;
}

export interface TaskDraft {
  readonly task: string;
  readonly id: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly embed?: Embed | undefined;
  readonly shadow?: string | undefined;
  /** Unix milliseconds. */
  readonly eta?: number | undefined;
  readonly expires?: number | undefined;
  readonly retries?: number | undefined;
  /** Milliseconds. */
  readonly timeLimit?: { readonly hard?: number | undefined; readonly soft?: number | undefined } | undefined;
  readonly rootId?: string | undefined;
  readonly parentId?: string | undefined;
  readonly group?: string | undefined;
  readonly groupIndex?: number | undefined;
  readonly priority?: number | undefined;
  readonly replyTo?: string | undefined;
  readonly ignoreResult?: boolean | undefined;
  readonly origin?: string | undefined;
  readonly replacedTaskNesting?: number | undefined;
  readonly headers?: Readonly<Record<string, unknown>> | undefined;
  readonly stamps?: Readonly<Record<string, unknown>> | undefined;
  /** Write every header Celery writes, null ones and the printed arguments included. Default false. */
  readonly full?: boolean | undefined;
}

/** Headers with a meaning in Celery; custom ones cannot be called so. */
const celeryHeaders: ReadonlySet<string> = new Set(
  (
    "lang task id shadow eta expires group group_index retries timelimit root_id parent_id argsrepr kwargsrepr origin ignore_result " +
    "replaced_task_nesting stamped_headers stamps compression redelivered"
  ).split(" "),
);
const ownPrefix = "celeriac.";
/** Bytes of custom headers and stamps that `makeTaskMessage` takes; readers take `maxHeadBytes` for all headers together. */
const maxCustomBytes = 24 * 1024;
/** Ids end in keys, channels and logs. */
const idText = /^[^\p{Cc}\p{Cs}]{1,512}$/u;
const nothing: Readonly<Record<string, unknown>> = Object.freeze(Object.create(null) as Record<string, unknown>);
const noNames: readonly string[] = Object.freeze([]);
const noLimit: TaskHeaders["timeLimit"] = Object.freeze({ hard: undefined, soft: undefined });

/** Throws MESSAGE_UNDECODABLE, NAME_INVALID, or CONTENT_REFUSED for a message of protocol 1. */
export function readTaskHeaders(message: Message): TaskHeaders {
  const headers = message.headers;
  const { task, id } = headers;
  if (task === undefined || task === null) {
    if (looksLikeProtocolOne(message)) throw protocolOne();
    throw undecodable("it has no header `task`");
  }
  if (isHostileTaskName(task)) checkTaskName(task);
  if (typeof id !== "string" || !idText.test(id))
    throw undecodable("its header `id` is missing, empty or not printable");
  return {
    task: task as string,
    id,
    shadow: text(headers["shadow"]),
    eta: time("eta", headers["eta"]),
    expires: time("expires", headers["expires"]),
    group: text(headers["group"]),
    groupIndex: typeof headers["group_index"] === "number" ? headers["group_index"] : undefined,
    retries: count("retries", headers["retries"]),
    timeLimit: limits(headers["timelimit"]),
    rootId: text(headers["root_id"]) ?? id,
    parentId: text(headers["parent_id"]),
    ignoreResult: typeof headers["ignore_result"] === "boolean" ? headers["ignore_result"] : undefined,
    origin: text(headers["origin"]),
    replacedTaskNesting: count("replaced_task_nesting", headers["replaced_task_nesting"]),
    ...(isNestingUnsaid(headers) && { nestingUnsaid: true as const }),
    stampedHeaders: names(headers["stamped_headers"]),
    stamps: record(headers["stamps"]),
    compression: text(headers["compression"]),
    custom: customOf(headers),
  };
}

/** Throws NAME_INVALID, NOT_SERIALIZABLE, MESSAGE_TOO_LARGE (custom headers). */
export function makeTaskMessage(draft: TaskDraft): Message {
  checkTaskName(draft.task);
  if (!idText.test(draft.id)) throw nameInvalid("A task's id must be 1 to 512 printable characters.");
  const headers = draft.full === true ? fullHeaders(draft) : leanHeaders(draft);
  if (draft.stamps !== undefined) {
    headers["stamped_headers"] = Object.keys(draft.stamps);
    headers["stamps"] = draft.stamps;
  }
  if (draft.headers !== undefined) addCustom(headers, draft.headers);
  if (draft.headers !== undefined || draft.stamps !== undefined) checkCustom(draft);
  const properties: { -readonly [K in keyof MessageProperties]: MessageProperties[K] } = { correlationId: draft.id };
  if (draft.replyTo !== undefined) properties.replyTo = draft.replyTo;
  if (draft.priority !== undefined) properties.priority = draft.priority;
  const secrets: string[] = [];
  const body = encodeTaskBody(draft.args, draft.kwargs, draft.embed, secrets);
  if (secrets.length > 0) headers[secretHeader] = secrets;
  coverPrinted(headers, draft);
  return {
    headers,
    properties,
    contentType: jsonContentType,
    contentEncoding: "utf-8",
    body,
  };
}

export interface RetryChanges {
  readonly retries: number;
  /** Unix milliseconds; `undefined` = at once. */
  readonly eta: number | undefined;
  /** `undefined` leaves it as it is. */
  readonly parentId: string | undefined;
}

/** The same task once more: same id, same body bytes, same headers but these. It is a new publish, so not `redelivered`. */
export function retryMessage(message: Message, changes: RetryChanges): Message {
  const headers = Object.assign(Object.create(null) as Record<string, unknown>, message.headers);
  headers["retries"] = changes.retries;
  if (changes.eta !== undefined) headers["eta"] = formatTimestamp(changes.eta);
  else delete headers["eta"];
  if (changes.parentId !== undefined) headers["parent_id"] = changes.parentId;
  delete headers["redelivered"];
  const { messageId: _former, ...properties } = message.properties;
  return { ...message, headers, properties };
}

function leanHeaders(draft: TaskDraft): Record<string, unknown> {
  const headers: Record<string, unknown> = { task: draft.task, id: draft.id };
  if (draft.shadow !== undefined) headers["shadow"] = draft.shadow;
  if (draft.eta !== undefined) headers["eta"] = formatTimestamp(draft.eta);
  if (draft.expires !== undefined) headers["expires"] = formatTimestamp(draft.expires);
  if (draft.group !== undefined) headers["group"] = draft.group;
  if (draft.groupIndex !== undefined) headers["group_index"] = draft.groupIndex;
  if (draft.retries !== undefined && draft.retries !== 0) headers["retries"] = draft.retries;
  if (draft.timeLimit !== undefined) headers["timelimit"] = limitSeconds(draft.timeLimit);
  if (draft.rootId !== undefined && draft.rootId !== draft.id) headers["root_id"] = draft.rootId;
  if (draft.parentId !== undefined) headers["parent_id"] = draft.parentId;
  if (draft.origin !== undefined) headers["origin"] = draft.origin;
  if (draft.ignoreResult !== undefined) headers["ignore_result"] = draft.ignoreResult;
  if (draft.replacedTaskNesting !== undefined && draft.replacedTaskNesting !== 0)
    headers["replaced_task_nesting"] = draft.replacedTaskNesting;
  return Object.setPrototypeOf(headers, null) as Record<string, unknown>;
}

function fullHeaders(draft: TaskDraft): Record<string, unknown> {
  const headers: Record<string, unknown> = {
    lang: "js",
    task: draft.task,
    id: draft.id,
    shadow: draft.shadow ?? null,
    eta: draft.eta === undefined ? null : formatTimestamp(draft.eta),
    expires: draft.expires === undefined ? null : formatTimestamp(draft.expires),
    group: draft.group ?? null,
    group_index: draft.groupIndex ?? null,
    retries: draft.retries ?? 0,
    timelimit: limitSeconds(draft.timeLimit ?? {}),
    root_id: draft.rootId ?? draft.id,
    parent_id: draft.parentId ?? null,
    argsrepr: argsRepr(draft.args),
    kwargsrepr: kwargsRepr(draft.kwargs),
    origin: draft.origin ?? null,
    ignore_result: draft.ignoreResult ?? false,
    replaced_task_nesting: draft.replacedTaskNesting ?? 0,
    stamped_headers: null,
    stamps: {},
  };
  return Object.setPrototypeOf(headers, null) as Record<string, unknown>;
}

function addCustom(headers: Record<string, unknown>, custom: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(custom)) {
    if (value === undefined) continue;
    if (celeryHeaders.has(name) || (name.startsWith(ownPrefix) && !callHeaders.has(name)) || name === "__proto__")
      throw nameInvalid(
        `A custom header cannot be called ${JSON.stringify(name)}: that name has a meaning of its own.`,
      );
    headers[name] = value;
  }
}
/** Found here, at the producer: a message with headers over the limit would be dead on arrival. */
function checkCustom(draft: TaskDraft): void {
  const length =
    (draft.headers === undefined ? 0 : stringifyJson(draft.headers, { root: "headers", onSecret: "refuse" }).length) +
    (draft.stamps === undefined ? 0 : stringifyJson(draft.stamps, { root: "stamps", onSecret: "refuse" }).length);
  if (length <= maxCustomBytes || length - traceLength(draft.headers ?? {}) <= maxCustomBytes) return;
  throw new CeleriacError(
    "MESSAGE_TOO_LARGE",
    `Custom headers and stamps take ${length} characters; the limit is ${maxCustomBytes}. Put data into the input instead.`,
    { details: { limit: maxCustomBytes } },
  );
}

function customOf(headers: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  let custom: Record<string, unknown> | undefined;
  for (const name in headers) {
    if (celeryHeaders.has(name) || name.startsWith(ownPrefix)) continue;
    custom ??= Object.create(null) as Record<string, unknown>;
    custom[name] = headers[name];
  }
  return custom ?? nothing;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
function time(name: string, value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (value instanceof Date) return value.getTime();
  const moment = typeof value === "string" ? parseTimestamp(value) : undefined;
  if (moment === undefined) throw undecodable(`its header \`${name}\` is not an ISO 8601 time`);
  return moment;
}
/** Whether a message of these headers leaves it unsaid how often its id was replaced, as Celery before 5.3.5 does. */
export const isNestingUnsaid = ({ lang, replaced_task_nesting }: Readonly<Record<string, unknown>>): boolean =>
  lang === "py" && replaced_task_nesting === undefined;

function count(name: string, value: unknown): number {
  if (value === undefined || value === null) return 0;
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0)
    throw undecodable(`its header \`${name}\` is not a count`);
  return value;
}
/** `[hard, soft]` in seconds, either may be null. Zero and less mean none, as in Celery. */
function limits(value: unknown): TaskHeaders["timeLimit"] {
  if (!Array.isArray(value)) {
    if (value === undefined || value === null) return noLimit;
    throw undecodable("its header `timelimit` is not [hard, soft]");
  }
  const hard = limitMillis(value[0]);
  const soft = limitMillis(value[1]);
  return hard === undefined && soft === undefined ? noLimit : { hard, soft };
}
function limitMillis(seconds: unknown): number | undefined {
  return typeof seconds === "number" && Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined;
}
function limitSeconds(limit: NonNullable<TaskDraft["timeLimit"]>): [number | null, number | null] {
  return [limit.hard === undefined ? null : limit.hard / 1000, limit.soft === undefined ? null : limit.soft / 1000];
}
function names(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((name): name is string => typeof name === "string") : noNames;
}
function record(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return nothing;
  for (const _ in value) return value as Record<string, unknown>;
  return nothing;
}
function looksLikeProtocolOne(message: Message): boolean {
  const first = message.body.find((byte) => byte > 32);
  return first === 123 && message.contentType === jsonContentType;
}

function undecodable(why: string): CeleriacError {
  return new CeleriacError("MESSAGE_UNDECODABLE", `The task message cannot be read: ${why}.`);
}
function nameInvalid(why: string): CeleriacError {
  return new CeleriacError("NAME_INVALID", why);
}
