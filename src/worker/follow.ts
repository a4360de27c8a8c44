/**
 * What a finished task sets off: callbacks, the next step of its chain, error callbacks; each may be a whole workflow. Every id is fixed
 * beforehand (frozen by whoever sent the task, or derived from the task's own id), so that sending twice is a duplicate and not a
 * second task.
 */

import { type Ending as EndOf } from "../canvas/freeze.ts";
import { type Family, keptBody } from "../canvas/kept-body.ts";
import { joinLife, planOf, type Plan } from "../canvas/plan.ts";
import { childrenIn } from "../canvas/result-node.ts";
import { resultTuple } from "../canvas/result-tuple.ts";
import { stepMessage } from "../canvas/step-message.ts";
import { tracedSignature } from "../canvas/traced-signature.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { Outgoing } from "../port/broker.ts";
import type { OpenJoin } from "../port/joins.ts";
import type { TaskRegistry } from "../task/registry.ts";
import type { TraceHeaders } from "../task/telemetry.ts";
import type { Packing } from "../wire/compression.ts";
import { stringifyJson } from "../wire/json.ts";
import type { ResultTuple } from "../wire/outcome.ts";
import type { Signature } from "../wire/signature.ts";
import type { Embed } from "../wire/task-body.ts";
import type { TaskHeaders } from "../wire/task-message.ts";
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
  /** Of the run that sends it, where runs are traced. */
  readonly trace?: TraceHeaders | undefined;
  /** Unix ms, for countdowns and relative expiry. */
  readonly now: number;
}

/** What is to be sent, after the joins among it are open. */
export interface Follow {
  readonly sends: readonly Outgoing[];
  readonly opens: readonly OpenJoin[];
  /** For the stored `children`. */
  readonly children: readonly ResultTuple[];
}

export const nothingFollows: Follow = { sends: [], opens: [], children: [] };

/** A task that sends others: they inherit its root and its stamps. */
export type Sender = Pick<TaskHeaders, "id"> &
  Partial<Pick<TaskHeaders, "nestingUnsaid" | "rootId" | "stamps">> & {
    /** Where its message came from: its workers know Celery's built-in tasks too. */
    readonly queue?: string;
    /** For what has no trace of its own. */
    readonly trace?: TraceHeaders | undefined;
  };

/** One of several signatures that a task sends. */
export interface Sending {
  readonly signature: Signature;
  /** Its place among them: what ids are derived from. */
  readonly role: string;
  /** JSON put in front of its arguments. */
  readonly front?: string | undefined;
  /** What comes after it, last first. */
  readonly rest?: readonly Signature[] | undefined;
  readonly end?: EndOf | undefined;
  /** What ids that nobody has fixed are derived from. Default: the sender's. */
  readonly seed?: string | undefined;
  /** Its ids may have been sent before, by a task that was replaced: by whom they are sent now belongs to their names. */
  readonly anew?: boolean | undefined;
}

/** After success: callbacks, then the next chain step, each with the result in front of its arguments. */
export function followSuccess(context: FollowContext, headers: Sender, embed: Embed, result: string): Follow {
  const { callbacks, chain } = embed;
  const next = chain?.at(-1);
  if (!callbacks?.length && next === undefined) return nothingFollows;
  return sendAll(context, headers, [
    ...(callbacks ?? []).map((signature, index) => ({ signature, front: result, role: `link:${String(index)}` })),
    ...(chain && next ? [nextStep(headers, next, chain.slice(0, -1), result)] : []),
  ]);
}

function nextStep({ nestingUnsaid: anew }: Sender, signature: Signature, rest: Embed["chain"], front: string): Sending {
  const later = anew
    ? rest?.map((step) => ({ ...step, options: { replaced_task_nesting: 1, ...step.options } }))
    : rest;
  return { signature, front, role: "chain", rest: later ?? [], anew };
}

/** After failure: error callbacks, each with the failed id as its first argument (Celery's one-argument form). */
export function followFailure(context: FollowContext, headers: Sender, embed: Pick<Embed, "errbacks">): Follow {
  if (!embed.errbacks?.length) return nothingFollows;
  const front = JSON.stringify(headers.id);
  return sendAll(
    context,
    headers,
    embed.errbacks.map((signature, index) => ({ signature, front, role: `errback:${String(index)}` })),
  );
}

