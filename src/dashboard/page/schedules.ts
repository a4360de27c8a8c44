/** Schedules as they stand, with their next runs and what became of the last ones. Who is confined to some queues sees those that send there. */

import type { ScheduleEntry, ScheduleTick } from "../../app/schedules.ts";
import { CeleriacError } from "../../error/celeriac-error.ts";
import { maySee, type Viewer } from "../access/viewer.ts";
import type { ScheduleList, ScheduleRow, TickRow } from "../contract.ts";
import type { Visit } from "../http/route.ts";
import type { Inside } from "../inside.ts";
import { shownRow } from "./tasks.ts";

const mostEntries = 1_000;
const mostNext = 20;
const mostTicks = 20;
const day = 86_400_000;
/** A tick that lies so far behind us has been missed, ms, beside what the schedule itself allows. */
const late = 30_000;

export async function scheduleList({ inside, viewer }: Visit): Promise<ScheduleList> {
  await inside.connect();
  const now = inside.clock.now();
  const entries = (await entriesOf(inside)).filter((entry) => maySee(viewer, queueOf(entry, inside)));
  const items: ScheduleRow[] = [];
  for (const entry of entries) if (entry.problem === undefined) items.push(await rowOf(inside, viewer, entry, now));
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

/** `undefined` for workflows, which cross queues, and for what cannot be read. */
function queueOf({ queue, task }: ScheduleEntry, { core }: Inside): string | undefined {
  return queue ?? core.registry.get(task)?.queue;
}

async function rowOf(inside: Inside, viewer: Viewer, entry: ScheduleEntry, now: number): Promise<ScheduleRow> {
  const { app, past, settings } = inside;
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
    ticks: ticksOf(history, told).map(({ row, why, ...tick }) => ({
      ...tick,
      ...(why !== undefined && { why: settings.redact(why, { kind: "error", task }) }),
      ...(row !== undefined && maySee(viewer, row.queue) && { row: shownRow(row, inside) }),
    })),
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
