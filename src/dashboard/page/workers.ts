/** Workers: what they told while they lived, and, of one that is there, what it says when it is asked now. */

import { ask } from "../../control/ask.ts";
import type { WorkerChild, WorkerDetail, WorkerList, WorkerRow } from "../contract.ts";
import { maySee } from "../access/viewer.ts";
import { knownTasks } from "./names.ts";
import { queueOfRequest } from "./requests.ts";
import { shownRow } from "./tasks.ts";
import { notFound } from "../http/failure.ts";
import type { Visit } from "../http/route.ts";
import type { Inside } from "../inside.ts";
import { isAlive, type WorkerRecord } from "../../event/worker-record.ts";

/** A worker that says nothing for so long is not waited for, ms. */
const patience = 800;
const mostLimits = 500;
/** What is asked of one. Without `taskinfoitems` a worker tells rates alone, of all limits. */
const questions: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  stats: {},
  active: {},
  active_queues: {},
  registered: { taskinfoitems: ["rate_limit", "soft_time_limit", "time_limit"] },
};

type KeptWorker = Omit<WorkerDetail, "limits" | "children">;

export async function workerList({ inside, query }: Visit): Promise<WorkerList> {
  const at = query.moment("at");
  return at === undefined ? workersNow(inside) : inside.past.workers(at);
}

/** Of whom the history knows nothing yet, what was heard of it. */
export async function workersNow({ past, cluster, clock }: Inside): Promise<WorkerList> {
  const kept = await past.workers();
  const rows = new Map(kept.items.map((row) => [row.name, row]));
  for (const worker of cluster.workers) {
    rows.set(worker.hostname, liveRow(worker, rows.get(worker.hostname), clock.now()));
  }
  return { ...kept, items: [...rows.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1)) };
}

export async function workerDetail({ inside, viewer, params, query, signal }: Visit): Promise<WorkerDetail> {
  const name = params["name"] ?? "";
  const at = query.moment("at");
  const [kept, live] = [await inside.past.worker(name, at), at === undefined ? liveWorker(inside, name) : undefined];
  if (kept === undefined && live === undefined) throw notFound(`No worker "${name.slice(0, 100)}" was heard of.`);
  const now = inside.clock.now();
  const shown = kept && {
    ...kept,
    running: kept.running.filter(({ queue }) => maySee(viewer, queue)).map((row) => shownRow(row, inside)),
  };
  const nothing = { at: now, gaps: [], running: [], samples: [], lives: [], incidents: [] };
  if (live === undefined) return { ...(shown as KeptWorker), children: [], limits: [] };
  const present = liveRow(live, kept?.row, now);
  const detail: WorkerDetail = { ...nothing, ...shown, row: present, children: [], limits: [] };
  if (!present.online) return detail;
  const said = await askOne(inside, name, signal);
  const stats = recordOf(said["stats"]);
  const pool = recordOf(stats["pool"]);
  const queues = listOf(said["active_queues"]).flatMap((queue) => textOf(recordOf(queue)["name"]) ?? []);
  const slots = numberOf(pool["max-concurrency"]);
  const implementation = textOf(pool["implementation"]);
  const row: WorkerRow = {
    ...present,
    ...(queues.length > 0 && { queues }),
    ...(slots !== undefined && { slots }),
    ...(implementation !== undefined && { pool: implementation }),
  };
  const [limits, known] = [limitsOf(said["registered"]), await knownTasks(inside, viewer)];
  // Of others' tasks only that they have a slot.
  const active = listOf(said["active"]).map((task) =>
    maySee(viewer, queueOfRequest(task)) ? task : { worker_pid: recordOf(task)["worker_pid"], hidden: true },
  );
  return { ...detail, row, children: childrenOf(pool, active, row), limits: limits.filter(({ task }) => known(task)) };
}

