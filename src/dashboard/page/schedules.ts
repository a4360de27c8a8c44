/** Schedules as they stand, with their next runs and what became of the last ones. */

import type { ScheduleEntry, ScheduleTick } from "../../app/schedules.ts";
import { CeleriacError } from "../../error/celeriac-error.ts";
import type { ScheduleList, ScheduleRow, TickRow } from "../contract.ts";
import type { Visit } from "../http/route.ts";
import type { Inside } from "../inside.ts";

const mostEntries = 1_000;
const mostNext = 20;
const mostTicks = 20;
const day = 86_400_000;
/** A tick that lies so far behind us has been missed, ms, beside what the schedule itself allows. */
const late = 30_000;

export async function scheduleList({ inside }: Visit): Promise<ScheduleList> {
  await inside.connect();
  const now = inside.clock.now();
  const entries = await entriesOf(inside);
  const items: ScheduleRow[] = [];
  for (const entry of entries) if (entry.problem === undefined) items.push(await rowOf(inside, entry, now));
  const unreadable = entries.flatMap(({ name, problem }) => (problem === undefined ? [] : [{ name, problem }]));
  return { at: now, gaps: [], items, unreadable };
}

/** None where schedules are kept nowhere. */
export async function entriesOf({ app, core }: Inside): Promise<readonly ScheduleEntry[]> {
  await core.load();
  try {
    return (await app.schedules.list()).slice(0, mostEntries);
  } catch (error) {
    if (error instanceof CeleriacError && error.code === "NOT_SUPPORTED") return [];
    throw error;
  }
}

/** The planned moment of a tick that should have been sent. */
export function missedTick({ state, next, policy }: ScheduleEntry, now: number): number | undefined {
  if (state !== "active" || next === undefined) return undefined;
  const slack = late + (policy?.grace ?? 0) + (policy?.jitter ?? 0);
  return next.getTime() + slack < now ? next.getTime() : undefined;
}

async function rowOf({ app, past }: Inside, entry: ScheduleEntry, now: number): Promise<ScheduleRow> {
  const { name, task, schedule, timezone, source, state, queue } = entry;
  const [next, history, told] = await Promise.all([
    state === "paused" ? [] : app.schedules.next(name, mostNext),
    state === "declared" ? [] : app.schedules.history(name, mostTicks),
    past.ticks(name, undefined, mostTicks),
  ]);
  const missed = missedTick(entry, now);
  return {
    name,
    task,
    spec: timezone === "UTC" || schedule.includes(timezone) ? schedule : `${schedule} ${timezone}`,
    source,
    paused: state === "paused",
    next: next.map((time) => time.getTime()).filter((time) => time <= now + day),
    ticks: ticksOf(history, told),
    ...(queue !== undefined && { queue }),
    ...(missed !== undefined && { missed }),
  };
}

/** What the database knows of those that are used up, with what was told of each; and what was told of others, which wait or cannot be sent. */
function ticksOf(history: readonly ScheduleTick[], told: readonly TickRow[]): readonly TickRow[] {
  const rows = new Map(told.map((row) => [row.tick, row]));
  for (const { tick, id } of history) {
    const at = tick.getTime();
    rows.set(at, { sent: at, ...rows.get(at), tick: at, ...(id !== undefined && { id }) });
  }
  return [...rows.values()].toSorted((a, b) => b.tick - a.tick).slice(0, mostTicks);
}
