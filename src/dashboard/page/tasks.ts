/** Tasks: the table, one of them, its log; all from the history. Who is confined to some queues sees no others' tasks. */

import type {
  LogPage,
  TaskActionKind,
  TaskCounts,
  TaskDetail,
  TaskFilter,
  TaskPage,
  TaskRow,
  TaskState,
} from "../contract.ts";
import { mayDo, maySee, type Viewer, visibleQueues } from "../access/viewer.ts";
import { coveredAttempts, coveredLine } from "./cover.ts";
import { notFound } from "../http/failure.ts";
import type { Query } from "../http/query.ts";
import type { Visit } from "../http/route.ts";
import type { Inside } from "../inside.ts";

export const taskStates: readonly TaskState[] = [
  "queued",
  "delayed",
  "running",
  "retrying",
  "succeeded",
  "failed",
  "revoked",
  "dead",
];
const ended: ReadonlySet<TaskState> = new Set<TaskState>(["succeeded", "failed", "revoked", "dead"]);

export async function taskPage({ inside, viewer, query }: Visit): Promise<TaskPage> {
  const limit = query.whole("limit", 1, 200) ?? 50;
  const [order, after] = [query.oneOf("order", ["newest", "oldest"]), query.cursor()];
  const page = await inside.past.tasks({
    ...filterOf(query, viewer),
    limit,
    ...(order !== undefined && { order }),
    ...(after !== undefined && { after }),
  });
  return { ...page, items: page.items.map((row) => shownRow(row, inside)) };
}

export async function taskCounts({ inside, viewer, query }: Visit): Promise<TaskCounts> {
  return inside.past.counts(filterOf(query, viewer));
}

export async function taskDetail({ inside, viewer, params, query }: Visit): Promise<TaskDetail> {
  const at = query.moment("at");
  const task = await inside.past.task(params["id"] ?? "", at);
  if (task === undefined || !maySee(viewer, task.row.queue)) throw unknown();
  const { redact } = inside.settings;
  const name = task.row.task;
  const cover = (kind: string, text: string): string => redact(text, { kind, task: name });
  return {
    ...task,
    row: shownRow(task.row, inside),
    attempts: coveredAttempts(task.attempts, redact, name),
    children: task.children.filter((row) => maySee(viewer, row.queue)).map((row) => shownRow(row, inside)),
    ...(task.args !== undefined && { args: cover("args", task.args) }),
    ...(task.kwargs !== undefined && { kwargs: cover("kwargs", task.kwargs) }),
    ...(task.result !== undefined && { result: cover("result", task.result) }),
    ...(task.error !== undefined && {
      error: {
        ...task.error,
        causes: task.error.causes.map((cause) => ({
          ...cause,
          message: cover("error", cause.message),
          frames: cause.frames.map((frame) =>
            frame.source === undefined ? frame : { ...frame, source: cover("error", frame.source) },
          ),
        })),
        ...(task.error.traceback !== undefined && { traceback: cover("error", task.error.traceback) }),
      },
    }),
    actions: at === undefined && !inside.settings.readOnly ? actionsFor(task.row, viewer) : [],
  };
}

export async function taskLog(visit: Visit): Promise<LogPage> {
  const { inside, viewer, params, query } = visit;
  const id = params["id"] ?? "";
  const row = (await inside.past.task(id))?.row;
  if (row === undefined || !maySee(viewer, row.queue)) throw unknown();
  const [at, after] = [query.moment("at"), query.cursor()];
  const page = await inside.past.log(id, {
    limit: query.whole("limit", 1, 1_000) ?? 200,
    ...(at !== undefined && { at }),
    ...(after !== undefined && { after }),
  });
  const { redact } = inside.settings;
  return {
    ...page,
    items: page.items.map((line) => coveredLine(line, redact, row.task)),
  };
}

/** As it stands in the URL, for what this person may see. */
export function filterOf(query: Query, viewer: Viewer): TaskFilter {
  const state = query.someOf("state", taskStates);
  const [task, worker] = [query.names("task"), query.names("worker")];
  const queue = visibleQueues(viewer, query.names("queue"));
  const [from, until, at, text] = [query.moment("from"), query.moment("until"), query.moment("at"), query.text("text")];
  return {
    ...(state !== undefined && { state }),
    ...(task !== undefined && { task }),
    ...(queue !== undefined && { queue }),
    ...(worker !== undefined && { worker }),
    ...(from !== undefined && { from }),
    ...(until !== undefined && { until }),
    ...(at !== undefined && { at }),
    ...(text !== undefined && { text }),
  };
}

export function shownRow(row: TaskRow, { settings: { redact } }: Inside): TaskRow {
  const { task, args, kwargs, error } = row;
  return {
    ...row,
    ...(args !== undefined && { args: redact(args, { kind: "args", task }) }),
    ...(kwargs !== undefined && { kwargs: redact(kwargs, { kind: "kwargs", task }) }),
    ...(error !== undefined && { error: redact(error, { kind: "error", task }) }),
  };
}

/** What makes sense in its state, and is allowed. */
function actionsFor({ state }: TaskRow, viewer: Viewer): readonly TaskActionKind[] {
  const over = ended.has(state);
  const fitting: readonly TaskActionKind[] = [
    ...(over ? (["retry"] as const) : (["cancel", "revoke"] as const)),
    ...(state === "running" ? (["terminate"] as const) : []),
    // What is not due yet keeps its moment, and may wait for it in another queue.
    ...(over ? [] : (["requeue"] as const)),
    "edit-and-run",
    ...(state === "dead" ? (["redrive", "drop"] as const) : []),
  ];
  return fitting.filter((action) => mayDo(viewer, kindOf(action)));
}

function kindOf(action: TaskActionKind): Parameters<typeof mayDo>[1] {
  switch (action) {
    case "terminate":
      return "task.revoke";
    case "redrive":
    case "drop":
      return `dead.${action}`;
    case "retry":
    case "cancel":
    case "revoke":
    case "requeue":
    case "edit-and-run":
      return `task.${action}`;
  }
}

function unknown(): ReturnType<typeof notFound> {
  return notFound("Nothing is kept of a task with this id.");
}
