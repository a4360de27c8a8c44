/**
 * From a call to the message that carries it: ids, lineage, times and limits are decided here, once, so that every repeat of
 * an unclear send is the same send. A draft is plain data and crosses from a pool child to its worker as JSON.
 */

import { randomUUID } from "node:crypto";
import { answeringTo } from "../canvas/composite.ts";
import type { Clock } from "../clock/clock.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { Outgoing } from "../port/broker.ts";
import type { CallClaim } from "../task/calls.ts";
import { type Duration, durationMs } from "../task/duration.ts";
import { checkPriority, refuseUnknown } from "../task/options.ts";
import type { TaskDefinition } from "../task/definition.ts";
import type { RunningTask } from "../task/running.ts";
import type { AnySignature } from "../task/signature.ts";
import { type Compression, compressions, isCompression, packMessage, type Packing } from "../wire/compression.ts";
import { pointerOf, secretHeader } from "../wire/cover.ts";
import { parseJson, stringifyJson } from "../wire/json.ts";
import { checkQueueName, checkTaskName } from "../wire/name.ts";
import type { Signature as WireSignature } from "../wire/signature.ts";
import { makeTaskMessage } from "../wire/task-message.ts";
import { checkClaimed, markOf, ruleOf } from "./call-claim.ts";
import type { AppConfig } from "./config.ts";
import { dueOf, expiresOf, invalidSend, windowOf } from "./send-time.ts";
import { checkTaskId, type TaskIds } from "./task-id.ts";

/** How one call is sent. Everything is optional; what is absent comes from the task's declaration. */
export interface SendOptions {
  /** Default: the task's own queue. */
  readonly queue?: string | undefined;
  /** Not started earlier than this from now on; the broker holds it. Excludes `eta`. */
  readonly delay?: Duration | undefined;
  /** Not started before this moment; the broker holds it. */
  readonly eta?: Date | undefined;
  /** Not started later: a length from now on, or a moment. */
  readonly expires?: Duration | Date | undefined;
  /** Wire number 0…255; which end comes first is the broker's custom. */
  readonly priority?: number | undefined;
  /** Retries that count as used already. Default 0. */
  readonly retries?: number | undefined;
  /** Hard limit for this call; wins over the task's own. */
  readonly timeLimit?: Duration | undefined;
  /** Soft limit for this call; wins over the task's own. */
  readonly softTimeLimit?: Duration | undefined;
  /** Makes the call idempotent: a second one with this id within 24 hours is reported as `duplicate`. */
  readonly id?: string | undefined;
  /** Own headers, read as `ctx.headers`; Celery's names and "celeriac.*" are refused. */
  readonly headers?: Readonly<Record<string, unknown>> | undefined;
  /** Store no result of this call. */
  readonly ignoreResult?: boolean | undefined;
  /** Pack this call's arguments, however small; `false`: don't. Default: the app's `compression`, for what is over `compressOver`. */
  readonly compression?: Compression | false | undefined;
  /** Sent with the result when the task succeeds. */
  readonly link?: AnySignature | readonly AnySignature[] | undefined;
  /** Sent with the failed id when the task fails for good. */
  readonly linkError?: AnySignature | readonly AnySignature[] | undefined;
  /** Gives up waiting for the broker's answer. The task may have been accepted all the same. */
  readonly signal?: AbortSignal | undefined;
  /** Longest wait for the broker's answer. Default: the app's `publishTimeout`. */
  readonly timeout?: Duration | undefined;
}

/** One call by name, with arguments as they go on the wire. */
export interface SendRequest {
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly options: SendOptions;
  /** In place of those that the options name. */
  readonly headers?: Readonly<Record<string, unknown>> | undefined;
  /** What the task declares, where the options say nothing. */
  readonly declared?: Pick<TaskDefinition, "queue" | "priority" | "expires" | "ignoreResult"> | undefined;
  /** The key that it has in common with other calls of its task. */
  readonly claim?: CallClaim | undefined;
}

/** A call with everything decided. */
export interface Draft {
  readonly task: string;
  readonly id: string;
  readonly nonce: string;
  /** How long a second publish of this id is a duplicate, ms. */
  readonly window: number;
  readonly queue: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly due: number | undefined;
  readonly expires: number | undefined;
  readonly priority: number | undefined;
  readonly retries: number;
  readonly hard: number | undefined;
  readonly soft: number | undefined;
  readonly headers: Readonly<Record<string, unknown>> | undefined;
  readonly ignoreResult: boolean | undefined;
  readonly compression: Compression | false | undefined;
  readonly callbacks: readonly WireSignature[];
  readonly errbacks: readonly WireSignature[];
  readonly root: string;
  readonly parent: string | undefined;
  readonly stamps: Readonly<Record<string, unknown>> | undefined;
  readonly claim?: CallClaim | undefined;
  /** Of one that takes the place of the task whose id it bears: the id under which it is itself known to have been sent. */
  readonly once?: string | undefined;
}

