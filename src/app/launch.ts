/**
 * From a workflow to the messages that start it. All ids are decided here, once, so that every repeat of an unclear send is the same send; a
 * launch is plain data and crosses from a pool child to its worker as JSON. A chord's join is open before its members are sent, and
 * sealed after: a sender that dies in between leaves one that fails, and not one that waits for ever.
 */

import { randomUUID } from "node:crypto";
import { freeze, type NewId } from "../canvas/freeze.ts";
import { answeringTo, listOf, mapTasks, withMore } from "../canvas/composite.ts";
import { keptBody } from "../canvas/kept-body.ts";
import { joinLife, type Plan, planOf, type Step } from "../canvas/plan.ts";
import { type MessageContext, stepMessage } from "../canvas/step-message.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { Outgoing } from "../port/broker.ts";
import type { OpenJoin } from "../port/joins.ts";
import { type Duration, durationMs } from "../task/duration.ts";
import type { RunningTask } from "../task/running.ts";
import { parseJson, stringifyJson } from "../wire/json.ts";
import { readSignature, type Signature } from "../wire/signature.ts";
import { formatTimestamp } from "../wire/timestamp.ts";
import { followUpId } from "../wire/uuid.ts";
import type { SendOptions } from "./draft.ts";
import { dueOf, expiresOf, invalidSend, windowOf } from "./send-time.ts";
import { checkTaskId, newTaskId } from "./task-id.ts";

/** How a workflow is sent. What it says of queue, priority, limits and headers wins over what its parts say. */
export interface LaunchOptions extends Pick<
  SendOptions,
  | "compression"
  | "delay"
  | "eta"
  | "expires"
  | "headers"
  | "id"
  | "ignoreResult"
  | "link"
  | "linkError"
  | "priority"
  | "queue"
  | "signal"
  | "softTimeLimit"
  | "timeLimit"
  | "timeout"
> {
  /** On every part. */
  readonly stamps?: Readonly<Record<string, unknown>> | undefined;
}

/** A launch with everything decided. */
export interface Launch {
  /** Frozen. */
  readonly signature: Signature;
  /** The caller chose the id: a second launch is a duplicate. */
  readonly named: boolean;
  readonly nonce: string;
  /** How long a second publish of an id of it is a duplicate, ms. */
  readonly window: number;
  /** What starts first is not started before, unix ms. */
  readonly due: number | undefined;
  readonly root: string | undefined;
  readonly parent: string | undefined;
  readonly stamps: Readonly<Record<string, unknown>> | undefined;
}

/** Who sends, where nobody calls for it: all ids of what it sends follow from it. */
export interface Tick {
  readonly schedule: string;
  readonly newId: NewId;
}

/** What is sent, after its joins are open. */
export interface Prepared {
  readonly sends: readonly Outgoing[];
  readonly joins: readonly OpenJoin[];
  readonly result: NonNullable<Plan["result"]>;
  readonly steps: readonly { readonly id: string; readonly task: string; readonly queue: string }[];
}

/** What is sent, in the words of an error. */
const subject = "a workflow";
const encoder = new TextEncoder();

/** Throws CONFIG_INVALID, NAME_INVALID or DURATION_INVALID for what cannot be launched so. */
export function launchOf(
  signature: Signature,
  options: LaunchOptions,
  now: number,
  publishTimeout: number,
  running: RunningTask | undefined,
  ids?: NewId,
): Launch {
  const { id } = options;
  if (id !== undefined) checkTaskId(id);
  const timeout = options.timeout === undefined ? publishTimeout : durationMs(options.timeout, "timeout");
  const newId: NewId = ids ?? (id === undefined ? () => newTaskId(now) : (role) => followUpId(id, role));
  const { root, parent, stamps } = running?.lineage ?? {};
  return {
    signature: freeze(withOptions(signature, options, now), newId, "launch", { id }),
    named: id !== undefined,
    nonce: randomUUID(),
    window: windowOf(id !== undefined, timeout),
    due: dueOf(options, now, subject),
    root,
    parent,
    stamps,
  };
}

/** What the app knows and a launch does not. */
export interface Launching {
  readonly now: number;
  readonly origin: string;
  readonly replyTo: string | undefined;
  readonly queueOf: MessageContext["queueOf"];
  readonly packing: MessageContext["packing"];
  readonly checkSize: (task: string, id: string, bytes: number) => void;
  /** False: a delayed one goes to its queue at once, and its header `eta` tells whoever takes it to wait. */
  readonly isHeld: (task: string) => boolean;
  /** Absent: the members of its chords are taken for sent as soon as the joins are open. */
  readonly sending?: number | undefined;
}

