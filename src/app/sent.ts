/** What the broker answered to a send, as the caller sees it: accepted, duplicate, or a coded refusal. */

import { CeleriacError } from "../error/celeriac-error.ts";
import type { Published } from "../port/broker.ts";
import type { ResultTuple } from "../wire/outcome.ts";
import { type Draft, tooLarge } from "./draft.ts";

/** The broker's answer to one call. */
export interface Sent {
  readonly id: string;
  /**
   * "duplicate": this id had been enqueued before, so nothing was sent now. "joined", "replaced": this one stands for the call, as it was, or
   * with its input.
   */
  readonly kind: "accepted" | "duplicate" | "joined" | "replaced";
  /** Of a workflow: what its sender has for children, as Celery's result tuples. */
  readonly children?: readonly ResultTuple[];
}

/** Another task stands for the call. */
export interface Stood {
  readonly kind: "joined" | "replaced";
  readonly id: string;
}

/** What a refusal says of the call. */
type Named = Pick<Draft, "id" | "task" | "queue">;

/** The answers in the order of the drafts. Throws the first refusal; its details say which of a batch were accepted all the same. */
export function sentOf(
  drafts: readonly Named[],
  answers: readonly (Published | Stood)[],
  limits: { readonly maxMessageBytes: number; readonly maxDepth: number },
): readonly Sent[] {
  const sent: Sent[] = [];
  let refusal: CeleriacError | undefined;
  for (let index = 0; index < drafts.length; index++) {
    const draft = drafts[index] as Named;
    const answer = answers[index];
    if (answer === undefined) refusal ??= unanswered(draft);
    else if (answer.kind === "refused") refusal ??= refused(draft, answer, limits);
    // Between a look and an answer it has moved on each time.
    else if (answer.kind === "held" || answer.kind === "gone") refusal ??= restless(draft);
    else if (answer.kind === "accepted" || answer.kind === "duplicate") sent.push({ id: draft.id, kind: answer.kind });
    else sent.push(answer);
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
  if (answer.reason === "unsupported") {
    return new CeleriacError(
      "NOT_SUPPORTED",
      `"${draft.task}" was not sent: ${answer.detail}. Use SQLite, Redis or Valkey for it, or take the option off the task.`,
      { details },
    );
  }
  return new CeleriacError(
    "QUEUE_FULL",
    `The queue "${draft.queue}" takes no more: ${answer.detail}. Nothing was sent; try later, start more workers, or raise the limit${limits.maxDepth > 0 ? ` (maxDepth is ${limits.maxDepth})` : ""}.`,
    { details },
  );
}

function restless(draft: Named): CeleriacError {
  return new CeleriacError(
    "BACKEND_REFUSED",
    `The key of this call of "${draft.task}" was taken and given up again each time the call was to be put in the place of the task that holds it. Nothing was sent; try again.`,
    { details: { task: draft.task, id: draft.id } },
  );
}

function unanswered(draft: Named): CeleriacError {
  return new CeleriacError(
    "PUBLISH_UNKNOWN",
    `The broker did not say whether it has task ${draft.id}. Repeating the call with the same id is safe.`,
    { details: { task: draft.task, id: draft.id } },
  );
}
