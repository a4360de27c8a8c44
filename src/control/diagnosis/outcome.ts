/** What the stored outcome of a task says of where it is. */

import type { Fact } from "../../app/reason.ts";
import type { DeadLetter } from "../../port/queue-admin.ts";
import type { StoredOutcome } from "../../port/result-store.ts";
import { decodeTaskMeta, isFinal, type TaskMeta } from "../../wire/outcome.ts";
import type { Diagnosed } from "./queued.ts";

const longestError = 300;

export interface Ended {
  readonly state: string;
  readonly at: number | undefined;
  readonly error: string | undefined;
  /** Its message is among the dead letters, or was. */
  readonly dead: boolean;
  readonly expired: boolean;
}

interface Known {
  readonly ended: Ended | undefined;
  /** Of the attempt before. */
  readonly error: string | undefined;
  /** It was begun, by what it or its worker stored. */
  readonly running: Extract<Fact, { kind: "running" }> | undefined;
}

/** Undefined: nothing is stored, or nobody can read it. */
export function readOutcome(stored: StoredOutcome | undefined): Known | undefined {
  if (stored === undefined) return undefined;
  let meta: TaskMeta;
  try {
    meta = decodeTaskMeta(stored.meta);
  } catch {
    return undefined;
  }
  const { status, dateDone, celeriac } = meta;
  const error = errorIn(meta.result);
  if (!isFinal(status)) {
    const begun = status !== "PENDING" && status !== "RETRY";
    const worker = workerIn(meta);
    return { ended: undefined, error, running: begun ? { kind: "running", worker: worker ?? "a worker" } : undefined };
  }
  const outcome = celeriac?.outcome;
  return {
    ended: {
      state: status,
      at: dateDone ?? undefined,
      error,
      dead: outcome === "dead",
      expired: outcome === "expired",
    },
    error,
    running: undefined,
  };
}

export function endedFacts(
  { state, at, error, dead, expired }: Ended,
  letter: DeadLetter | undefined,
  revocation: { readonly by: "id" | "stamp"; readonly at: number } | undefined,
): Diagnosed {
  if (letter !== undefined) {
    const { reason, detail, queue, task } = letter;
    const facts: readonly Fact[] = [{ kind: "dead", reason, detail, at: letter.at }];
    return { state: "dead", queue, ...(task !== undefined && { task }), facts };
  }
  if (expired) return { state: "revoked", facts: [{ kind: "expired", at: at ?? 0 }] };
  if (state === "REVOKED") {
    const when = revocation?.at ?? at;
    return {
      state: "revoked",
      facts: [{ kind: "revoked", by: revocation?.by ?? "id", ...(when !== undefined && { at: when }) }],
    };
  }
  const word = state === "SUCCESS" ? "succeeded" : "failed";
  const more = { ...(at !== undefined && { at }), ...(word === "failed" && error !== undefined && { error }) };
  // One that was redriven or dropped since has no letter any more.
  return { state: dead ? "dead" : word, facts: [{ kind: "ended", state: word, ...more }] };
}

/** Celery's exception object, in one line. */
function errorIn(result: unknown): string | undefined {
  if (typeof result !== "object" || result === null) return undefined;
  const { exc_type: type, exc_message: message } = result as Readonly<Record<string, unknown>>;
  if (typeof type !== "string") return undefined;
  const said: unknown = Array.isArray(message) ? message[0] : message;
  const text = typeof said === "string" && said !== "" ? `${type}: ${said}` : type;
  return text.slice(0, longestError);
}

/** Python's STARTED names its worker. */
function workerIn({ result, extended }: TaskMeta): string | undefined {
  const { hostname } = (typeof result === "object" && result !== null ? result : {}) as { readonly hostname?: unknown };
  if (typeof hostname === "string") return hostname;
  return typeof extended["worker"] === "string" ? extended["worker"] : undefined;
}
