/** `app.schedules`: schedules as people see and change them while everything runs. The implementation is loaded when it is first used. */

import type { Schedule } from "../task/schedule.ts";
import type { Closed, Signature } from "../task/signature.ts";
import type { AsyncResult } from "./async-result.ts";
import type { AppCore } from "./core.ts";
import type { ScheduleOptions, SchedulePolicy } from "./schedule-book.ts";

/** One schedule as it stands. */
export interface ScheduleEntry {
  readonly name: string;
  /** As `schedule.toString()` writes it; "" if it cannot be read. */
  readonly schedule: string;
  readonly timezone: string;
  /** Name of the task, or `celery.chain`, `celery.group`, `celery.chord`. */
  readonly task: string;
  readonly queue: string | undefined;
  /** "code": the app `owner` declares it. "runtime": added by a person. */
  readonly source: "code" | "runtime";
  readonly owner: string;
  /** "declared": in the code of this app, but no beat has stored it yet. "unreadable": `problem` says why. */
  readonly state: "active" | "paused" | "declared" | "unreadable";
  readonly policy: SchedulePolicy | undefined;
  /** The tick that comes next; in the past if no beat was there for it. Absent: never again, or paused. */
  readonly next: Date | undefined;
  /** The last tick that fired. */
  readonly last: ScheduleTick | undefined;
  /** When it was added, or changed last. */
  readonly updated: Date | undefined;
  readonly problem: string | undefined;
}

/** A tick that is done with. */
export interface ScheduleTick {
  readonly tick: Date;
  /** Of the task that was sent; absent if the tick was skipped. */
  readonly id: string | undefined;
}

/**
 * What a change names, changes; the rest stays.
 *
 * @example
 * ```ts
 * import { cron } from "celeriac";
 * await app.schedules.change("hourly totals", { schedule: cron("30 * * * *"), overlap: "skip" });
 * ```
 */
export interface ScheduleChanges<I> extends Omit<ScheduleOptions, "paused"> {
  readonly schedule?: Schedule;
  readonly signature?: Signature<I, unknown> & Closed<I>;
}

/**
 * Schedules at run time. They are stored in the database, and a running beat takes a change over within a second.
 *
 * @example
 * ```ts
 * import { cron } from "celeriac";
 * const totals = app.task("totals", async (day: { back: number }) => day.back);
 * await app.schedules.add("hourly totals", cron("0 * * * *"), totals.si({ back: 0 }));
 * await app.schedules.pause("hourly totals");
 * for (const { name, state, next } of await app.schedules.list()) console.log(name, state, next);
 * ```
 */
export interface Schedules {
  /** All that are stored, in the order of their names. */
  list(): Promise<readonly ScheduleEntry[]>;
  /** Adds one; it begins now. Rejects with SCHEDULE_TAKEN, or as `app.schedule` throws. */
  add<I>(
    name: string,
    schedule: Schedule,
    signature: Signature<I, unknown> & Closed<I>,
    options?: ScheduleOptions,
  ): Promise<void>;
  /** Rejects with SCHEDULE_UNKNOWN, or SCHEDULE_IN_CODE for one that code declares. */
  change<I>(name: string, changes: ScheduleChanges<I>): Promise<void>;
  /** Nothing is sent until `resume`, whatever the code says. Rejects with SCHEDULE_UNKNOWN. */
  pause(name: string): Promise<void>;
  /** Goes on with the next tick: those of the pause are not made up for. Rejects with SCHEDULE_UNKNOWN. */
  resume(name: string): Promise<void>;
  /** For good, unless it is in code: then the next beat that starts adds it again. Rejects with SCHEDULE_UNKNOWN. */
  remove(name: string): Promise<void>;
  /** Sends its call now, paused or not. Its ticks stay as they are. Rejects with SCHEDULE_UNKNOWN, or as `enqueue` does. */
  run(name: string): Promise<AsyncResult<unknown>>;
  /** Its next `n` planned times from now on; 5 unless said otherwise. Also for one in code that no beat has stored. */
  next(name: string, n?: number): Promise<readonly Date[]>;
  /** Its last `n` ticks, newest first; 20 unless said otherwise, 1 000 are kept. */
  history(name: string, n?: number): Promise<readonly ScheduleTick[]>;
}

/** The door: loads `beat/` when it is used. */
export function lazySchedules(core: AppCore): Schedules {
  const load = async (): Promise<Schedules> => {
    const { StoredSchedules } = await import("../beat/stored-schedules.ts");
    return new StoredSchedules(core);
  };
  return {
    list: async () => (await load()).list(),
    add: async (name, schedule, signature, options) => (await load()).add(name, schedule, signature, options),
    change: async (name, changes) => (await load()).change(name, changes),
    pause: async (name) => (await load()).pause(name),
    resume: async (name) => (await load()).resume(name),
    remove: async (name) => (await load()).remove(name),
    run: async (name) => (await load()).run(name),
    next: async (name, n) => (await load()).next(name, n),
    history: async (name, n) => (await load()).history(name, n),
  };
}
