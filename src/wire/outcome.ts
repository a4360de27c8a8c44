/**
 * Task meta: how an outcome is stored for Celery's clients. `status` is written first, so that a store can tell a final one by the
 * start of the text alone.
 */

import { Buffer } from "node:buffer";

import { CeleriacError } from "../error/celeriac-error.ts";
import { parseJson, resultLimits, stringifyJson } from "./json.ts";
import { formatTimestamp, parseTimestamp } from "./timestamp.ts";
import { bufferOf } from "./utf8.ts";

/**
 * Bytes of a stored outcome, counted before it is read. `mostResultBytes` is what a worker may be told to let a handler return; the rest is for
 * Celery's extended members, the arguments among them.
 */
const mostMetaBytes = 128 * 1024 * 1024;
export const mostResultBytes: number = 64 * 1024 * 1024;

/** Celery's name for a result elsewhere: `[[id, parent], null]`, or for a group `[[id, parent], [child, …]]`. */
export type ResultTuple = readonly [readonly [id: string, parent: unknown], readonly unknown[] | null];

export interface CeleriacMeta {
  /** Finer than Celery's states: a FAILURE whose message is in the dead letters, a REVOKED that came too late. */
  readonly outcome?: "dead" | "expired" | undefined;
  readonly fence?: number | undefined;
}

export interface TaskMetaDraft {
  readonly id: string;
  readonly status: string;
  /** `json` is trusted to be JSON and taken over untouched. */
  readonly result: { readonly json: string | Uint8Array } | { readonly value: unknown };
  readonly traceback: string | null;
  /** Tasks that this one sent, by id or as Celery's tuples. `null` = unknown. Default none. */
  readonly children?: readonly (string | ResultTuple)[] | null | undefined;
  /** Unix milliseconds, or what `formatTimestamp` made of them; null while the task is not done. */
  readonly dateDone: number | string | null;
  readonly group?: string | undefined;
  readonly parent?: string | undefined;
  readonly celeriac?: CeleriacMeta | undefined;
}

export interface TaskMeta {
  readonly id: string;
  readonly status: string;
  readonly result: unknown;
  readonly traceback: string | null;
  readonly children: readonly ResultTuple[] | null;
  /** Unix milliseconds. */
  readonly dateDone: number | null;
  readonly group: string | undefined;
  readonly parent: string | undefined;
  readonly celeriac: CeleriacMeta | undefined;
  /** With Celery's `result_extended`: `name`, `args`, `kwargs`, `worker`, `retries`, `queue`, stamps. */
  readonly extended: Readonly<Record<string, unknown>>;
}

const metaFields: ReadonlySet<string> = new Set([
  "status",
  "result",
  "traceback",
  "children",
  "date_done",
  "group_id",
  "parent_id",
  "celeriac",
  "task_id",
]);

/** Throws NOT_SERIALIZABLE for a `value` that cannot be written. */
export function encodeTaskMeta(meta: TaskMetaDraft): Uint8Array {
  const written = writeTaskMeta(meta);
  return typeof written === "string" ? Buffer.from(written, "utf8") : written;
}

/** The same as text, unless its result is bytes. */
export function writeTaskMeta(meta: TaskMetaDraft): string | Uint8Array {
  const { result } = meta;
  const [head, tail] = [headOf(meta), tailOf(meta)];
  const json = "json" in result ? result.json : stringifyJson(result.value, { root: "result" });
  if (typeof json === "string") return head + json + tail;
  const before = Buffer.byteLength(head);
  const bytes = Buffer.allocUnsafe(before + json.byteLength + Buffer.byteLength(tail));
  bytes.write(head, 0, "utf8");
  bytes.set(json, before);
  bytes.write(tail, before + json.byteLength, "utf8");
  return bytes;
}

function headOf({ status }: Pick<TaskMetaDraft, "status">): string {
  return `{"status":${JSON.stringify(status)},"result":`;
}