const unsendable: ReadonlySet<string> = new Set([
  "MESSAGE_TOO_LARGE",
  "MESSAGE_UNDECODABLE",
  "NAME_INVALID",
  "NOT_SERIALIZABLE",
]);

/** In every other try, and by anybody else, it would be refused as well. */
export function isUnsendable(error: unknown): error is CeleriacError {
  return error instanceof CeleriacError && unsendable.has(error.code);
}

/** Throws NAME_INVALID, NOT_SERIALIZABLE or MESSAGE_UNDECODABLE for what cannot be sent by anybody. */
export function sendAll(context: FollowContext, from: Sender, sendings: readonly Sending[]): Follow {
  // Its parts too, for whoever sends them after it: another worker, or one of Python's.
  const trace = context.trace ?? from.trace;
  const plans = sendings.map(({ signature, role, front, rest, end, seed = from.id }) =>
    planOf(trace === undefined ? signature : tracedSignature(signature, trace), {
      newId: (place) => followUpId(seed, place),
      role,
      front,
      rest,
      end,
    }),
  );
  return followOf(context, from, plans, new Set(plans.filter((_, index) => sendings[index]?.anew)));
}

function followOf(context: FollowContext, from: Sender, plans: readonly Plan[], anew: ReadonlySet<Plan>): Follow {
  const { registry, defaultQueue, packing, now } = context;
  const writing = {
    from: {
      root: from.rootId ?? from.id,
      parent: from.id,
      stamps: isEmpty(from.stamps ?? {}) ? undefined : from.stamps,
      trace: context.trace,
    },
    now,
    packing,
    // A built-in task that a peer named no queue for would go by the peer's default, which nobody here knows.
    queueOf: (task: string) =>
      registry.get(task)?.queue ?? (task.startsWith("celery.") ? from.queue : undefined) ?? defaultQueue,
    shared: new Map<Signature, string>(),
  };
  const sends = plans.flatMap((plan) =>
    plan.steps.map((step): Outgoing => {
      const { id, task, queue, message, due, nesting } = stepMessage(writing, step);
      const held = registry.get(task)?.handler !== undefined || context.shared !== true;
      return {
        queue,
        message,
        ...(held && due !== undefined && { due }),
        dedupe: {
          id: publishName(id, nesting, anew.has(plan) ? from.id : undefined),
          nonce: from.id,
          window: followWindow,
        },
      };
    }),
  );
  return {
    sends,
    opens: plans.flatMap(({ joins }) =>
      joins.map((join) => openJoin(join, { ...writing.from, queueOf: writing.queueOf })),
    ),
    children: plans.flatMap(({ result }) => (result === undefined ? [] : childrenIn(result).map(resultTuple))),
  };
}

/** Under this name a publish is known again. An id whose task was replaced is published once more, and that is no duplicate. */
function publishName(id: string, nesting: number, by: string | undefined): string {
  const name = nesting === 0 ? id : `${id}~${String(nesting)}`;
  return by === undefined ? name : `${name}~${by}`;
}

function openJoin({ group, size, body }: Plan["joins"][number], family: Family): OpenJoin {
  return { group, size, body: bodyBytes(keptBody(body, family)), ttl: joinLife };
}

export function bodyBytes(body: Signature): Uint8Array {
  return encoder.encode(stringifyJson(body));
}

/** True if what follows can't be sent without counting members. */
export function needsJoin(embed: Embed): boolean {
  if (embed.chord) return true;
  const none = "none";
  const plans = [...(embed.callbacks ?? []), ...(embed.errbacks ?? [])].map((signature) => [signature, []] as const);
  const next = embed.chain?.at(-1);
  const all = next === undefined ? plans : [...plans, [next, embed.chain?.slice(0, -1) ?? []] as const];
  return all.some(([signature, rest]) => {
    const { joins, steps } = planOf(signature, { newId: () => none, role: none, rest });
    return joins.length > 0 || steps.some((step) => step.chord !== null || step.chain.some(joinsIn));
  });
}

/** Does a step that is not sent yet open a join, or is it a member? */
function joinsIn(signature: Signature): boolean {
  const { joins, steps } = planOf(signature, { newId: () => "none", role: "none" });
  return joins.length > 0 || steps.some(({ chord }) => chord !== null);
}
