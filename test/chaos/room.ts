/** When some worker could have claimed a task: it was up, turned, and held less than its slots. From the journal alone. */

import type { Rows } from "./rows.ts";

/** Of each worker of a run. */
export const slots = 4;
/** Children of each of them. */
export const processes = 2;

interface Member {
  readonly held: Set<number>;
  /** Pauses that have not ended. */
  still: number;
}

export class Room {
  /** Times in which nobody had room, in their order. */
  readonly #none: (readonly [from: number, to: number])[] = [];

  constructor(rows: Rows) {
    const members = new Map<number, Member>();
    const holder = new Map<number, Member>();
    const leave = (task: number): void => {
      holder.get(task)?.held.delete(task);
      holder.delete(task);
    };
    let since: number | undefined = -Infinity;
    for (const { k, t, worker, task } of rows.changes()) {
      const member = members.get(worker);
      if (k === "up") members.set(worker, { held: new Set(), still: 0 });
      else if (k === "gone") members.delete(worker);
      else if (k === "still" || k === "turns") {
        if (member) member.still += k === "still" ? 1 : -1;
      } else {
        leave(task);
        if (k === "claim" && member) {
          member.held.add(task);
          holder.set(task, member);
        }
      }
      const open = hasRoom(members.values());
      if (open && since !== undefined) {
        this.#none.push([since, t]);
        since = undefined;
      } else if (!open) since ??= t;
    }
    if (since !== undefined) this.#none.push([since, Infinity]);
  }

  /** Ms between the two in which some worker had room. */
  between(from: number, to: number): number {
    let sum = Math.max(0, to - from);
    for (const [begin, end] of this.#none) sum -= Math.max(0, Math.min(end, to) - Math.max(begin, from));
    return sum;
  }
}

function hasRoom(members: Iterable<Member>): boolean {
  for (const { held, still } of members) if (still === 0 && held.size < slots) return true;
  return false;
}
