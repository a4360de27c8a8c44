/** Outcomes as the store keeps them: Celery's task meta, encoded once. Only SUCCESS, FAILURE and REVOKED are ever final. */

import type { FinalState, ResultWrite } from "../port/result-store.ts";
import { celeryException, type WireException } from "../wire/exception.ts";
import type { Malformed, Message } from "../wire/message.ts";
import { type ResultTuple, writeTaskMeta } from "../wire/outcome.ts";
import type { TaskHeaders } from "../wire/task-message.ts";

type TextWrite = Omit<ResultWrite, "meta" | "text" | "reply"> & { readonly text: string };
type Subject = Pick<TaskHeaders, "id"> & Partial<Pick<TaskHeaders, "group" | "parentId">>;

function write(
  subject: Subject,
  status: string,
  final: boolean,
  result: { readonly json: Uint8Array | string } | { readonly value: unknown },
  fence: number,
  ttl: number,
  now: number,
  more: {
    readonly traceback?: string | null;
    readonly children?: readonly (string | ResultTuple)[];
    readonly outcome?: "dead" | "expired";
    readonly done?: string | undefined;
  } = {},
): ResultWrite {
  const { id } = subject;
  const meta = writeTaskMeta({
    id,
    status,
    result,
    traceback: more.traceback ?? null,
    children: more.children,
    dateDone: final ? (more.done ?? now) : null,
    group: subject.group,
    parent: subject.parentId,
    celeriac: more.outcome ? { fence, outcome: more.outcome } : { fence },
  });
  const told = { id, state: status, final, fence, ttl };
  return typeof meta === "string" ? new TextResult({ ...told, text: meta }) : { ...told, meta };
}

/** Some stores take text as it is, and bytes would only be made into that again. */
class TextResult implements ResultWrite {
  readonly id: string;
  readonly state: string;
  readonly final: boolean;
  readonly fence: number;
  readonly ttl: number | undefined;
  readonly text: string;
  readonly reply: ResultWrite["reply"];
  #meta: Uint8Array | undefined;

  constructor({ id, state, final, fence, ttl, text }: TextWrite, reply?: ResultWrite["reply"]) {
    this.id = id;
    this.state = state;
    this.final = final;
    this.fence = fence;
    this.ttl = ttl;
    this.text = text;
    this.reply = reply;
  }

  get meta(): Uint8Array {
    return (this.#meta ??= Buffer.from(this.text, "utf8"));
  }
}

/** With the address of whoever waits for it. Results of other ids (steps of a chain that will not run) go to the same asker. */
export function answering(message: Message | Malformed, write: ResultWrite): ResultWrite {
  if ("malformed" in message || message.properties.replyTo === undefined) return write;
  const { replyTo: queue, correlationId } = message.properties;
  const own = write.id === message.headers["id"];
  const reply = { queue, correlationId: (own ? correlationId : undefined) ?? write.id };
  return write instanceof TextResult ? new TextResult(write, reply) : { ...write, reply };
}

/** `done`: `now` as results have it, where that is at hand. */
export function successMeta(
  subject: Subject,
  json: Uint8Array | string,
  children: readonly (string | ResultTuple)[],
  fence: number,
  now: number,
  ttl: number,
  done?: string,
): ResultWrite {
  return write(subject, "SUCCESS", true, { json }, fence, ttl, now, { children, done });
}

export function failureMeta(
  subject: Subject,
  error: WireException,
  traceback: string | null,
  fence: number,
  now: number,
  ttl: number,
  outcome?: "dead",
): ResultWrite {
  return write(subject, "FAILURE", true, { value: error }, fence, ttl, now, {
    traceback,
    ...(outcome ? { outcome } : {}),
  });
}

/** How another id ended, JSON as it stands there. */
export function copiedFailureMeta(
  subject: Subject,
  state: FinalState,
  json: string,
  fence: number,
  now: number,
  ttl: number,
): ResultWrite {
  return write(subject, state, true, { json }, fence, ttl, now);
}

/** Celery's words for why it was withdrawn: `terminated` while it ran. */
export type RevokedFor = "expired" | "revoked" | "terminated";

export function revokedError(why: RevokedFor): WireException {
  return celeryException("TaskRevokedError", why);
}

export function revokedMeta(subject: Subject, why: RevokedFor, fence: number, now: number, ttl: number): ResultWrite {
  const outcome = why === "expired" ? ({ outcome: "expired" } as const) : {};
  return write(subject, "REVOKED", true, { value: revokedError(why) }, fence, ttl, now, outcome);
}

/** RETRY keeps the original error, as Celery's does. */
export function retryMeta(
  subject: Subject,
  error: WireException,
  traceback: string | null,
  fence: number,
  now: number,
  ttl: number,
): ResultWrite {
  return write(subject, "RETRY", false, { value: error }, fence, ttl, now, { traceback });
}

/** STARTED, PROGRESS and whatever states a task sets itself; never final. */
export function stateMeta(
  subject: Subject,
  state: string,
  value: { readonly json: Uint8Array | string } | { readonly value: unknown },
  fence: number,
  now: number,
  ttl: number,
): ResultWrite {
  return write(subject, state, false, value, fence, ttl, now);
}
