/** Schedules as people and scripts see them: all of them, the next times of one, its last ticks. */

import type { ScheduleEntry, ScheduleTick } from "../app/schedules.ts";
import { exitCode } from "./failure.ts";
import type { ScheduleFlags } from "./schedule-edit.ts";
import type { Session } from "./target.ts";
import { age, paint, printJson, printLine, printTable } from "./terminal.ts";

export async function listSchedules({ app, core, named }: Session, { json }: ScheduleFlags): Promise<number> {
  if (named) await core.load();
  const entries = await app.schedules.list();
  if (json === true) {
    printJson(entries);
    return exitCode.done;
  }
  if (entries.length === 0) {
    printLine("no schedule is stored; those in code are when a beat starts");
    return exitCode.done;
  }
  const now = core.clock.now();
  printTable<ScheduleEntry>(
    [
      { title: "name", cell: ({ name }) => name },
      { title: "schedule", cell: ({ schedule }) => schedule },
      { title: "task", cell: ({ task }) => task },
      { title: "next in", cell: (entry) => until(entry, now), right: true },
      { title: "last", cell: ({ last }) => (last === undefined ? "" : `${age(now - last.tick.getTime())} ago`) },
      { title: "state", cell: ({ state, problem }) => (problem === undefined ? state : `${state}: ${problem}`) },
      { title: "source", cell: ({ source, owner }) => (source === "code" ? `code of ${owner}` : "run time") },
    ],
    entries,
  );
  if (entries.some(({ state }) => state === "declared"))
    printLine(paint("dim", "declared: in the code, and stored when a beat starts"));
  return exitCode.done;
}

export async function showNext({ app, core }: Session, name: string, flags: ScheduleFlags): Promise<number> {
  const times = await app.schedules.next(name, flags.count ?? 5);
  const zone = (await app.schedules.list()).find((entry) => entry.name === name)?.timezone ?? "UTC";
  if (flags.json === true) {
    printJson(times.map((time) => ({ time, timezone: zone, local: localTime(time, zone) })));
    return exitCode.done;
  }
  if (times.length === 0) printLine("never again");
  else {
    const now = core.clock.now();
    printTable<Date>(
      [
        { title: zone, cell: (time) => localTime(time, zone) },
        { title: "UTC", cell: (time) => localTime(time, "UTC") },
        { title: "in", cell: (time) => age(time.getTime() - now), right: true },
      ],
      times,
    );
  }
  return exitCode.done;
}

export async function showHistory({ app }: Session, name: string, flags: ScheduleFlags): Promise<number> {
  const ticks = await app.schedules.history(name, flags.count ?? 20);
  if (flags.json === true) printJson(ticks);
  else if (ticks.length === 0) printLine("it has not fired yet");
  else {
    printTable<ScheduleTick>(
      [
        { title: "planned for (UTC)", cell: ({ tick }) => localTime(tick, "UTC") },
        { title: "task", cell: ({ id }) => id ?? "none: the tick was skipped" },
      ],
      ticks,
    );
  }
  return exitCode.done;
}

/** The next tick lies behind us where no scheduler was there for it. */
function until({ next, policy }: ScheduleEntry, now: number): string {
  if (next === undefined) return "";
  const ms = next.getTime() - now;
  if (ms >= 0) return age(ms);
  return -ms <= (policy?.grace ?? 0) + (policy?.jitter ?? 0) ? "now" : `overdue ${age(-ms)}`;
}

/** "2026-03-29 03:00:00 GMT+2", or without the offset in UTC. */
function localTime(time: Date, timeZone: string): string {
  const date = time.toLocaleString("sv-SE", { timeZone });
  if (timeZone === "UTC") return date;
  const parts = new Intl.DateTimeFormat("en", { timeZone, timeZoneName: "shortOffset" }).formatToParts(time);
  return `${date} ${parts.find(({ type }) => type === "timeZoneName")?.value ?? ""}`.trim();
}
