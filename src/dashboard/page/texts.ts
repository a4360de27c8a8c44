/** What a message holds, as text for people: its call, its parts, its bytes. Bounded, redacted, and it never throws. */

import type { RedactRule } from "../../task/redact.ts";
import type { TaskRegistry } from "../../task/registry.ts";
import { decompress } from "../../wire/compression.ts";
import { coverCall, pointersIn } from "../../wire/cover.ts";
import { coveredBody, withoutPrinted } from "../../wire/covered-body.ts";
import { decodeEnvelope } from "../../wire/envelope.ts";
import { stringifyJson } from "../../wire/json.ts";
import type { Message } from "../../wire/message.ts";
import { decodeCall, splitTaskBody } from "../../wire/task-body.ts";
import type { RawMessage } from "../contract.ts";
import type { DashboardSettings } from "../options.ts";

/** A body is unpacked up to this many bytes, so that looking at a bomb does no harm. */
const mostBytes = 4 * 1024 * 1024;
const mostText = 200_000;
const longestArgs = 1_000;
const bytesCovered = "*** (parts of this message are redacted, so its bytes are not shown)";

export interface Call {
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
}

/** Id, task and arguments of a message as it lies in a queue; what cannot be read is absent. */
export function outlineOf(
  raw: Uint8Array,
  redact: DashboardSettings["redact"],
  rules: Rules,
): { readonly id?: string; readonly task?: string; readonly priority?: number; readonly args?: string } {
  const message = decodeEnvelope(raw);
  if ("malformed" in message) return {};
  const { id, task } = message.headers;
  const call = shownCall(message, rules);
  const { priority } = message.properties;
  return {
    ...(typeof id === "string" && { id: id.slice(0, 512) }),
    ...(typeof task === "string" && { task: task.slice(0, 200) }),
    ...(priority !== undefined && { priority }),
    ...(call !== undefined && {
      args: redact(callText(call), { kind: "args", task: typeof task === "string" ? task : undefined }).slice(
        0,
        longestArgs,
      ),
    }),
  };
}

/** What tasks declare; of those that are not known here, their messages say it, if a sender of ours made them. */
export type Rules = Pick<TaskRegistry, "get">;

function ruleOf({ headers: { task } }: Message, rules: Rules): RedactRule | undefined {
  return typeof task === "string" ? rules.get(task)?.redact : undefined;
}

/** With what is to be covered covered; `undefined` where it is no call of protocol 2, or cannot be read. */
function shownCall(message: Message, rules: Rules): Call | undefined {
  try {
    const call = decodeCall(splitTaskBody(bodyOf(message)).call);
    return coverCall(call, [...pointersIn(message.headers), ...(ruleOf(message, rules)?.(call) ?? [])]);
  } catch {
    return undefined;
  }
}

/** Covered parts stand in the bytes of the message too, which are not shown then. */
function isCovered(message: Message, rules: Rules): boolean {
  try {
    return coveredBody(message.headers, bodyOf(message), ruleOf(message, rules)) !== undefined;
  } catch {
    return false;
  }
}

/** `["a.png"], {"width": 800}`, without the half that is empty. */
export function callText({ args, kwargs }: Call): string {
  const parts = [
    ...(args.length > 0 || Object.keys(kwargs).length === 0 ? [jsonText(args)] : []),
    ...(Object.keys(kwargs).length > 0 ? [jsonText(kwargs)] : []),
  ];
  return parts.join(", ");
}

export function rawMessage(
  raw: Uint8Array,
  place: Pick<RawMessage, "where" | "queue">,
  redact: DashboardSettings["redact"],
  rules: Rules,
): RawMessage {
  const message = decodeEnvelope(raw);
  if ("malformed" in message) return { ...place, ...textOf(raw, redact, undefined), headers: {}, properties: {} };
  const task = typeof message.headers["task"] === "string" ? message.headers["task"] : undefined;
  const cover = (text: string): string => redact(text, { kind: "message", task });
  const covered = isCovered(message, rules);
  return {
    ...place,
    ...(covered ? { text: bytesCovered, encoding: "utf-8" } : textOf(raw, redact, task)),
    headers: coveredHeaders(covered ? withoutPrinted(message.headers) : message.headers, cover),
    properties: { ...message.properties },
    ...decodedBody(message, rules, cover),
  };
}

function coveredHeaders(
  headers: Message["headers"],
  cover: (text: string) => string,
): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(cover(jsonText({ ...headers }))) as Readonly<Record<string, unknown>>;
  } catch {
    return {}; // what was put over it is no JSON
  }
}

function decodedBody(message: Message, rules: Rules, cover: (text: string) => string): { readonly body?: unknown } {
  const call = shownCall(message, rules);
  if (call === undefined) return {};
  try {
    return { body: JSON.parse(cover(jsonText([call.args, call.kwargs]))) as unknown };
  } catch {
    return {}; // what was put over it is no JSON
  }
}

function bodyOf({ headers, body }: Message): Uint8Array {
  const { compression } = headers;
  return typeof compression === "string" ? decompress(compression, body, mostBytes) : body;
}

/** UTF-8 where it is. */
function textOf(
  bytes: Uint8Array,
  redact: DashboardSettings["redact"],
  task: string | undefined,
): Pick<RawMessage, "text" | "encoding"> {
  const part = bytes.subarray(0, mostText);
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(part, { stream: part.byteLength < bytes.byteLength });
    return { text: redact(text, { kind: "message", task }), encoding: "utf-8" };
  } catch {
    return { text: Buffer.from(part).toString("base64"), encoding: "base64" };
  }
}

/** JSON of whatever was read; what JSON has no words for is written as text. */
export function jsonText(value: unknown): string {
  try {
    return stringifyJson(value);
  } catch {
    return JSON.stringify(value, (_key, member: unknown) => {
      if (typeof member === "number") return Number.isFinite(member) ? member : String(member);
      return typeof member === "bigint" || typeof member === "symbol" ? String(member) : member;
    });
  }
}
