/**
 * All that a journal says, in as little memory as the questions of the checker need: one row of numbers for each line about a run or a
 * claim, chained by task, and the few lines about everything else as they are. Made of entries in any order, each taken once.
 */

import { setImmediate as turn } from "node:timers/promises";
import type { Entry, Hold, JournalReader, Run } from "./journal.ts";
import { isPause, Rows, workerDeath } from "./rows.ts";
import { deadly, endlessLimit } from "./workload.ts";

export type FaultEntry = Extract<Entry, { readonly k: "fault" }>;

export type Away = Extract<Entry, { readonly k: "away" }>;

/** A checkpoint, by task and name. */
export interface Step {
  readonly id: string;
  readonly times: number;
}

/** What happened to one task, in the order of time. */
export interface TaskHistory {
  readonly starts: readonly Run[];
  readonly ends: readonly Run[];
  readonly claims: readonly Hold[];
  readonly freed: readonly Hold[];
}

export class History {
  /** Kinds by id. */
  readonly accepted = new Map<string, string>();
  /** Ms at which its sender heard so. */
  readonly acceptedAt = new Map<string, number>();
  readonly unclear = new Map<string, string>();
  readonly refusals: Extract<Entry, { readonly k: "refused" }>[] = [];
  readonly twice: string[] = [];
  /** Ids that were sent a second time. */
  readonly again = new Set<string>();
  readonly aways: Away[] = [];
  readonly faults: FaultEntry[] = [];
  /** Of tasks that take their process along, when it ends. Each is a fault of its own. */
  readonly deadly: Run[] = [];
  /** Times before which a task may not start, by id: the first that was said. */
  readonly due = new Map<string, { readonly said: number; readonly at: number }>();
  readonly steps = new Map<string, Step>();
  readonly handles: Extract<Entry, { readonly k: "handles" }>[] = [];
  /** Process ids of all that took tasks. */
  readonly workers = new Set<number>();
  readonly rows = new Rows();
  readonly #numbers = new Map<string, number>();
  readonly #kinds = new Map<string, string>();

  /** Takes all that was written since. The lines of the workers go through this process too, so it turns in between. */
  async readOn(reader: JournalReader): Promise<void> {
    for (let some = reader.some(); some.length > 0; some = reader.some()) {
      for (const entry of some) this.add(entry);
      await turn();
    }
  }

  add(entry: Entry): void {
    switch (entry.k) {
      case "accepted":
        this.acceptedAt.set(entry.id, entry.t);
        return void this.accepted.set(entry.id, this.#kind(entry.kind));
      case "unclear":
        return void this.unclear.set(entry.id, this.#kind(entry.kind));
      case "refused":
        return void this.refusals.push(entry);
      case "again":
        return void this.again.add(entry.id);
      case "due":
        if (!this.due.has(entry.id)) this.due.set(entry.id, { said: entry.t, at: entry.at });
        return;
      case "twice":
        return void this.twice.push(entry.id);
      case "fault":
        this.faults.push(entry);
        return this.#addDeath(entry);
      case "start":
        if (deadly.has(entry.kind)) this.deadly.push({ ...entry, t: deathOf(entry) });
        return this.rows.add({ ...entry, kind: this.#kind(entry.kind) }, this.#number(entry.id));
      case "step": {
        const name = `${entry.id}/${entry.step}`;
        this.steps.set(name, { id: entry.id, times: (this.steps.get(name)?.times ?? 0) + 1 });
        return;
      }
      case "away":
        return void this.aways.push(entry);
      case "handles":
        return void this.handles.push(entry);
      case "up":
        this.workers.add(entry.worker);
        return this.rows.add(entry, -1);
      default:
        this.rows.add("kind" in entry ? { ...entry, kind: this.#kind(entry.kind) } : entry, this.#number(entry.id));
    }
  }

  /** Ids of all that ran or was claimed. */
  get ids(): Iterable<string> {
    return this.#numbers.keys();
  }

  of(id: string): TaskHistory {
    const number = this.#numbers.get(id);
    const found = { starts: [] as Run[], ends: [] as Run[], claims: [] as Hold[], freed: [] as Hold[] };
    if (number === undefined) return found;
    for (const entry of this.rows.of(number, id)) {
      if (entry.k === "start") found.starts.push(entry);
      else if (entry.k === "end") found.ends.push(entry);
      else if (entry.k === "claim") found.claims.push(entry);
      else if (entry.k === "freed") found.freed.push(entry);
    }
    for (const list of Object.values(found)) list.sort((a, b) => a.t - b.t);
    return found;
  }

  #addDeath(fault: FaultEntry): void {
    if (!workerDeath.test(fault.fault)) return;
    const { t, until, target: worker } = fault;
    if (!isPause.test(fault.fault)) return this.rows.add({ k: "gone", t, worker }, -1);
    this.rows.add({ k: "still", t, worker }, -1);
    this.rows.add({ k: "turns", t: until, worker }, -1);
  }

  #number(id: string): number {
    const known = this.#numbers.get(id);
    if (known !== undefined) return known;
    this.#numbers.set(id, this.#numbers.size);
    return this.#numbers.size - 1;
  }

  /** One text for all that have it. */
  #kind(kind: string): string {
    const known = this.#kinds.get(kind);
    if (known === undefined) this.#kinds.set(kind, kind);
    return known ?? kind;
  }
}

/** Ms after the limit of a task for which its child has time to say that it still turns. */
const asked = 250;

function deathOf({ kind, t }: Run): number {
  return kind === "endless" ? t + endlessLimit + asked : t;
}

export function historyOf(entries: Iterable<Entry>): History {
  const history = new History();
  for (const entry of entries) history.add(entry);
  return history;
}
