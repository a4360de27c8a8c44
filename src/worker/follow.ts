/**
 * What a finished task sets off: callbacks, the next step of its chain, error callbacks. Every id is fixed beforehand (frozen by
 * whoever sent the task, or derived from the task's own id), so that sending twice is a duplicate and not a second task.
 *
 * Refuses what needs a join (a chord, or a group with something after it): `needsJoin` tells at intake, before anything runs.
 */

import type { Outgoing } from "../port/broker.ts";
import type { TaskRegistry } from "../task/registry.ts";
import { isCompression, packMessage, type Packing } from "../wire/compression.ts";
import { stringifyJson } from "../wire/json.ts";
import type { Message } from "../wire/message.ts";
import { checkQueueName } from "../wire/name.ts";
import { readSignature, type Signature } from "../wire/signature.ts";
import type { Embed } from "../wire/task-body.ts";
import { makeTaskMessage, type TaskHeaders } from "../wire/task-message.ts";
import { parseTimestamp } from "../wire/timestamp.ts";
import { followUpId } from "../wire/uuid.ts";
import { isEmpty } from "./call.ts";

/** Follow-ups are refused as duplicates for a day: longer than any redelivery of the task that sends them. */
const followWindow = 86_400_000;
const encoder = new TextEncoder();

export interface FollowContext {
  readonly registry: TaskRegistry;
  readonly defaultQueue: string;
  /** Python's workers take from the same broker: what no task here runs is not held back, its `eta` says it all. */
  readonly shared?: boolean | undefined;
  /** What is sent is packed so. */
  readonly packing?: Packing | undefined;
  /** Unix ms, for countdowns and relative expiry. */
  readonly now: number;
}

/** The family facts that a follow-up inherits. */
interface Parent {
  readonly id: string;
  readonly root: string;
  readonly stamps: Readonly<Record<string, unknown>> | undefined;
}

function parentOf(headers: TaskHeaders): Parent {
  const { id, rootId, stamps } = headers;
  return { id, root: rootId ?? id, stamps: isEmpty(stamps) ? undefined : stamps };
}

/** Something to send: a signature, the JSON text put in front of its arguments, the steps after it. */
interface Step {
  readonly signature: Signature;
  readonly front: string | undefined;
  readonly rest: readonly Signature[];
  readonly role: string;
}

/** After success: callbacks, then the next chain step, each with the result in front of its arguments. */
export function followSuccess(context: FollowContext, headers: TaskHeaders, embed: Embed, result: string): Outgoing[] {
  const { callbacks, chain } = embed;
  if (!callbacks?.length && !chain?.length) return [];
  const steps: Step[] = [];
  callbacks?.forEach((signature, index) =>
    steps.push({ signature, front: result, rest: [], role: `link:${String(index)}` }),
  );
  const next = chain?.at(-1);
  if (chain && next) steps.push({ signature: next, front: result, rest: chain.slice(0, -1), role: "chain" });
  return steps.flatMap((step) => expand(context, parentOf(headers), step));
}

/** After failure: error callbacks, each with the failed id as its first argument (Celery's one-argument form). */
export function followFailure(context: FollowContext, headers: TaskHeaders, embed: Embed): Outgoing[] {
  if (!embed.errbacks?.length) return [];
  const front = JSON.stringify(headers.id);
  return embed.errbacks.flatMap((signature, index) =>
    expand(context, parentOf(headers), { signature, front, rest: [], role: `errback:${String(index)}` }),
  );
}

/** Ids of the chain steps that will never run because an earlier one failed; Celery stores the same error under each. */
export function chainRestIds(embed: Embed): string[] {
  return (embed.chain ?? []).flatMap((step) =>
    typeof step.options.task_id === "string" ? [step.options.task_id] : [],
  );
}

/** True if what follows can't be sent without counting members. */
export function needsJoin(embed: Embed): boolean {
  if (embed.chord) return true;
  const chain = embed.chain ?? [];
  return (
    chain.some((step, index) => composite(step, index > 0)) ||
    [...(embed.callbacks ?? []), ...(embed.errbacks ?? [])].some((signature) => composite(signature, false))
  );
}

function composite(signature: Signature, followed: boolean): boolean {
  if (signature.task === "celery.chord" || signature.options.chord) return true;
  if (signature.task === "celery.group") return followed || members(signature).some((one) => composite(one, false));
  if (signature.task === "celery.chain") {
    const steps = members(signature);
    return steps.some((one, index) => composite(one, followed || index < steps.length - 1));
  }
  return false;
}