/** Throws CONFIG_INVALID for a workflow without a step, NOT_SERIALIZABLE, MESSAGE_TOO_LARGE, NAME_INVALID. */
export function prepareLaunch(launch: Launch, launching: Launching): Prepared {
  const { now, origin, replyTo, queueOf, packing, checkSize, isHeld, sending } = launching;
  const { root, parent, stamps, due } = launch;
  const signature = replyTo === undefined ? launch.signature : answeringTo(launch.signature, replyTo);
  const { steps, joins, result } = planOf(signature, { newId: unfrozen, role: "launch" });
  if (result === undefined) throw empty();
  const context: MessageContext = {
    from: { root, parent, stamps, origin },
    now,
    queueOf,
    packing,
    shared: new Map(),
  };
  const messages = steps.map((step) => stepMessage(context, due === undefined ? step : delayed(step, due)));
  for (const { task, id, message } of messages) checkSize(task, id, message.body.byteLength);
  return {
    sends: messages.map(({ id, task, queue, message, due: at }): Outgoing => ({
      queue,
      message,
      ...(isHeld(task) && at !== undefined && { due: at }),
      // A generated id is new with every launch, so it names the launch as well.
      dedupe: { id, nonce: launch.named ? launch.nonce : id, window: launch.window },
    })),
    joins: joins.map(({ group, size, body }) => ({
      group,
      size,
      body: encoder.encode(stringifyJson(keptBody(body, { root, stamps, queueOf }))),
      ttl: joinLife,
      ...(sending !== undefined && { sending }),
    })),
    result,
    steps: messages,
  };
}

/** A launch as text, for the way from a pool child to its worker. */
export function packLaunch(launch: Launch): string {
  return stringifyJson(launch);
}

/** The launch again; the signature is read anew, because a child runs user code. Throws MESSAGE_UNDECODABLE. */
export function unpackLaunch(text: string): Launch {
  const launch = parseJson(text) as Launch | null;
  if (launch === null)
    throw new CeleriacError("MESSAGE_UNDECODABLE", "A pool child asked to send something that is no workflow.");
  return { ...launch, signature: readSignature(launch.signature) };
}

function withOptions(signature: Signature, options: LaunchOptions, now: number): Signature {
  const { link, linkError, stamps } = options;
  const common = commonOptions(options, now);
  const stamped =
    stamps === undefined || Object.keys(stamps).length === 0 ? {} : { ...stamps, stamped_headers: Object.keys(stamps) };
  const everywhere = { ...common, ...stamped };
  const spread =
    Object.keys(everywhere).length === 0 ? signature : mapTasks(signature, (task) => withMore(task, everywhere));
  const links = dictsOf(link);
  const errors = dictsOf(linkError);
  if (links.length === 0 && errors.length === 0) return spread;
  if (links.length > 0 && spread.task === "celery.group")
    throw invalidSend(subject, "a group has no single result that `link` could be sent with; make it a chord");
  const more = links.length === 0 ? {} : { link: [...listOf(spread.options["link"]), ...links] };
  return withMore(spread, more, errors);
}

function commonOptions(options: LaunchOptions, now: number): Readonly<Record<string, unknown>> {
  const { queue, priority, headers, ignoreResult, compression, expires, timeLimit, softTimeLimit } = options;
  const moment = expiresOf(expires, now, subject);
  const given = {
    queue,
    priority,
    headers,
    compression,
    ignore_result: ignoreResult,
    // A moment, not a length: each step would count it anew.
    expires: moment === undefined ? undefined : formatTimestamp(moment),
    time_limit: secondsOf(timeLimit, "timeLimit"),
    soft_time_limit: secondsOf(softTimeLimit, "softTimeLimit"),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function dictsOf(link: SendOptions["link"]): readonly Signature[] {
  if (link === undefined) return [];
  return (Array.isArray(link) ? link : [link]).map((each: { toJSON(): Signature }) => readSignature(each.toJSON()));
}

function delayed(step: Step, due: number): Step {
  const { countdown: _countdown, ...options } = step.signature.options;
  return { ...step, signature: { ...step.signature, options: { ...options, eta: formatTimestamp(due) } } };
}

function secondsOf(duration: Duration | undefined, what: string): number | undefined {
  return duration === undefined ? undefined : durationMs(duration, what) / 1000;
}

function unfrozen(): never {
  throw new CeleriacError("MESSAGE_UNDECODABLE", "A launch came without the ids of its parts.");
}

function empty(): CeleriacError {
  return new CeleriacError("CONFIG_INVALID", "The workflow has nothing to start: a chain needs at least one step.");
}
