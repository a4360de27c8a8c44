/**
 * What the events add up to, under the names that Flower and celery-exporter have for it, and our own. A task's later events say its id
 * alone, so the last tasks are remembered; one that was forgotten counts without its name.
 */

import type { ClusterState } from "../../event/cluster-state.ts";
import { isAlive } from "../../event/worker-record.ts";
import type { CeleryEvent } from "../../wire/event.ts";
import { Metric } from "./registry.ts";

interface Known {
  readonly name: string;
  readonly queue: string;
  readonly received: number | undefined;
  readonly due: boolean;
  readonly worker: string;
  waits: boolean;
}

const mostTasks = 50_000;
const runtimes = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 300, 1_800];
const counted = ["sent", "received", "started", "succeeded", "failed", "retried", "revoked", "rejected"] as const;
const exporterLabels = ["name", "hostname", "queue_name"];

export class EventMetrics {
  readonly #tasks = new Map<string, Known>();
  readonly #events = new Metric("counter", "flower_events_total", "Number of events", ["worker", "type", "task"]);
  readonly #runtime = new Metric(
    "histogram",
    "flower_task_runtime_seconds",
    "Task runtime",
    ["worker", "task"],
    runtimes,
  );
  readonly #prefetch = new Metric(
    "gauge",
    "flower_task_prefetch_time_seconds",
    "The time the task spent waiting at the celery worker to be executed.",
    ["worker", "task"],
  );
  readonly #prefetched = new Metric(
    "gauge",
    "flower_worker_prefetched_tasks",
    "Number of tasks of given type prefetched at a worker",
    ["worker", "task"],
  );
  readonly #online = new Metric("gauge", "flower_worker_online", "Worker online status", ["worker"]);
  readonly #executing = new Metric(
    "gauge",
    "flower_worker_number_of_currently_executing_tasks",
    "Number of tasks currently executing at a worker",
    ["worker"],
  );
  readonly #counts = new Map(
    counted.map((kind) => [
      kind as string,
      new Metric(
        "counter",
        `celery_task_${kind}_total`,
        `Tasks ${kind}.`,
        kind === "failed" || kind === "retried" ? [...exporterLabels, "exception"] : exporterLabels,
      ),
    ]),
  );
  readonly #exporterRuntime = new Metric(
    "histogram",
    "celery_task_runtime",
    "Histogram of task runtime measurements, seconds.",
    exporterLabels,
    runtimes,
  );
  readonly #up = new Metric("gauge", "celery_worker_up", "Indicates if a worker has recently sent a heartbeat.", [
    "hostname",
  ]);
  readonly #active = new Metric(
    "gauge",
    "celery_worker_tasks_active",
    "The number of tasks the worker is currently processing.",
    ["hostname"],
  );
  readonly #dead = new Metric("counter", "celeriac_dead_letters_total", "Messages buried, by reason.", [
    "task",
    "reason",
  ]);
  readonly #returned = new Metric("counter", "celeriac_task_returned_total", "Tasks given back to their queues.", [
    "task",
    "worker",
  ]);
  readonly #missed = new Metric("counter", "celeriac_events_missed_total", "Events that were lost on their way here.");

  take(events: readonly CeleryEvent[], missed: number | undefined): void {
    if (missed !== 0) this.#missed.add({}, missed ?? 1);
    for (const event of events) this.#take(event);
  }

  text(cluster: ClusterState, now: number): string {
    for (const gauge of [this.#online, this.#executing, this.#up, this.#active]) gauge.clear();
    for (const worker of cluster.workers) {
      const [up, active] = [isAlive(worker, now) ? 1 : 0, isAlive(worker, now) ? worker.active : 0];
      this.#online.set({ worker: worker.hostname }, up);
      this.#executing.set({ worker: worker.hostname }, active);
      this.#up.set({ hostname: worker.hostname }, up);
      this.#active.set({ hostname: worker.hostname }, active);
    }
    const all = [
      this.#events,
      this.#runtime,
      this.#prefetch,
      this.#prefetched,
      this.#online,
      this.#executing,
      ...this.#counts.values(),
      this.#exporterRuntime,
      this.#up,
      this.#active,
      this.#dead,
      this.#returned,
      this.#missed,
    ];
    return all.map((metric) => metric.text()).join("");
  }

  #take(event: CeleryEvent): void {
    const { type, hostname: worker, uuid } = event;
    if (type.startsWith("worker-")) return this.#events.add({ worker, type, task: "" });
    if (typeof uuid !== "string") return;
    const known = this.#known(event, uuid);
    const { name, queue } = known;
    if (type === "celeriac-dead") this.#dead.add({ task: name, reason: text(event["reason"]) ?? "" });
    if (type === "celeriac-returned") this.#returned.add({ task: name, worker });
    if (!type.startsWith("task-")) return;
    this.#events.add({ worker, type, task: name });
    const kind = type.slice(5);
    const labels = { name, hostname: worker, queue_name: queue };
    this.#counts.get(kind)?.add({ ...labels, exception: exceptionOf(event["exception"]) });
    if (kind === "received") this.#waits(known, 1);
    else if (kind === "started" && known.received !== undefined) {
      const waited = Math.max(0, event.timestamp - known.received);
      if (!known.due) this.#prefetch.set({ worker, task: name }, waited);
      this.#waits(known, -1);
    } else if (["succeeded", "failed", "revoked", "rejected", "retried"].includes(kind)) {
      this.#waits(known, -1);
      if (!known.due) this.#prefetch.set({ worker, task: name }, 0);
      const runtime = event["runtime"];
      if (typeof runtime === "number" && runtime >= 0) {
        this.#runtime.observe({ worker, task: name }, runtime);
        this.#exporterRuntime.observe(labels, runtime);
      }
      if (kind !== "retried") this.#tasks.delete(uuid);
    }
  }

  #known(event: CeleryEvent, id: string): Known {
    const before = this.#tasks.get(id);
    const received = event.type === "task-received" ? event.timestamp : undefined;
    const [name, queue] = [text(event["name"]), text(event["queue"])];
    if (before !== undefined && received === undefined && name === undefined && queue === undefined) return before;
    const known: Known = {
      name: name ?? before?.name ?? "",
      queue: queue ?? before?.queue ?? "",
      received: received ?? before?.received,
      due: before?.due ?? typeof event["eta"] === "string",
      worker: received === undefined ? (before?.worker ?? event.hostname) : event.hostname,
      waits: before?.waits ?? false,
    };
    this.#tasks.delete(id);
    this.#tasks.set(id, known);
    if (this.#tasks.size > mostTasks) {
      for (const [oldest, task] of this.#tasks) {
        this.#waits(task, -1);
        this.#tasks.delete(oldest);
        break;
      }
    }
    return known;
  }

  /** Counted in once, and out once, whatever is told twice. */
  #waits(known: Known, by: 1 | -1): void {
    if (known.waits === (by === 1)) return;
    known.waits = by === 1;
    this.#prefetched.add({ worker: known.worker, task: known.name }, by);
  }
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** `ValueError('boom')` → "ValueError". */
function exceptionOf(value: unknown): string {
  return /^[\w.]{1,100}/.exec(text(value) ?? "")?.[0] ?? "";
}