function members(signature: Signature): Signature[] {
  const tasks = signature.kwargs["tasks"];
  return Array.isArray(tasks) ? tasks.map((one) => readSignature(one)) : [];
}

function expand(context: FollowContext, parent: Parent, step: Step): Outgoing[] {
  const { signature } = step;
  if (signature.task === "celery.group") {
    return members(signature).flatMap((one, index) =>
      expand(context, parent, { ...step, signature: one, role: `${step.role}:${String(index)}` }),
    );
  }
  if (signature.task === "celery.chain") {
    const [first, ...later] = members(signature);
    if (!first) return [];
    return expand(context, parent, { ...step, signature: first, rest: [...step.rest, ...later.reverse()] });
  }
  return [outgoing(context, parent, step)];
}

function outgoing(context: FollowContext, parent: Parent, { signature, front, rest, role }: Step): Outgoing {
  const { options } = signature;
  const id = text(options.task_id) ?? followUpId(parent.id, role);
  const eta =
    typeof options.countdown === "number" && options.countdown > 0
      ? context.now + options.countdown * 1000
      : time(options.eta);
  const expires = typeof options.expires === "number" ? context.now + options.expires * 1000 : time(options.expires);
  const embed: Embed = {
    callbacks: signatures(options.link),
    errbacks: signatures(options.link_error),
    chain: rest.length > 0 ? rest : null,
    chord: null,
  };
  const draft = makeTaskMessage({
    task: signature.task,
    id,
    shadow: text(options.shadow),
    args: [],
    kwargs: {},
    eta,
    expires,
    rootId: parent.root,
    parentId: parent.id,
    group: text(options.group_id),
    groupIndex: typeof options.group_index === "number" ? options.group_index : undefined,
    priority: typeof options.priority === "number" ? options.priority : undefined,
    timeLimit: { hard: seconds(options.time_limit), soft: seconds(options.soft_time_limit) },
    ignoreResult: typeof options.ignore_result === "boolean" ? options.ignore_result : undefined,
    replyTo: text(options.reply_to),
    headers: isRecord(options.headers) ? options.headers : undefined,
    stamps: stampsOf(options, parent.stamps),
  });
  // Text, not values: the result goes on as the exact bytes it was stored as, big integers included.
  const args = signature.args.map((arg) => stringifyJson(arg));
  if (front !== undefined && !signature.immutable) args.unshift(front);
  const body = `[[${args.join(",")}],${stringifyJson(signature.kwargs)},${stringifyJson(embed)}]`;
  const definition = context.registry.get(signature.task);
  const queue = text(options.queue) ?? definition?.queue ?? context.defaultQueue;
  checkQueueName(queue);
  const held = definition?.handler !== undefined || context.shared !== true;
  return {
    queue,
    message: packedAs(context, options.compression, { ...draft, body: encoder.encode(body) }),
    ...(held && eta !== undefined && eta > context.now ? { due: eta } : {}),
    dedupe: { id, nonce: parent.id, window: followWindow },
  };
}

/** As the step says, however small, or as the app does. What cannot be packed so here is sent as it is, which every reader takes. */
function packedAs({ packing }: FollowContext, named: unknown, message: Message): Message {
  if (isCompression(named)) return packMessage(message, named, 0);
  return packing?.compression === undefined ? message : packMessage(message, packing.compression, packing.compressOver);
}

/** Celery keeps a step's own stamps flat among its options; they win over those of the task before it. */
function stampsOf(options: Signature["options"], inherited: Parent["stamps"]): Parent["stamps"] {
  const names = options.stamped_headers;
  if (!Array.isArray(names)) return inherited;
  const own = names.filter((name): name is string => typeof name === "string" && Object.hasOwn(options, name));
  if (own.length === 0) return inherited;
  return { ...inherited, ...Object.fromEntries(own.map((name) => [name, options[name]])) };
}

function signatures(value: unknown): Signature[] | null {
  if (value === null || value === undefined) return null;
  return (Array.isArray(value) ? value : [value]).map((one) => readSignature(one));
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function seconds(value: unknown): number | undefined {
  return typeof value === "number" ? value * 1000 : undefined;
}

function time(value: unknown): number | undefined {
  if (value instanceof Date) return value.getTime();
  return typeof value === "string" ? parseTimestamp(value) : undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
