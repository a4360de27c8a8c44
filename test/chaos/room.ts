/** When some worker could have claimed a task: it was up, turned, and held less than its slots. From the journal alone. */

import type { Change, Rows } from "./rows.ts";

/** Of each worker of a run. */
export const slots = 4;
/** Children of each of them. */
export const processes = 2;

/** A time in which a worker could not be reached. */
export interface Absence {
  readonly t: number;
  readonly until: number;
  readonly worker: number;
}

interface Member {
  readonly held: Set<number>;
  /** Pauses that have not ended. */
  still: number;
}

export class Room {
  /** Times in which nobody had room, in their order. */
  readonly #none: (readonly [from: number, to: number])[] = [];

  /** `absences`: of workers that then have no room, whatever they hold. */
  constructor(rows: Rows, absences: readonly Absence[] = []) {
    const members = new Map<number, Member>();
    const away = new Map<number, number>();
    const holder = new Map<number, Member>();
    const leave = (task: number): void => {
      holder.get(task)?.held.delete(task);
      holder.delete(task);
    };
    let since: number | undefined = -Infinity;
    for (const { k, t, worker, task } of inTime(rows.changes(), absences)) {
      const member = members.get(worker);
      if (k === "away" || k === "back") away.set(worker, (away.get(worker) ?? 0) + (k === "away" ? 1 : -1));
      else if (k === "up") members.set(worker, { held: new Set(), still: 0 });
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
      const open = hasRoom(members, away);
      if (open && since !== undefined) {
        this.#none.push([since, t]);
        since = undefined;
      } else if (!open) since ??= t;
    }
    if (since !== undefined) this.#none.push([since, Infinity]);
  }

  get none(): readonly (readonly [from: number, to: number])[] {
    return this.#none;
  }

  /** Ms between the two in which some worker had room. */
  between(from: number, to: number): number {
    let sum = Math.max(0, to - from);
    for (const [begin, end] of this.#none) sum -= Math.max(0, Math.min(end, to) - Math.max(begin, from));
    return sum;
  }
}

function hasRoom(members: ReadonlyMap<number, Member>, away: ReadonlyMap<number, number>): boolean {
  for (const [worker, { held, still }] of members)
    if (still === 0 && held.size < slots && (away.get(worker) ?? 0) === 0) return true;
  return false;
}

type Step = Omit<Change, "k"> & { readonly k: Change["k"] | "away" | "back" };

function* inTime(changes: Iterable<Change>, absences: readonly Absence[]): Generator<Step> {
  const ends = absences.flatMap(({ t, until, worker }): Step[] => [
    { k: "away", t, worker, task: -1 },
    { k: "back", t: until, worker, task: -1 },
  ]);
  ends.sort((a, b) => a.t - b.t);
  let next = 0;
  for (const change of changes) {
    for (; next < ends.length && (ends[next]?.t ?? Infinity) <= change.t; next++) yield ends[next] as Step;
    yield change;
  }
  yield* ends.slice(next);
}