const known: Readonly<Record<keyof SendOptions, true>> = {
  compression: true,
  delay: true,
  eta: true,
  expires: true,
  headers: true,
  id: true,
  ignoreResult: true,
  link: true,
  linkError: true,
  priority: true,
  queue: true,
  retries: true,
  signal: true,
  softTimeLimit: true,
  timeLimit: true,
  timeout: true,
};
const names = Object.keys(known);
const noLinks: readonly WireSignature[] = [];

/** What a draft is made with. */
export interface Drafting {
  readonly config: Pick<AppConfig, "defaultQueue" | "publishTimeout">;
  readonly clock: Clock;
  readonly ids: TaskIds;
  readonly running: RunningTask | undefined;
}

/**
 * Checks a call and decides what is open in it; of the limits the worker knows the task's own. Throws NAME_INVALID, CONFIG_INVALID or
 * DURATION_INVALID.
 */
export function draftOf(request: SendRequest, { config, clock, ids, running }: Drafting): Draft {
  const { task, options, declared, claim } = request;
  const subject = `"${task}"`;
  checkTaskName(task);
  for (const name in options) if (!Object.hasOwn(known, name)) refuseUnknown(options, names, `enqueue of ${subject}`);
  const queue = options.queue ?? declared?.queue ?? config.defaultQueue;
  checkQueueName(queue);
  const priority = options.priority ?? declared?.priority;
  if (priority !== undefined) checkPriority(priority, `enqueue of ${subject}`);
  if (options.id !== undefined) checkTaskId(options.id);
  if (claim !== undefined) checkClaimed(claim, options, subject);
  const retries = options.retries ?? 0;
  if (!(Number.isSafeInteger(retries) && retries >= 0))
    throw invalidSend(subject, "retries must be a whole number of at least 0");
  if (options.compression !== undefined && options.compression !== false && !isCompression(options.compression))
    throw invalidSend(subject, `compression must be one of ${compressions.join(", ")}, or false`);
  const now = clock.now();
  const id = options.id ?? ids.next(now);
  const timeout = options.timeout === undefined ? config.publishTimeout : durationMs(options.timeout, "timeout");
  const { link, linkError } = options;
  const expires = options.expires ?? declared?.expires;
  return {
    task,
    id,
    // A generated id is new with every call, so it names the call as well.
    nonce: options.id === undefined ? id : randomUUID(),
    window: windowOf(options.id !== undefined, timeout),
    queue,
    args: request.args,
    kwargs: request.kwargs,
    due: dueOf(options, now, subject),
    expires: expires === undefined ? undefined : expiresOf(expires, now, subject),
    priority,
    retries,
    hard: options.timeLimit === undefined ? undefined : durationMs(options.timeLimit, "timeLimit"),
    soft: options.softTimeLimit === undefined ? undefined : durationMs(options.softTimeLimit, "softTimeLimit"),
    headers: request.headers ?? options.headers,
    ignoreResult: options.ignoreResult ?? (declared?.ignoreResult === true ? true : undefined),
    compression: options.compression,
    callbacks: link === undefined ? noLinks : frozen(link, () => ids.next(now)),
    errbacks: linkError === undefined ? noLinks : frozen(linkError, () => ids.next(now)),
    root: running?.lineage.root ?? id,
    parent: running?.lineage.parent,
    stamps: running?.lineage.stamps,
    claim,
  };
}

/** What the app knows and a draft does not. */
export interface Sending extends Packing {
  readonly origin: string;
  readonly maxMessageBytes: number;
  /** False: a delayed call of this task goes to its queue at once, and its header `eta` tells whoever takes it to wait. */
  readonly isHeld: (task: string) => boolean;
  readonly replyTo: string | undefined;
}