/** What one worker answers to each question; what it does not answer is absent. */
async function askOne(inside: Inside, worker: string, signal: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
  const { bus } = await inside.connect();
  const answers = await Promise.all(
    Object.entries(questions).map(async ([method, named]): Promise<readonly [string, unknown]> => {
      const question = { method, arguments: named, destination: [worker], timeout: patience };
      return [method, (await ask(bus, question, inside.clock, signal)).get(worker)];
    }),
  );
  return Object.fromEntries(answers);
}

/** Celery's pool tells its processes, and `active` in which of them a task runs. Ours tells a list of children besides. */
function childrenOf(
  pool: Readonly<Record<string, unknown>>,
  active: readonly unknown[],
  row: WorkerRow,
): readonly WorkerChild[] {
  const told = new Map(
    listOf(pool["children"]).map((child) => {
      const facts = recordOf(child);
      return [numberOf(facts["pid"]) ?? 0, facts];
    }),
  );
  const pids = new Set(listOf(pool["processes"]).flatMap((pid) => numberOf(pid) ?? []));
  for (const pid of told.keys()) pids.add(pid);
  const running = Map.groupBy(active.map(recordOf), (task) => numberOf(task["worker_pid"]) ?? row.pid ?? 0);
  for (const pid of running.keys()) pids.add(pid);
  return [...pids].slice(0, 1_000).map((pid) => {
    const facts = told.get(pid) ?? {};
    const [rss, lag] = [numberOf(facts["rss"]), numberOf(facts["lag"])];
    return {
      pid,
      slots: (running.get(pid) ?? []).map(slotOf),
      done: numberOf(facts["done"]) ?? 0,
      ...(rss !== undefined && { rss }),
      ...(lag !== undefined && { lag }),
    };
  });
}

function slotOf(task: Readonly<Record<string, unknown>>): WorkerChild["slots"][number] {
  const [id, name, start] = [textOf(task["id"]), textOf(task["name"]), numberOf(task["time_start"])];
  return {
    ...(id !== undefined && { id }),
    ...(name !== undefined && { task: name }),
    ...(start !== undefined && { since: Math.round(start * 1000) }),
    ...(task["hidden"] === true && { hidden: true }),
  };
}

/** `registered` tells limits behind the names: "tasks.x [rate_limit=10/m time_limit=30]". */
function limitsOf(registered: unknown): WorkerDetail["limits"] {
  return listOf(registered)
    .slice(0, mostLimits)
    .flatMap((line) => {
      const [, task, rest = ""] = /^(\S{1,200}) \[(.{1,500})\]$/.exec(textOf(line) ?? "") ?? [];
      if (task === undefined) return [];
      const said = new Map(rest.split(" ").map((pair) => [pair.split("=")[0] ?? "", pair.split("=")[1] ?? ""]));
      const [rate, soft, hard] = [said.get("rate_limit"), said.get("soft_time_limit"), said.get("time_limit")];
      return [
        {
          task,
          ...(rate !== undefined && rate !== "None" && { rate }),
          ...(soft !== undefined && Number(soft) > 0 && { soft: Number(soft) }),
          ...(hard !== undefined && Number(hard) > 0 && { hard: Number(hard) }),
        },
      ];
    });
}

function liveWorker({ cluster }: Inside, name: string): WorkerRecord | undefined {
  return cluster.workers.find(({ hostname }) => hostname === name);
}

/** What was heard last, over what was known before. */
function liveRow(worker: WorkerRecord, known: WorkerRow | undefined, now: number): WorkerRow {
  const { hostname, pid, heard, active, processed, loadavg, software, concurrency, pool, queues, rss, lag } = worker;
  return {
    since: heard,
    throughput: 0,
    failureRate: 0,
    ...known,
    name: hostname,
    online: isAlive(worker, now),
    heartbeat: heard,
    pid,
    active,
    processed,
    ...(software !== "" && { software }),
    ...(loadavg.length > 0 && { load: loadavg }),
    ...(concurrency !== undefined && { slots: concurrency }),
    ...(pool !== undefined && { pool }),
    ...(queues !== undefined && { queues }),
    ...(rss !== undefined && { rss }),
    ...(lag !== undefined && { lag }),
  };
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value.slice(0, 800) : undefined;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}
