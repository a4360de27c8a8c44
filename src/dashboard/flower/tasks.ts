/** Flower's API of tasks: what is known of them, their results, and sending, revoking and limiting them. */

import { parseJson } from "../../wire/json.ts";
import type { TaskDetail, TaskFilter, TaskState } from "../contract.ts";
import { maySee, visibleQueues } from "../access/viewer.ts";
import { ApiError, badRequest } from "../http/failure.ts";
import type { Visit } from "../http/route.ts";
import { jsonText } from "../page/texts.ts";
import { jsonBody, parameters, perform, requiredText, saidBy, unknownWorker, wholeParameter } from "./dialect.ts";
import { isSet } from "./workers.ts";

type Task = Omit<TaskDetail, "actions">;

const celeryStates: Readonly<Record<TaskState, string>> = {
  queued: "RECEIVED",
  delayed: "RECEIVED",
  running: "STARTED",
  retrying: "RETRY",
  succeeded: "SUCCESS",
  failed: "FAILURE",
  revoked: "REVOKED",
  dead: "FAILURE",
};
const ours: Readonly<Record<string, readonly TaskState[]>> = {
  PENDING: ["queued", "delayed"],
  RECEIVED: ["queued", "delayed"],
  STARTED: ["running"],
  RETRY: ["retrying"],
  SUCCESS: ["succeeded"],
  FAILURE: ["failed", "dead"],
  REVOKED: ["revoked"],
};
const usualTasks = 200;
const mostTasks = 1_000;
const mostSkipped = 10_000;
const pageSize = 200;
/** Longest wait for a result, seconds. */
const longestWait = 60;

export async function tasks(visit: Visit): Promise<object> {
  const { inside } = visit;
  const params = await parameters(visit);
  const limit = Math.min(Math.max(wholeParameter(params, "limit", usualTasks), 0), mostTasks);
  let skip = Math.min(Math.max(wholeParameter(params, "offset", 0), 0), mostSkipped);
  const order = (params.get("sort_by") ?? "").startsWith("-") || !params.has("sort_by") ? "newest" : "oldest";
  const filter = filterOf(visit, params);
  const found: Record<string, object> = {};
  let after: string | undefined;
  let count = 0;
  do {
    const page = await inside.past.tasks({ ...filter, order, limit: pageSize, ...(after !== undefined && { after }) });
    for (const row of page.items) {
      if (skip-- > 0) continue;
      if (count++ >= limit) return found;
      const task = await inside.past.task(row.id);
      if (task !== undefined) found[row.id] = recordOf(visit, task);
    }
    after = page.next;
  } while (after !== undefined);
  return found;
}

export async function taskInfo(visit: Visit): Promise<object> {
  const id = visit.params["id"] ?? "";
  const task = await visit.inside.past.task(id);
  if (task === undefined || !maySee(visit.viewer, task.row.queue)) throw unknownTask(id);
  return recordOf(visit, task);
}

export async function taskResult(visit: Visit): Promise<object> {
  const id = visit.params["id"] ?? "";
  await checkQueue(visit, id);
  const timeout = Number((await parameters(visit)).get("timeout") ?? 0);
  return resultOf(visit, id, timeout);
}

export async function taskTypes({ inside, viewer }: Visit): Promise<object> {
  return { "task-types": (await inside.past.names(viewer.queues)).tasks };
}

export async function queueLengths({ inside, viewer }: Visit): Promise<object> {
  const { broker } = await inside.connect();
  const queues = (await broker.queues.list()).filter(({ name }) => maySee(viewer, name));
  const count = (ready: readonly { readonly count: number }[]): number =>
    ready.reduce((sum, one) => sum + one.count, 0);
  return { active_queues: queues.map(({ name, ready }) => ({ name, messages: count(ready) })) };
}

/** `apply` waits for the end. */
export async function sendTask(visit: Visit, how: "apply" | "async-apply" | "send-task"): Promise<object> {
  const { inside } = visit;
  const task = visit.params["name"] ?? "";
  const { args = [], kwargs = {}, ...options } = await jsonBody(visit);
  if (!Array.isArray(args)) throw badRequest("args must be an array", "args");
  if (how !== "send-task" && (await inside.core.load()).get(task) === undefined) {
    const known = (await inside.past.names()).tasks.includes(task);
    if (!known) throw new ApiError(404, "NOT_FOUND", `Unknown task '${task.slice(0, 200)}'`);
  }
  const { queue, countdown, eta, ...others } = options;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw badRequest(`The option "${unknown.slice(0, 50)}" is not known here.`, unknown);
  const delay = delayOf(countdown, eta, inside.clock.now());
  const result = await perform(visit, {
    do: "task.edit-and-run",
    id: "",
    task,
    args: jsonText(args),
    kwargs: jsonText(kwargs),
    ...(typeof queue === "string" && { queue }),
    ...(delay !== undefined && { delay }),
  });
  const id = result.id ?? "";
  return how === "apply" ? resultOf(visit, id, longestWait) : { "task-id": id, state: "PENDING" };
}

