/**
 * What the chords that a task is a member of learn of its end, and what ends with it when it did not succeed. A member that failed, was
 * revoked, came too late or was buried arrives as such, and so do members that will not run because a step before them failed.
 */

import { nothingWaits, waitingFor, type Waiting } from "../canvas/waiting.ts";
import type { Arrival } from "../port/joins.ts";
import type { FinalState, ResultWrite } from "../port/result-store.ts";
import { exceptionOf, type WireException } from "../wire/exception.ts";
import { stringifyJson } from "../wire/json.ts";
import type { Embed } from "../wire/task-body.ts";
import type { TaskHeaders } from "../wire/task-message.ts";
import { joinLife } from "../canvas/plan.ts";
import { bodyBytes } from "./follow.ts";

const encoder = new TextEncoder();

/** Who arrives. */
export type Member = Pick<TaskHeaders, "id"> & Partial<Pick<TaskHeaders, "group" | "groupIndex">>;

export interface MemberEnd {
  readonly state: FinalState;
  /** JSON: the result, or the exception object. */
  readonly value: Uint8Array;
}

/** An end that was none of the task's own. */
export function failedBy(error: unknown): MemberEnd {
  const { name, message, code }: Error & { readonly code?: unknown } =
    error instanceof Error ? error : new Error(String(error));
  return failedAs(exceptionOf({ name, message, code }));
}

export function failedAs(exception: WireException): MemberEnd {
  return { state: "FAILURE", value: encoder.encode(stringifyJson(exception)) };
}

/** The task's own arrival. Without an embed (it could not be read) the group is told all the same: it may be a chord. */
export function ownArrival(
  member: Member,
  embed: Pick<Embed, "chord"> | undefined,
  end: MemberEnd,
): readonly Arrival[] {
  const { id, group, groupIndex } = member;
  if (group === undefined || (embed !== undefined && embed.chord === null)) return [];
  const body = embed?.chord ? { body: bodyBytes(embed.chord) } : {};
  return [{ group, member: id, index: groupIndex ?? Infinity, ...end, ...body, ttl: joinLife }];
}

/** What waits for a task that did not succeed. */
export function waitersOf(embed: Pick<Embed, "chain">): Waiting {
  return embed.chain?.length ? waitingFor(embed.chain) : nothingWaits;
}

/** The arrivals of members that will not run. */
export function lostArrivals({ members }: Waiting, end: MemberEnd): readonly Arrival[] {
  return members.map(({ group, member, index, body }) => ({
    group,
    member,
    index,
    ...end,
    body: bodyBytes(body),
    ttl: joinLife,
  }));
}

/** All that arrives with a task's end: itself, and, if it did not succeed, the members that wait for it. */
export function arrivalsOf(member: Member, embed: Embed, end: MemberEnd): readonly Arrival[] {
  const own = ownArrival(member, embed, end);
  return end.state === "SUCCESS" ? own : [...own, ...lostArrivals(waitersOf(embed), end)];
}

/** Only these three end a wait, so only they arrive. */
export function finalStateOf(state: ResultWrite["state"]): FinalState | undefined {
  return state === "SUCCESS" || state === "FAILURE" || state === "REVOKED" ? state : undefined;
}