function tailOf(meta: Omit<TaskMetaDraft, "result">): string {
  return (
    `,"traceback":${meta.traceback === null ? "null" : JSON.stringify(meta.traceback)},"children":${childrenText(meta.children)}` +
    `,"date_done":${doneText(meta.dateDone)}` +
    (meta.group === undefined ? "" : `,"group_id":${JSON.stringify(meta.group)}`) +
    (meta.parent === undefined ? "" : `,"parent_id":${JSON.stringify(meta.parent)}`) +
    (meta.celeriac === undefined ? "" : `,"celeriac":${JSON.stringify(meta.celeriac)}`) +
    `,"task_id":${JSON.stringify(meta.id)}}`
  );
}

/**
 * The same meta with more members, as Celery's `result_extended` has them; what bears the name of a member that is there already is left
 * out. Throws NOT_SERIALIZABLE.
 */
export function extendTaskMeta(meta: Uint8Array, id: string, members: Readonly<Record<string, unknown>>): Uint8Array {
  const bytes = bufferOf(meta);
  const tail = Buffer.from(`,"task_id":${JSON.stringify(id)}}`, "utf8");
  const cut = bytes.length - tail.length;
  if (cut < 0 || bytes.compare(tail, 0, tail.length, cut) !== 0) return meta;
  const added = Object.entries(members).filter(([name]) => !metaFields.has(name));
  if (added.length === 0) return meta;
  const text = stringifyJson(Object.fromEntries(added), { root: "result" });
  return Buffer.concat([bytes.subarray(0, cut), Buffer.from(`,${text.slice(1, -1)}`, "utf8"), tail]);
}

function doneText(done: TaskMetaDraft["dateDone"]): string {
  if (done === null) return "null";
  return `"${typeof done === "string" ? done : formatTimestamp(done)}"`;
}

function childrenText(children: TaskMetaDraft["children"]): string {
  if (children === undefined) return "[]";
  if (children === null) return "null";
  if (children.length === 0) return "[]";
  return JSON.stringify(children.map((child) => (typeof child === "string" ? [[child, null], null] : child)));
}

/** Throws MESSAGE_UNDECODABLE if the bytes are no task meta, or too many. */
export function decodeTaskMeta(bytes: Uint8Array): TaskMeta {
  if (bytes.byteLength > mostMetaBytes)
    throw unreadable(`it has ${bytes.byteLength} bytes, and ${mostMetaBytes} are the most that is read`);
  const value = parseJson(bytes, resultLimits);
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw unreadable("it is not an object");
  const meta = value as Record<string, unknown>;
  const { status, traceback, children, date_done, group_id, parent_id, task_id } = meta;
  if (typeof status !== "string" || status === "") throw unreadable("it has no status");
  return {
    id: typeof task_id === "string" ? task_id : "",
    status,
    result: meta["result"] ?? null,
    traceback: typeof traceback === "string" ? traceback : null,
    children: Array.isArray(children) ? children.filter(isResultTuple) : null,
    dateDone: moment(date_done),
    group: typeof group_id === "string" ? group_id : undefined,
    parent: typeof parent_id === "string" ? parent_id : undefined,
    celeriac: celeriacOf(meta["celeriac"]),
    extended: extendedOf(meta),
  };
}

function moment(value: unknown): number | null {
  if (value instanceof Date) return value.getTime();
  return typeof value === "string" ? (parseTimestamp(value) ?? null) : null;
}
function celeriacOf(value: unknown): CeleriacMeta | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { outcome, fence } = value as Record<string, unknown>;
  return {
    outcome: outcome === "dead" || outcome === "expired" ? outcome : undefined,
    fence: typeof fence === "number" ? fence : undefined,
  };
}
function extendedOf(meta: Record<string, unknown>): Readonly<Record<string, unknown>> {
  const extended = Object.create(null) as Record<string, unknown>;
  for (const [key, value] of Object.entries(meta)) if (!metaFields.has(key)) extended[key] = value;
  return extended;
}
function isResultTuple(value: unknown): value is ResultTuple {
  if (!Array.isArray(value)) return false;
  const [name, children] = value as unknown[];
  return Array.isArray(name) && typeof name[0] === "string" && (children === null || Array.isArray(children));
}
function unreadable(why: string): CeleriacError {
  return new CeleriacError("MESSAGE_UNDECODABLE", `The stored result cannot be read: ${why}.`);
}

/** Celery's three; nothing else ends a wait, in Python either. */
export function isFinal(state: string): boolean {
  return state === "SUCCESS" || state === "FAILURE" || state === "REVOKED";
}
