/**
 * Dead letters that are owed. Where results are apart the end of a task is stored first and its message put with the dead letters then: a worker
 * that dies between the two leaves a message that comes again and meets its own end. Who meets it makes the letter.
 */

import type { DeadLetter } from "../port/queue-admin.ts";
import type { Ending } from "./ending.ts";
import type { GivenUp } from "./task-end.ts";
import { letterOf, namesOf } from "./unrun.ts";

/** By what is stored for each, as `unrun.ts` and `settlement.ts` have it; whatever else a task throws has used up its retries. */
const reasons: Readonly<Record<string, DeadLetter["reason"]>> = {
  WorkerLostError: "crashed",
  NotRegistered: "unknown-task",
  ContentDisallowed: "refused-content",
  DecodeError: "undecodable",
  Reject: "rejected",
};

/** Why a task is dead, from its stored error. */
export function givenUp(result: unknown): GivenUp {
  const { exc_type: type, exc_message: message } = (typeof result === "object" && result !== null ? result : {}) as {
    readonly exc_type?: unknown;
    readonly exc_message?: unknown;
  };
  const name = typeof type === "string" ? type : "";
  const words = Array.isArray(message) ? message.filter((one) => typeof one === "string").join(", ") : message;
  const reason = Object.hasOwn(reasons, name) ? (reasons[name] ?? "exhausted") : "exhausted";
  return { reason, detail: typeof words === "string" && words !== "" ? `${name}: ${words}` : name };
}

/** The same ending, with the letter if there may be none. One that came for the first time is a copy: the other one has it. */
export function withOwedLetter(ending: Ending, now: number): Ending {
  const { settlement, end } = ending;
  const { delivery, then } = settlement;
  if (end.kind !== "final-before" || end.dead === undefined || then.kind !== "ack" || !delivery.redelivered)
    return ending;
  const letter = letterOf(delivery, namesOf(delivery), end.dead.reason, end.dead.detail, now);
  return { ...ending, settlement: { ...settlement, then: { kind: "bury", letter } } };
}
