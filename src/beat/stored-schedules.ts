/** `app.schedules` over the database. Reads and writes facts; whichever beat leads takes them over by itself. */

import type { AsyncResult } from "../app/async-result.ts";
import type { AppCore } from "../app/core.ts";
import { changeSchedule, type DeclaredSchedule, declareSchedule, type ScheduleOptions } from "../app/schedule-book.ts";
import type { ScheduleChanges, ScheduleEntry, Schedules, ScheduleTick } from "../app/schedules.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { Lease } from "../port/lease.ts";
import type { Schedule } from "../task/schedule.ts";
import type { AnySignature } from "../task/signature.ts";
import { queueOf, startCall } from "./call.ts";
import { type Entry, isReadable, newEntry, redeclared, type UnreadableEntry, unknownSchedule } from "./entry.ts";
import { taken } from "./entry-store.ts";
import { newest } from "./line.ts";
import { portsOf, type SchedulePorts } from "./schedule-ports.ts";

/** As many as are kept. */
const allTicks = 1_000;

export class StoredSchedules implements Schedules {
  readonly #core: AppCore;

  constructor(core: AppCore) {
    this.#core = core;
  }

  async list(): Promise<readonly ScheduleEntry[]> {
    const { store, lease } = await this.#ports();
    const stored = await store.all();
    const entries = await Promise.all([...stored.values()].map((entry) => this.#shown(lease, entry)));
    const declared = this.#core.schedules.list().filter(({ name }) => !stored.has(name));
    return [...entries, ...declared.map((one) => this.#declared(one))].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async add(name: string, schedule: Schedule, signature: AnySignature, options: ScheduleOptions = {}): Promise<void> {
    const { config, clock, name: owner } = this.#core;
    const declared = declareSchedule(name, schedule, signature, options, config.defaultQueue);
    const { store } = await this.#ports();
    await store.update(name, (entry) => {
      if (entry !== undefined) throw taken(entry);
      return newEntry(declared, "runtime", owner, clock.now());
    });
  }

  async change<I>(name: string, changes: ScheduleChanges<I>): Promise<void> {
    await this.#update(name, (entry) => {
      if (entry.source === "code") {
        throw new CeleriacError(
          "SCHEDULE_IN_CODE",
          `The schedule "${name}" is declared in the code of "${entry.owner}", which would undo the change; change it there. Pausing it is possible here.`,
          { details: { schedule: name } },
        );
      }
      const declared = changeSchedule(entry, changes, this.#core.config.defaultQueue);
      return redeclared(entry, declared, this.#core.clock.now());
    });
  }

  async pause(name: string): Promise<void> {
    await this.#update(name, (entry) => this.#turned(entry, true));
  }

  async resume(name: string): Promise<void> {
    await this.#update(name, (entry) => this.#turned(entry, false));
  }

  async remove(name: string): Promise<void> {
    const { store, lease } = await this.#ports();
    const removed = await store.update(name, (entry) => {
      if (entry === undefined) throw unknownSchedule(name);
      return undefined;
    });
    if (removed) await lease.forget([name]);
  }

  async run(name: string): Promise<AsyncResult<unknown>> {
    return startCall(this.#core, await this.#find(name));
  }

  async next(name: string, n = 5): Promise<readonly Date[]> {
    const { schedule, since, from } = await this.#find(name);
    const times: Date[] = [];
    let tick: number | undefined = Math.max(from, this.#core.clock.now());
    while (times.length < n && (tick = schedule.next(tick, since)) !== undefined) times.push(new Date(tick));
    return times;
  }

  async history(name: string, n = 20): Promise<readonly ScheduleTick[]> {
    const { lease } = await this.#ports();
    await this.#find(name);
    return (await lease.fired(name, Math.min(n, allTicks))).map(shownTick);
  }

  #turned(entry: Entry, paused: boolean): Entry {
    const now = this.#core.clock.now();
    // Ticks of the time when it rested are nobody's.
    const from = entry.paused && !paused ? now : entry.from;
    return { ...entry, paused, from, byHand: true, updated: now };
  }

  async #ports(): Promise<SchedulePorts> {
    return portsOf(this.#core, await this.#core.connect());
  }

  async #update(name: string, change: (entry: Entry) => Entry): Promise<void> {
    const { store } = await this.#ports();
    await store.update(name, (entry) => {
      if (entry === undefined) throw unknownSchedule(name);
      return change(readable(entry));
    });
  }

  /** Stored, or declared in the code of this app. */
  async #find(name: string): Promise<Pick<Entry, "schedule" | "signature" | "sending" | "since" | "from">> {
    const { store } = await this.#ports();
    const entry = (await store.all()).get(name);
    if (entry !== undefined) return readable(entry);
    await this.#core.load();
    const declared = this.#core.schedules.get(name);
    if (declared === undefined) throw unknownSchedule(name);
    const now = this.#core.clock.now();
    return { ...declared, since: now, from: now };
  }

  async #shown(lease: Lease, entry: Entry | UnreadableEntry): Promise<ScheduleEntry> {
    const fired = await lease.fired(entry.name, 1);
    const last = fired[0] && shownTick(fired[0]);
    if (!isReadable(entry)) return { ...unreadable, ...entry, last };
    const { schedule, since, from, paused, updated } = entry;
    const next = paused ? undefined : schedule.next(Math.max(from, newest(fired)), since);
    return {
      ...facts(entry),
      source: entry.source,
      owner: entry.owner,
      state: paused ? "paused" : "active",
      next: next === undefined ? undefined : new Date(next),
      last,
      updated: new Date(updated),
    };
  }

  #declared(declared: DeclaredSchedule): ScheduleEntry {
    return {
      ...facts(declared),
      source: "code",
      owner: this.#core.name,
      state: "declared",
      next: undefined,
      last: undefined,
      updated: undefined,
    };
  }
}

const unreadable: Omit<ScheduleEntry, "name" | "problem" | "last"> = {
  schedule: "",
  timezone: "",
  task: "",
  queue: undefined,
  source: "runtime",
  owner: "",
  state: "unreadable",
  policy: undefined,
  next: undefined,
  updated: undefined,
};

function facts({
  name,
  schedule,
  policy,
  signature,
  sending,
}: Omit<DeclaredSchedule, "version">): Pick<
  ScheduleEntry,
  "name" | "schedule" | "timezone" | "task" | "queue" | "policy" | "problem"
> {
  const { task } = signature;
  const queue = queueOf({ signature, sending });
  return { name, schedule: String(schedule), timezone: schedule.timezone, task, queue, policy, problem: undefined };
}

function shownTick({ tick, id }: { readonly tick: number; readonly id: string | undefined }): ScheduleTick {
  return { tick: new Date(tick), id };
}

function readable(entry: Entry | UnreadableEntry): Entry {
  if (isReadable(entry)) return entry;
  throw new CeleriacError(
    "SCHEDULE_INVALID",
    `The schedule "${entry.name}" cannot be read here: ${entry.problem}. Remove it, or use the version that wrote it.`,
    { details: { schedule: entry.name } },
  );
}
