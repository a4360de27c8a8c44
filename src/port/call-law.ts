/**
 * Who stands for a key, as one row a key; what each event makes of it. The drivers carry the decisions out, each in the same step as the message
 * it is about: memory and SQLite by these functions, Redis by the same rules in Lua (`script/call.ts`).
 *
 *   call ──> waits ──start──> runs ──end──> free        hold "end"; with "start" the key is free from the start on
 *              │                │
 *              └ a later call takes its place, or is told of it
 *                               └ a later one may wait behind it (`next`), and is let go by its end
 *
 *   call ──> the period runs ──> free                   hold ms; a later call may wait for its end (`next`), and opens the period after it
 */

import type { CallMark, CallTerms } from "../wire/call-mark.ts";
import type { ServerTime } from "./units.ts";

export interface CallRule extends CallTerms {
  /** The message bears this id, which is that of the one whose place it is to take. It goes nowhere else. */
  readonly replaces?: string | undefined;
}

export interface CallRow {
  /** The task that holds the key, or opened the period. */
  readonly id: string;
  readonly begun: boolean;
  /** When the call came that it stands for first. */
  readonly first: ServerTime;
  /** End of the period. */
  readonly free?: ServerTime | undefined;
  /** The one that waits behind it. */
  readonly next?: string | undefined;
  /** From then on the key is free whatever became of its task. */
  readonly until: ServerTime;
}

export type CallDecision =
  /** It is a message of its own; `due` holds it back. */
  | { readonly kind: "put"; readonly row: CallRow; readonly due?: ServerTime | undefined }
  /** It takes the place of the one that waits, which bears its id; `due` moves that. */
  | { readonly kind: "swap"; readonly row: CallRow; readonly due?: ServerTime | undefined }
  | CallHeld;

/** Not sent: another stands for it. */
export type CallHeld =
  | { readonly kind: "held"; readonly id: string; readonly how: "join" | "replace" }
  /** What it was to replace waits no more. */
  | { readonly kind: "gone" };

/** `begun` or not: a task has ended, or is not to begin, in a way that no one told the row of. */
export type IsOver = (id: string, begun: boolean) => boolean;

/** What still stands of it. */
function standingOf(row: CallRow | undefined, now: ServerTime, isOver: IsOver): CallRow | undefined {
  if (row === undefined || row.until <= now) return undefined;
  if (row.next !== undefined) return isOver(row.next, false) ? standingOf(withoutNext(row), now, isOver) : row;
  return row.free === undefined && isOver(row.id, row.begun) ? undefined : row;
}

function withoutNext({ next: _, ...rest }: CallRow): CallRow {
  return rest.free === undefined ? rest : { ...rest, until: rest.free };
}

/** `due`: what the call itself says. */
export function decideCall(
  row: CallRow | undefined,
  rule: CallRule,
  call: { readonly id: string; readonly due: ServerTime | undefined },
  now: ServerTime,
  isOver: IsOver,
): CallDecision {
  const { hold, life, conflict, quiet } = rule;
  const standing = standingOf(row, now, isOver);
  const waits = standing && waiterOf(standing);
  if (standing === undefined || (conflict === "replace" && waits === undefined)) {
    if (rule.replaces !== undefined) return { kind: "gone" };
    const due = quiet === undefined ? call.due : now + quiet.wait;
    const from = Math.max(now, due ?? now);
    const free = typeof hold === "number" ? from + hold : undefined;
    return {
      kind: "put",
      row: { id: call.id, begun: false, first: now, ...(free !== undefined && { free }), until: free ?? from + life },
      due,
    };
  }
  if (conflict === "join") return { kind: "held", id: standing.id, how: "join" };
  if (waits !== undefined) {
    if (rule.replaces === undefined) return { kind: "held", id: waits, how: "replace" };
    if (rule.replaces !== waits) return { kind: "gone" };
    const due = quiet && Math.min(now + quiet.wait, standing.first + quiet.most);
    return { kind: "swap", row: { ...standing, until: Math.max(standing.until, (due ?? now) + life) }, due };
  }
  if (rule.replaces !== undefined) return { kind: "gone" };
  const due = standing.free ?? now + life;
  return { kind: "put", row: { ...standing, next: call.id, until: Math.max(standing.until, due + life) }, due };
}

function waiterOf({ id, begun, free, next }: CallRow): string | undefined {
  return next ?? (begun || free !== undefined ? undefined : id);
}

/** Its task is about to start. `undefined`: the key is free. Safe to repeat. */
export function beginCall(row: CallRow, mark: CallMark, id: string, now: ServerTime): CallRow | undefined {
  const { hold, life } = mark;
  if (row.next === id) {
    const free = typeof hold === "number" ? now + hold : undefined;
    return { id, begun: true, first: now, ...(free !== undefined && { free }), until: free ?? now + life };
  }
  if (row.id !== id || typeof hold === "number") return row;
  return hold === "start" ? undefined : { ...row, begun: true, until: Math.max(row.until, now + life) };
}

/** Its task has ended for good, run or not. `release`: the id of the one that waited for that. */
export function endCall(
  row: CallRow,
  mark: CallMark,
  id: string,
  now: ServerTime,
): { readonly row: CallRow | undefined; readonly release?: string } {
  if (row.next === id) return { row: withoutNext(row) };
  if (row.id !== id || typeof mark.hold === "number") return { row };
  if (row.next === undefined) return { row: undefined };
  const released = { id: row.next, begun: false, first: now, until: now + mark.life };
  return { row: released, release: row.next };
}

/** It will be tried again: the key stays its own. */
export function keepCall(row: CallRow, mark: CallMark, id: string, due: ServerTime): CallRow {
  return row.id === id && typeof mark.hold !== "number" ? { ...row, until: Math.max(row.until, due + mark.life) } : row;
}
