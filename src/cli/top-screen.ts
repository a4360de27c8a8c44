/** What `top` shows, as lines: the same state gives the same picture. */

import type { ClusterState } from "../event/cluster-state.ts";
import type { TaskRecord } from "../event/task-record.ts";
import { isAlive, type WorkerRecord } from "../event/worker-record.ts";
import type { QueueState } from "../port/queue-admin.ts";
import { queueColumns } from "./queue-list.ts";
import { age, type Column, paint, tableLines } from "./terminal.ts";

export interface TopView {
  readonly broker: string;
  readonly state: ClusterState;
  readonly queues: readonly QueueState[];
  /** Unix ms. */
  readonly now: number;
  /** Unix ms since when events are heard. */
  readonly since: number;
}

/** Columns and rows of the terminal. */
export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

const window = 10;

export function topScreen(view: TopView, { columns, rows }: ScreenSize): readonly string[] {
  const { state, queues, now } = view;
  const workers = state.workers.filter(({ gone, heard }) => !gone || now - heard < 60_000);
  const running = runningTasks(state);
  const head = [
    cut(`${paint("bold", "celeriac top")}  ${view.broker}  ${new Date(now).toLocaleTimeString("sv-SE")}`, columns),
    cut(rateLine(view), columns),
    "",
    ...tableLines(workerColumns(now), workers, columns),
    "",
    ...tableLines(queueColumns(now), queues, columns),
    "",
  ];
  // Besides them: their titles, the line of those that are not shown, and the one where the cursor stands.
  const room = Math.max(1, rows - head.length - 3);
  const table = tableLines(taskColumns(now), running.slice(0, room), columns);
  const hidden = running.length - (table.length - 1);
  return [...head, ...table, ...(hidden > 0 ? [paint("dim", `… and ${String(hidden)} more`)] : [])];
}

/** The same for a script. */
export function topFacts({ broker, state, queues, now, since }: TopView): Readonly<Record<string, unknown>> {
  return {
    broker,
    since: new Date(since).toISOString(),
    workers: state.workers.map((worker) => ({ ...worker, alive: isAlive(worker, now) })),
    queues,
    counts: state.counts,
    missed: state.missed ?? null,
    running: runningTasks(state),
  };
}

/** The one that has run longest first. */
function runningTasks(state: ClusterState): readonly TaskRecord[] {
  return [...state.tasks()]
    .filter((task) => task.state === "STARTED")
    .toSorted((a, b) => (a.started ?? 0) - (b.started ?? 0));
}

function rateLine({ state, now, since }: TopView): string {
  const seconds = Math.min(window, Math.floor(now / 1000) - Math.ceil(since / 1000));
  const { succeeded, failed, retried, received } = state.within(window, now);
  const rate = (count: number): string => (seconds < 1 ? "?" : `${(count / seconds).toFixed(1)}/s`);
  const parts = [
    `received ${rate(received)}`,
    `succeeded ${rate(succeeded)}`,
    `failed ${rate(failed)}`,
    `retried ${rate(retried)}`,
  ];
  const { missed } = state;
  if (missed !== 0) parts.push(missed === undefined ? "some events were missed" : `${String(missed)} events missed`);
  return parts.join("   ");
}

const workerColumns = (now: number): readonly Column<WorkerRecord>[] => [
  { title: "worker", cell: ({ hostname }) => hostname },
  { title: "", cell: (worker) => (worker.gone ? "gone" : isAlive(worker, now) ? "up" : "lost") },
  {
    title: "active",
    cell: ({ active, concurrency }) => `${String(active)}${concurrency === undefined ? "" : `/${String(concurrency)}`}`,
    right: true,
  },
  { title: "waiting", cell: ({ waiting }) => waiting ?? "", right: true },
  { title: "processed", cell: ({ processed }) => processed, right: true },
  { title: "load", cell: ({ loadavg }) => loadavg[0]?.toFixed(2) ?? "", right: true },
  { title: "queues", cell: ({ queues }) => queues?.join(",") ?? "" },
  { title: "software", cell: ({ software }) => software },
];

const taskColumns = (now: number): readonly Column<TaskRecord>[] => [
  { title: "running task", cell: ({ name, uuid }) => name ?? uuid },
  { title: "id", cell: ({ uuid }) => uuid },
  { title: "worker", cell: ({ worker }) => worker ?? "" },
  { title: "since", cell: ({ started }) => (started === undefined ? "?" : age(now - started * 1000)), right: true },
  { title: "try", cell: ({ attempt }) => attempt, right: true },
  { title: "", cell: ({ progress }) => (progress === undefined ? "" : progressText(progress)) },
];

function progressText({ done, total, note }: NonNullable<TaskRecord["progress"]>): string {
  const share = total === null || total <= 0 ? String(done) : `${String(Math.round((100 * done) / total))} %`;
  return note === null ? share : `${share} ${note}`;
}

function cut(text: string, columns: number): string {
  // Colours take no room, and these lines have few.
  return text.length > columns + 20 ? `${text.slice(0, columns - 1)}…` : text;
}
