/** The message of a planned step: its signature's options read as Celery reads them, the rest of its chain and its chord put beside the call. */

import type { TraceHeaders } from "../task/telemetry.ts";
import { isCompression, packMessage, type Compression, type Packing } from "../wire/compression.ts";
import { coverPrinted, pointersIn } from "../wire/cover.ts";
import { parseJson, resultLimits, stringifyJson } from "../wire/json.ts";
import type { Message } from "../wire/message.ts";
import { checkQueueName } from "../wire/name.ts";
import type { Signature } from "../wire/signature.ts";
import type { Embed } from "../wire/task-body.ts";
import { makeTaskMessage } from "../wire/task-message.ts";
import { parseTimestamp } from "../wire/timestamp.ts";
import { listOf, type Options, textIn } from "./composite.ts";
import type { Step } from "./plan.ts";
import { isRecord } from "../wire/record.ts";

/** Who sends. */
export interface Origin {
  /** The first task of the workflow; absent: each step that is sent now is its own. */
  readonly root?: string | undefined;
  readonly parent?: string | undefined;
  readonly stamps?: Readonly<Record<string, unknown>> | undefined;
  readonly origin?: string | undefined;
  /** Of the run that sends it: it wins over what the step carries, which is where its workflow was started. */
  readonly trace?: TraceHeaders | undefined;
}

export interface MessageContext {
  readonly from: Origin;
  /** Unix ms: what countdowns and relative expiry count from. */
  readonly now: number;
  /** Queue of a task whose signature names none. */
  readonly queueOf: (task: string) => string;
  readonly packing?: Packing | undefined;
  /** Embeds that several steps share, as text: one object for one sending. */
  readonly shared: Map<Signature, string>;
}

export interface StepMessage {
  readonly id: string;
  readonly task: string;
  readonly queue: string;
  readonly message: Message;
  /** Its `eta`, unix ms, if that lies ahead. */
  readonly due: number | undefined;
  /** How often the task of this id was replaced by another: then the id is sent again on purpose. */
  readonly nesting: number;
}

const encoder = new TextEncoder();

/** Throws NAME_INVALID, NOT_SERIALIZABLE, MESSAGE_TOO_LARGE (headers), MESSAGE_UNDECODABLE (callbacks that are no signatures). */
export function stepMessage(context: MessageContext, step: Step): StepMessage {
  const { signature, id, front } = step;
  const { options, task } = signature;
  const { from, now } = context;
  const eta = dueOf(options, now);
  const expires = typeof options["expires"] === "number" ? now + options["expires"] * 1000 : time(options["expires"]);
  const nesting = countOf(options["replaced_task_nesting"]);
  const draft = makeTaskMessage({
    task,
    id,
    shadow: textIn(options, "shadow"),
    args: [],
    kwargs: {},
    eta,
    expires,
    retries: countOf(options["retries"]),
    rootId: from.root,
    parentId: from.parent,
    group: step.group,
    groupIndex: step.groupIndex,
    priority: number(options["priority"]),
    timeLimit: limitOf(options),
    ignoreResult: typeof options["ignore_result"] === "boolean" ? options["ignore_result"] : undefined,
    origin: from.origin,
    replyTo: textIn(options, "reply_to"),
    replacedTaskNesting: nesting,
    headers: headersOf(options, from.trace),
    stamps: stampsOf(options, from.stamps),
  });
  // Text, not values: a result goes on as the exact bytes it was stored as, big integers included.
  const args = signature.args.map((arg) => stringifyJson(arg));
  if (front !== undefined && !signature.immutable) args.unshift(front);
  if (pointersIn(draft.headers).length > 0) {
    const ahead = front !== undefined && !signature.immutable ? [valueOf(front)] : [];
    coverPrinted(draft.headers, { args: [...ahead, ...signature.args], kwargs: signature.kwargs });
  }
  const body = `[[${args.join(",")}],${stringifyJson(signature.kwargs)},${embedText(context, step)}]`;
  const queue = textIn(options, "queue") ?? context.queueOf(task);
  checkQueueName(queue);
  return {
    id,
    task,
    queue,
    message: packed(context, options["compression"], { ...draft, body: encoder.encode(body) }),
    due: eta !== undefined && eta > now ? eta : undefined,
    nesting,
  };
}

/** Only to be printed. */
function valueOf(json: string): unknown {
  try {
    return parseJson(json, resultLimits);
  } catch {
    return json;
  }
}

function embedText({ shared }: MessageContext, { signature, chain, chord }: Step): string {
  const { link, link_error } = signature.options;
  const callbacks = listOf(link);
  const errbacks = listOf(link_error);
  const alone = callbacks.length + errbacks.length + chain.length === 0;
  if (alone && chord === null) return "{}";
  const known = alone && chord !== null ? shared.get(chord) : undefined;
  if (known !== undefined) return known;
  const embed: Embed = {
    callbacks: callbacks.length > 0 ? callbacks : null,
    errbacks: errbacks.length > 0 ? errbacks : null,
    chain: chain.length > 0 ? chain : null,
    chord,
  };
  const written = stringifyJson(embed, { root: "embed" });
  if (alone && chord !== null) shared.set(chord, written);
  return written;
}

function dueOf(options: Options, now: number): number | undefined {
  const countdown = options["countdown"];
  return typeof countdown === "number" && countdown > 0 ? now + countdown * 1000 : time(options["eta"]);
}

function limitOf(
  options: Options,
): { readonly hard: number | undefined; readonly soft: number | undefined } | undefined {
  const hard = seconds(options["time_limit"]);
  const soft = seconds(options["soft_time_limit"]);
  return hard === undefined && soft === undefined ? undefined : { hard, soft };
}

/** As the step says, however small, or as the app does. What cannot be packed so here is sent as it is, which every reader takes. */
function packed({ packing }: MessageContext, named: unknown, message: Message): Message {
  if (named === false) return message;
  if (isCompression(named)) return packMessage(message, named, 0);
  const method: Compression | undefined = packing?.compression;
  return method === undefined ? message : packMessage(message, method, packing?.compressOver ?? 0);
}

function headersOf(options: Options, trace: Origin["trace"]): Readonly<Record<string, unknown>> | undefined {
  const { headers } = options;
  const own = isRecord(headers) ? headers : undefined;
  return trace === undefined ? own : { ...own, ...trace };
}

/** Celery keeps a step's own stamps flat among its options; they win over those of the task before it. */
function stampsOf(options: Options, inherited: Origin["stamps"]): Origin["stamps"] {
  const names = options["stamped_headers"];
  if (!Array.isArray(names)) return inherited;
  const own = names.filter((name): name is string => typeof name === "string" && Object.hasOwn(options, name));
  if (own.length === 0) return inherited;
  return { ...inherited, ...Object.fromEntries(own.map((name) => [name, options[name]])) };
}

function number(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
function countOf(value: unknown): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : 0;
}
function seconds(value: unknown): number | undefined {
  return typeof value === "number" ? value * 1000 : undefined;
}
function time(value: unknown): number | undefined {
  if (value instanceof Date) return value.getTime();
  return typeof value === "string" ? parseTimestamp(value) : undefined;
}