/** The message of a draft. Throws NOT_SERIALIZABLE with the path, MESSAGE_TOO_LARGE, or NAME_INVALID for a reserved header. */
export function outgoingOf(draft: Draft, sending: Sending): Outgoing {
  const { origin, maxMessageBytes, isHeld, replyTo } = sending;
  const { due, headers, claim } = draft;
  const message = makeTaskMessage({
    task: draft.task,
    id: draft.id,
    args: draft.args,
    kwargs: draft.kwargs,
    embed: embedOf(draft, replyTo),
    eta: due,
    expires: draft.expires,
    retries: draft.retries,
    timeLimit: (draft.hard ?? draft.soft) === undefined ? undefined : { hard: draft.hard, soft: draft.soft },
    rootId: draft.root,
    parentId: draft.parent,
    priority: draft.priority,
    ignoreResult: draft.ignoreResult,
    origin,
    replyTo,
    headers: claim === undefined ? headers : { ...headers, ...markOf(claim, draft.queue) },
    stamps: draft.stamps,
  });
  if (message.body.byteLength > maxMessageBytes)
    throw tooLarge(draft.task, draft.id, message.body.byteLength, maxMessageBytes);
  const method = draft.compression ?? sending.compression;
  const outgoing: { -readonly [K in keyof Outgoing]: Outgoing[K] } = {
    queue: draft.queue,
    message: method ? packMessage(message, method, draft.compression ? 0 : sending.compressOver) : message,
    dedupe: { id: draft.once ?? draft.id, nonce: draft.nonce, window: draft.window },
  };
  if (due !== undefined && isHeld(draft.task)) outgoing.due = due;
  if (claim !== undefined) outgoing.call = ruleOf(claim, draft.once && draft.id);
  return outgoing;
}

/** MESSAGE_TOO_LARGE, with what to do instead. */
export function tooLarge(task: string, id: string, bytes: number | undefined, limit: number): CeleriacError {
  const size = bytes === undefined ? "" : `${bytes} bytes, `;
  return new CeleriacError(
    "MESSAGE_TOO_LARGE",
    `The message of "${task}" is too large: ${size}the limit is ${limit}. Put the data into a file or a store and send its name, or raise maxMessageBytes.`,
    { details: { task, id, limit, ...(bytes !== undefined && { bytes }) } },
  );
}

/** A draft as text, for the way from a pool child to its worker; lossless for all that a message can carry. */
export function packDraft(draft: Draft): string {
  const { args, kwargs, ...rest } = draft;
  const secrets: string[] = [];
  const onSecret = ([root, ...path]: readonly (string | number)[]): void =>
    void secrets.push(pointerOf([root === 0 ? "args" : "kwargs", ...path]));
  const call = stringifyJson([args, kwargs], { onSecret });
  const headers = secrets.length === 0 ? rest.headers : { ...rest.headers, [secretHeader]: secrets };
  return stringifyJson({ ...rest, headers, call });
}

/** The draft again; names are checked anew, because a child runs user code. Throws MESSAGE_UNDECODABLE, NAME_INVALID, CONFIG_INVALID. */
export function unpackDraft(text: string): Draft {
  const draft = parseJson(text) as (Omit<Draft, "args" | "kwargs"> & { readonly call: unknown }) | null;
  if (draft === null || typeof draft.call !== "string") throw noDraft();
  const { call, ...rest } = draft;
  const parts: unknown = parseJson(call);
  if (!Array.isArray(parts)) throw noDraft();
  const [args, kwargs] = parts as [readonly unknown[], Readonly<Record<string, unknown>>];
  checkTaskName(rest.task);
  checkQueueName(rest.queue);
  checkTaskId(rest.id);
  if (rest.compression && !isCompression(rest.compression))
    throw invalidSend(`"${rest.task}"`, "it names no known compression");
  return { ...rest, args, kwargs };
}

/** MESSAGE_UNDECODABLE. */
export function noDraft(): CeleriacError {
  return new CeleriacError("MESSAGE_UNDECODABLE", "A pool child asked to send something that is no draft.");
}

function embedOf(draft: Draft, replyTo: string | undefined): Parameters<typeof makeTaskMessage>[0]["embed"] {
  if (draft.callbacks.length === 0 && draft.errbacks.length === 0) return undefined;
  const written = (all: readonly WireSignature[]): WireSignature[] | null =>
    all.length === 0 ? null : all.map((each) => (replyTo === undefined ? each : answeringTo(each, replyTo)));
  return { callbacks: written(draft.callbacks), errbacks: written(draft.errbacks), chain: null, chord: null };
}

function frozen(link: NonNullable<SendOptions["link"]>, newId: () => string): readonly WireSignature[] {
  return (Array.isArray(link) ? (link as readonly AnySignature[]) : [link as AnySignature]).map((each) =>
    each.freeze(newId),
  );
}
