/** What a call with a key says of it: to the broker as a rule, to who runs it as a header. */

import type { CallRule } from "../port/call-law.ts";
import type { CallClaim } from "../task/calls.ts";
import { callHeader, type CallMark } from "../wire/call-mark.ts";
import { invalidSend } from "./send-time.ts";

/** Throws CONFIG_INVALID for what could not be kept once another task stands for the call. */
export function checkClaimed(
  { by, conflict }: CallClaim,
  options: { readonly [K in "link" | "linkError" | "delay" | "eta"]?: unknown },
  subject: string,
): void {
  if (options.link !== undefined || options.linkError !== undefined)
    throw invalidSend(
      subject,
      `link and linkError cannot go with ${by}: a call that another task stands for sends nothing`,
    );
  if (conflict !== "join" && (options.delay !== undefined || options.eta !== undefined))
    throw invalidSend(subject, `delay and eta cannot go with ${by}, which decides when it starts`);
}

/** `place`: the id of the task whose place it takes. */
export function ruleOf({ by: _, ...terms }: CallClaim, place: string | undefined): CallRule {
  return { ...terms, ...(place !== undefined && { replaces: place }) };
}

/** Nothing where start and end of its task change nothing. */
export function markOf(claim: CallClaim | undefined, queue: string): Readonly<Record<string, CallMark>> | undefined {
  if (claim === undefined || (typeof claim.hold === "number" && claim.conflict === "join")) return undefined;
  const { key, hold, life, by } = claim;
  return { [callHeader]: { key, queue, hold, life, by } };
}
