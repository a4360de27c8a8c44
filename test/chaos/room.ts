/** When some worker could have claimed a task: it was up, turned, and held less than its slots. From the journal alone. */

import type { Entry } from "./journal.ts";

type FaultEntry = Extract<Entry, { readonly k: "fault" }>;

/** Of each worker of a run. */
export const slots = 4;

/** A whole worker was gone, or still. */
export const workerDeath: RegExp = /^(kill|stop|end|end and kill) (worker|machine)$/;
const pause = /^stop /;

interface Member {
  readonly held: Set<string>;
  /** Pauses that have not ended. */
  still: number;
}

export class Room {
  /** Times in which nobody had room, in their order. */
  readonly #none: (readonly [from: number, to: number])[] = [];

  constructor(journal: readonly Entry[]) {
    const members = new Map<number, Member>();
    const holder = new Map<string, Member>();
    const leave = (id: string): void => {
      holder.get(id)?.held.delete(id);
      holder.delete(id);
    };
    let since: number | undefined = -Infinity;
    for (const [t, change] of changes(journal)) {
      change(
        members,
        (id, worker) => {
          leave(id);
          const member = members.get(worker);
          if (!member) return;
          member.held.add(id);
          holder.set(id, member);
        },
        leave,
      );
      const open = [...members.values()].some(({ held, still }) => still === 0 && held.size < slots);
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

type Change = (
  members: Map<number, Member>,
  hold: (id: string, worker: number) => void,
  leave: (id: string) => void,
) => void;

function changes(journal: readonly Entry[]): (readonly [t: number, change: Change])[] {
  const all: (readonly [number, Change])[] = [];
  for (const entry of journal) {
    if (entry.k === "up")
      all.push([entry.t, (members) => void members.set(entry.worker, { held: new Set(), still: 0 })]);
    else if (entry.k === "claim") all.push([entry.t, (_, hold) => hold(entry.id, entry.worker)]);
    else if (entry.k === "freed" || entry.k === "lost")
      all.push([entry.t, (_members, _hold, leave) => leave(entry.id)]);
    else if (entry.k === "fault" && workerDeath.test(entry.fault)) all.push(...faultChanges(entry));
  }
  return all.sort(([a], [b]) => a - b);
}

function faultChanges({ fault, t, until, target }: FaultEntry): (readonly [number, Change])[] {
  if (!pause.test(fault)) return [[t, (members) => void members.delete(target)]];
  const by = (step: number): Change => {
    return (members) => {
      const member = members.get(target);
      if (member) member.still += step;
    };
  };
  return [
    [t, by(1)],
    [until, by(-1)],
  ];
}
