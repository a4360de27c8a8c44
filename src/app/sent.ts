/** What the broker answered to a send, as the caller sees it: accepted, duplicate, or a coded refusal. */

import { CeleriacError } from "../error/celeriac-error.ts";
import type { Published } from "../port/broker.ts";
import type { ResultTuple } from "../wire/outcome.ts";
import { type Draft, tooLarge } from "./draft.ts";

/** The broker's answer to one call. */
export interface Sent {
  readonly id: string;
  /** "duplicate": this id had been enqueued before, so nothing was sent now. */
  readonly kind: "accepted" | "duplicate";
  /** Of a workflow: what its sender has for children, as Celery's result tuples. */
  readonly children?: readonly ResultTuple[];
}

/** What a refusal says of the call. */
type Named = Pick<Draft, "id" | "task" | "queue">;

/** The answers in the order of the drafts. Throws the first refusal; its details say which of a batch were accepted all the same. */
export function sentOf(
  drafts: readonly Named[],
  answers: readonly Published[],
  limits: { readonly maxMessageBytes: number; readonly maxDepth: number },
): readonly Sent[] {
  const sent: Sent[] = [];
  let refusal: CeleriacError | undefined;
  for (const [index, draft] of drafts.entries()) {
    const answer = answers[index];
    if (answer === undefined) refusal ??= unanswered(draft);
    else if (answer.kind === "refused") refusal ??= refused(draft, answer, limits);
    else sent.push({ id: draft.id, kind: answer.kind });
  }
  if (refusal === undefined) return sent;
  if (drafts.length === 1) throw refusal;
  throw new CeleriacError(
    refusal.code,
    `${refusal.message} ${sent.length} of ${drafts.length} calls were accepted: error.details.sent.`,
    { cause: refusal, details: { ...refusal.details, sent } },
  );
}

function refused(
  draft: Named,
  answer: Extract<Published, { readonly kind: "refused" }>,
  limits: { readonly maxMessageBytes: number; readonly maxDepth: number },
): CeleriacError {
  const details = { task: draft.task, id: draft.id, queue: draft.queue };
  if (answer.reason === "too-large") return tooLarge(draft.task, draft.id, undefined, limits.maxMessageBytes);
  if (answer.reason === "unroutable") {
    return new CeleriacError("UNROUTABLE", `No queue takes "${draft.queue}": ${answer.detail}. Nothing was sent.`, {
      details,
    });
  }
  return new CeleriacError(
    "QUEUE_FULL",
    `The queue "${draft.queue}" takes no more: ${answer.detail}. Nothing was sent; try later, start more workers, or raise maxDepth (${limits.maxDepth}).`,
    { details },
  );
}

function unanswered(draft: Named): CeleriacError {
  return new CeleriacError(
    "PUBLISH_UNKNOWN",
    `The broker did not say whether it has task ${draft.id}. Repeating the call with the same id is safe.`,
    { details: { task: draft.task, id: draft.id } },
  );
}
