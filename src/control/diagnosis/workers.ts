/** What workers say of themselves and of one task, Celery's among them: asked all at once, and whoever is silent is not there. */

import type { Clock } from "../../clock/clock.ts";
import type { Bus } from "../../port/bus.ts";
import type { Millis } from "../../port/units.ts";
import { ask } from "../ask.ts";

/** Longest silence, and longest wait for all of them, ms. */
const patience: Millis = 1_000;
const longest: Millis = 2_000;

export interface WorkerView {
  /** Node name, `name@host`. */
  readonly id: string;
  /** Absent: it did not answer this question. */
  readonly queues: ReadonlySet<string> | undefined;
  /** Names of the tasks that it runs, each with its rate if it has one. */
  readonly tasks: ReadonlyMap<string, string | undefined> | undefined;
  readonly slots: number | undefined;
  /** What runs there: ids, and since when as unix ms. */
  readonly active: ReadonlyMap<string, number | undefined>;
  /** How many wait there for a place. */
  readonly reserved: number;
  /** What it has of the task that is asked about. */
  readonly holds: "active" | "reserved" | undefined;
}

type Answers = ReadonlyMap<string, unknown>;

/** What they say of themselves; asked once, whatever number of tasks it is about. */
export interface Roll {
  readonly queues: Answers;
  readonly tasks: Answers;
  readonly stats: Answers;
  readonly active: Answers;
  readonly reserved: Answers;
}

export async function callRoll(bus: Bus, clock: Clock, signal: AbortSignal): Promise<Roll> {
  const question = (method: string, named: Readonly<Record<string, unknown>> = {}): Promise<Answers> =>
    ask(bus, { method, arguments: named, timeout: patience, inAll: longest }, clock, signal);
  const [queues, tasks, stats, active, reserved] = await Promise.all([
    question("active_queues"),
    question("registered", { taskinfoitems: ["rate_limit"] }),
    question("stats"),
    question("active"),
    question("reserved"),
  ]);
  return { queues, tasks, stats, active, reserved };
}

/** The same with what each has of one task. */
export async function askWorkers(
  bus: Bus,
  clock: Clock,
  id: string,
  calling: Promise<Roll>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, WorkerView>> {
  const question = { method: "query_task", arguments: { ids: [id] }, timeout: patience, inAll: longest };
  const [roll, holders] = await Promise.all([calling, ask(bus, question, clock, signal)]);
  return viewsOf(roll, holders, id);
}

/** Of the roll alone nobody holds anything that is asked about. */
export function viewsOf(roll: Roll, holders: Answers = new Map(), id = ""): ReadonlyMap<string, WorkerView> {
  const { queues, tasks, stats, active, reserved } = roll;
  const names = new Set([...Object.values(roll), holders].flatMap((answers: Answers) => [...answers.keys()]));
  return new Map(
    [...names].toSorted().map((name): [string, WorkerView] => [
      name,
      {
        id: name,
        queues: queuesOf(queues.get(name)),
        tasks: tasksOf(tasks.get(name)),
        slots: slotsOf(stats.get(name)),
        active: activeOf(active.get(name)),
        reserved: listOf(reserved.get(name))?.length ?? 0,
        holds: holdsOf(holders.get(name), id),
      },
    ]),
  );
}

/** Everything below reads answers that anybody may have sent: what is not as it should be is not there. */
function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function listOf(value: unknown): readonly unknown[] | undefined {
  return Array.isArray(value) ? (value as readonly unknown[]) : undefined;
}

function queuesOf(answer: unknown): WorkerView["queues"] {
  const names = listOf(answer)?.flatMap((queue) => {
    const { name } = recordOf(queue);
    return typeof name === "string" ? [name] : [];
  });
  return names && new Set(names);
}

/** "name [rate_limit=10/m]", as Celery writes it. */
function tasksOf(answer: unknown): WorkerView["tasks"] {
  const entries = listOf(answer)?.flatMap((entry): [string, string | undefined][] => {
    if (typeof entry !== "string") return [];
    const [, name = entry, rate] = /^(.*?)(?: \[.*?rate_limit=([^\s\]]+).*\]| \[.*\])?$/.exec(entry) ?? [];
    return [[name, rate === "None" || rate === "null" ? undefined : rate]];
  });
  return entries && new Map(entries);
}

function slotsOf(answer: unknown): number | undefined {
  const slots = recordOf(recordOf(answer)["pool"])["max-concurrency"];
  return typeof slots === "number" ? slots : undefined;
}

function activeOf(answer: unknown): WorkerView["active"] {
  const entries = (listOf(answer) ?? []).flatMap((entry): [string, number | undefined][] => {
    const { id, time_start: started } = recordOf(entry);
    if (typeof id !== "string") return [];
    return [[id, typeof started === "number" && started > 0 ? Math.round(started * 1000) : undefined]];
  });
  return new Map(entries);
}

function holdsOf(answer: unknown, id: string): WorkerView["holds"] {
  const [state] = listOf(recordOf(answer)[id]) ?? [];
  return state === "active" ? "active" : state === "reserved" || state === "ready" ? "reserved" : undefined;
}