export async function revokeTask(visit: Visit, how: "abort" | "revoke"): Promise<object> {
  const id = visit.params["id"] ?? "";
  if (how === "abort") {
    await perform(visit, { do: "task.cancel", tasks: { ids: [id] } });
    return { message: `Aborted '${id}'` };
  }
  const params = await parameters(visit);
  const signal = params.get("signal") ?? "SIGTERM";
  if (!["SIGTERM", "SIGKILL", "TERM", "KILL"].includes(signal))
    throw badRequest("signal must be SIGTERM or SIGKILL", "signal");
  await perform(visit, {
    do: "task.revoke",
    tasks: { ids: [id] },
    terminate: isSet(params.get("terminate")),
    signal: signal.endsWith("KILL") ? "SIGKILL" : "SIGTERM",
  });
  return { message: `Revoked '${id}'` };
}

export async function limitTask(visit: Visit, how: "timeout" | "rate-limit"): Promise<object> {
  const task = visit.params["name"] ?? "";
  const params = await parameters(visit);
  const worker = params.get("workername") || undefined;
  if (worker !== undefined && !visit.inside.cluster.workers.some(({ hostname }) => hostname === worker))
    throw unknownWorker(worker);
  const where = worker === undefined ? {} : { worker };
  const [soft, hard] = [secondsOf(params, "soft"), secondsOf(params, "hard")];
  const result = await perform(
    visit,
    how === "rate-limit"
      ? { do: "limit.rate", task, rate: rateOf(requiredText(params, "ratelimit")), ...where }
      : {
          do: "limit.time",
          task,
          ...where,
          ...(soft !== undefined && { soft }),
          ...(hard !== undefined && { hard }),
        },
  );
  const [first = ""] = Object.keys(result.replies ?? {});
  const failed = how === "timeout" ? "Failed to set timeouts" : "Failed to set rate limit";
  return { message: saidBy(result, worker ?? first, failed) };
}

async function resultOf(visit: Visit, id: string, timeout: number): Promise<object> {
  const { inside, signal } = visit;
  await inside.connect();
  const handle = inside.app.result(id);
  if (timeout > 0) {
    const wait = Math.min(timeout, longestWait) * 1000;
    await handle.get({ timeout: wait, signal }).catch(() => {});
  }
  const state = await handle.state();
  const answer = { "task-id": id, state };
  const task = (await inside.past.task(id))?.row.task;
  const cover = (text: string, kind: string): string => inside.settings.redact(text, { kind, task });
  if (state === "SUCCESS") return { ...answer, result: shown(cover(jsonText(await handle.get()), "result")) };
  if (state !== "FAILURE" && state !== "REVOKED") return { ...answer, result: null };
  const error = await handle.get().catch((reason: unknown) => reason);
  const text = error instanceof Error ? error.message : String(error);
  const traceback = (await handle.details())?.traceback;
  return {
    ...answer,
    result: cover(text, "error"),
    ...(state === "FAILURE" && { traceback: traceback === undefined ? null : cover(traceback, "error") }),
  };
}

/** As it was, unless something was put over it that is no JSON any more. */
function shown(text: string): unknown {
  try {
    return JSON.parse(jsonText(parseJson(text))) as unknown;
  } catch {
    return text;
  }
}

async function checkQueue({ inside, viewer }: Visit, id: string): Promise<void> {
  if (viewer.queues === undefined) return;
  if (!maySee(viewer, (await inside.past.task(id))?.row.queue)) throw unknownTask(id);
}

