/**
 * Whether what was sent was answered as it may be: accepted, left unclear where the broker's answer was lost (G1), or refused by a broker
 * that could not be reached or was full.
 */

import { CeleriacError } from "../../src/index.ts";
import type { History } from "./history.ts";

/** The answer was lost, and nobody knows. */
const lost = "PUBLISH_UNKNOWN";
/** It never got there. */
const unreached = "BACKEND_UNREACHABLE";
/** There was no room for it. */
const full: ReadonlySet<string> = new Set(["QUEUE_FULL", "DATABASE_FULL"]);
/** What can leave no room. */
const fills = /^full |alarm$/;
/** Part of what is sent that must be accepted in the end: whoever sends tries again for longer than any fault lasts. */
const floor = 0.99;

export type Refused = { readonly k: "unclear" } | { readonly k: "refused"; readonly code: string };

/** What an `enqueue` that threw says of the task. `code`: of a mistake that is not one of ours, its text. */
export function answerOf(error: unknown): Refused {
  const code = error instanceof CeleriacError ? error.code : String(error).slice(0, 200);
  return code === lost ? { k: "unclear" } : { k: "refused", code };
}

/** One line for each that breaks a promise. `sent`: ids of the jobs; `shadow`: ms for which a refusal may come after its reason. */
export function brokenAcceptance(history: History, sent: ReadonlySet<string>, shadow: number): string[] {
  const { accepted, unclear, refusals, faults } = history;
  const violations: string[] = [];
  for (const { id, code, t } of refusals) {
    const room = !faults.some((fault) => fills.test(fault.fault) && fault.t <= t && fault.until + shadow >= t);
    if (code !== unreached && (room || !full.has(code))) violations.push(`refused: ${id} was refused with ${code}`);
  }
  let arrived = 0;
  for (const id of sent) {
    if (accepted.has(id)) arrived++;
    else if (!unclear.has(id)) violations.push(`unsent: ${id} was neither accepted nor left unclear`);
  }
  if (arrived < sent.size * floor)
    violations.push(`few: ${String(arrived)} of ${String(sent.size)} jobs were accepted, and the servers came back`);
  return violations;
}