function filterOf({ viewer }: Visit, params: URLSearchParams): TaskFilter {
  const text = (name: string): string | undefined => params.get(name)?.slice(0, 200) || undefined;
  const [worker, task, state, search] = [text("workername"), text("taskname"), text("state"), text("search")];
  const queue = visibleQueues(viewer, undefined);
  const [from, until] = [momentOf(text("received_start")), momentOf(text("received_end"))];
  return {
    ...(worker !== undefined && { worker: [worker] }),
    ...(task !== undefined && { task: [task] }),
    ...(state !== undefined && { state: ours[state.toUpperCase()] ?? [] }),
    ...(search !== undefined && { text: search }),
    ...(queue !== undefined && { queue }),
    ...(from !== undefined && { from }),
    ...(until !== undefined && { until }),
  };
}

/** "2026-11-27 10:30", in UTC. */
function momentOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const at = Date.parse(`${text.replace(" ", "T")}Z`);
  if (Number.isNaN(at)) throw badRequest("A time is written as 2026-11-27 10:30.", "received_start");
  return at;
}

/** The fields of Celery's `Task`, times in seconds. */
function recordOf({ inside, viewer }: Visit, task: Task): object {
  const { row, attempts, args, kwargs, result, error, parent, root } = task;
  const last = attempts.at(-1);
  const cover = (text: string | undefined, kind: string): string | null =>
    text === undefined ? null : inside.settings.redact(text, { kind, task: row.task });
  const ended = (kind: string): number | null => (last?.end === kind ? seconds(last.ended) : null);
  const cause = error?.causes[0];
  return {
    uuid: row.id,
    name: row.task ?? null,
    state: celeryStates[row.state],
    received: seconds(last?.claimed ?? row.seen),
    sent: null,
    started: seconds(last?.started),
    rejected: ended("rejected"),
    succeeded: ended("succeeded"),
    failed: row.state === "failed" || row.state === "dead" ? seconds(row.since) : null,
    retried: ended("retried"),
    revoked: row.state === "revoked" ? seconds(row.since) : null,
    args: cover(args ?? row.args, "args"),
    kwargs: cover(kwargs ?? row.kwargs, "kwargs"),
    eta: task.eta === undefined ? null : new Date(task.eta).toISOString(),
    expires: task.expires === undefined ? null : new Date(task.expires).toISOString(),
    retries: Math.max(0, row.attempts - 1),
    worker: row.worker ?? null,
    result: row.state === "succeeded" ? cover(result, "result") : null,
    exception: cause === undefined ? null : cover(`${cause.type}(${JSON.stringify(cause.message)})`, "error"),
    timestamp: seconds(row.since),
    runtime: row.state === "succeeded" && row.ran !== undefined ? row.ran / 1000 : null,
    traceback: cover(error?.traceback, "error"),
    exchange: null,
    routing_key: row.queue ?? null,
    clock: 0,
    client: null,
    root: root ?? row.root ?? row.id,
    root_id: root ?? row.root ?? row.id,
    parent: parent ?? null,
    parent_id: parent ?? null,
    children: task.children.filter(({ queue }) => maySee(viewer, queue)).map(({ id }) => id),
  };
}

function seconds(ms: number | undefined): number | null {
  return ms === undefined ? null : ms / 1000;
}

function delayOf(countdown: unknown, eta: unknown, now: number): number | undefined {
  if (typeof countdown === "number" && countdown >= 0 && countdown < 1e8) return countdown * 1000;
  if (countdown !== undefined && countdown !== null)
    throw badRequest("countdown must be a number of seconds", "countdown");
  if (eta === undefined || eta === null) return undefined;
  const at = typeof eta === "string" ? Date.parse(/[Zz]|[+-]\d\d:?\d\d$/.test(eta) ? eta : `${eta}Z`) : Number.NaN;
  if (Number.isNaN(at)) throw badRequest("eta must be a time such as 2026-11-27T10:30:00", "eta");
  return Math.max(0, at - now);
}

function secondsOf(params: URLSearchParams, name: string): number | undefined {
  const text = params.get(name);
  if (text === null || text === "") return undefined;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0)
    throw badRequest(`Invalid argument '${text.slice(0, 50)}' of type 'float'`, name);
  return value;
}

function rateOf(text: string): string {
  if (/^\d+(?:\.\d+)?(?:\/[smh])?$/.test(text)) return text;
  throw new ApiError(
    403,
    "WORKER_REFUSED",
    `Failed to set rate limit: 'Invalid rate limit string: ${text.slice(0, 50)}'`,
  );
}

function unknownTask(id: string): ApiError {
  return new ApiError(404, "NOT_FOUND", `Unknown task '${id.slice(0, 200)}'`);
}
