/**
 * All workers and the last tasks as their events show them. It asks no clock and opens nothing: the same events at the same times give the
 * same state, and a task's events give it in any order. Bounded: of too many tasks those that ended first go first.
 */

import type { Millis } from "../port/units.ts";
import type { CeleryEvent } from "../wire/event.ts";
import { TaskGathering, type TaskRecord } from "./task-record.ts";
import { isAlive, WorkerGathering, type WorkerRecord } from "./worker-record.ts";

/** What is counted: how many such events were heard. */
export interface EventCounts {
  readonly sent: number;
  readonly received: number;
  readonly started: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly retried: number;
  readonly revoked: number;
  readonly rejected: number;
}
type Counts = { -readonly [K in keyof EventCounts]: number };

export interface ClusterOptions {
  /** Tasks that are kept at most. Default 10 000. */
  readonly tasks?: number;
  /** Workers that are kept at most. Default 5 000. */
  readonly workers?: number;
  /** Seconds whose counts are kept apart. Default 300. */
  readonly seconds?: number;
}

const none: EventCounts = {
  sent: 0,
  received: 0,
  started: 0,
  succeeded: 0,
  failed: 0,
  retried: 0,
  revoked: 0,
  rejected: 0,
};

export class ClusterState {
  readonly #mostTasks: number;
  readonly #mostWorkers: number;
  readonly #mostSeconds: number;
  readonly #workers = new Map<string, WorkerGathering>();
  readonly #tasks = new Map<string, TaskGathering>();
  /** Ids of ended tasks, the one that ended first first. */
  readonly #ended = new Set<string>();
  readonly #counts: Counts = { ...none };
  /** By unix second of hearing, in order. */
  readonly #seconds = new Map<number, Counts>();
  #missed: number | undefined = 0;

  constructor({ tasks = 10_000, workers = 5_000, seconds = 300 }: ClusterOptions = {}) {
    this.#mostTasks = tasks;
    this.#mostWorkers = workers;
    this.#mostSeconds = seconds;
  }

  /** `at`: unix ms when they were heard. */
  apply(events: readonly CeleryEvent[], at: Millis): void {
    for (const event of events) {
      const { type } = event;
      if (type.startsWith("worker-")) this.#worker(event, at);
      else if (type.startsWith("task-") || type.startsWith("celeriac-")) this.#task(event, at);
    }
  }

  /** So many events were lost; `undefined` if nobody knows how many. */
  miss(missed: number | undefined): void {
    this.#missed = missed === undefined || this.#missed === undefined ? undefined : this.#missed + missed;
  }

  /** Since the beginning; `undefined` if nobody knows. */
  get missed(): number | undefined {
    return this.#missed;
  }

  get counts(): EventCounts {
    return this.#counts;
  }

  /** By name. */
  get workers(): readonly WorkerRecord[] {
    return [...this.#workers.values()]
      .map(({ record }) => record)
      .toSorted((a, b) => (a.hostname < b.hostname ? -1 : 1));
  }

  alive(now: Millis): readonly WorkerRecord[] {
    return this.workers.filter((worker) => isAlive(worker, now));
  }

  task(uuid: string): TaskRecord | undefined {
    return this.#tasks.get(uuid)?.record;
  }

  /** In the order in which they were first heard of. */
  *tasks(): IterableIterator<TaskRecord> {
    for (const task of this.#tasks.values()) yield task.record;
  }

  get size(): number {
    return this.#tasks.size;
  }

  /** Events of the `seconds` whole seconds before `now` (unix ms), together. */
  within(seconds: number, now: Millis): EventCounts {
    const last = Math.floor(now / 1000);
    const sum: Counts = { ...none };
    for (const [second, counts] of this.#seconds) {
      if (second < last - seconds || second >= last) continue;
      for (const key of Object.keys(sum) as (keyof EventCounts)[]) sum[key] += counts[key];
    }
    return sum;
  }

  #worker(event: CeleryEvent, at: Millis): void {
    if (!/^worker-(online|heartbeat|offline)$/.test(event.type)) return;
    const { hostname } = event;
    const known = this.#workers.get(hostname) ?? new WorkerGathering(hostname);
    known.add(event, at);
    // Whoever was heard of longest ago stands first.
    this.#workers.delete(hostname);
    this.#workers.set(hostname, known);
    if (this.#workers.size > this.#mostWorkers) this.#workers.delete(firstOf(this.#workers.keys()) ?? "");
  }

  #task(event: CeleryEvent, at: Millis): void {
    const { type, uuid } = event;
    const kind = type.slice(type.indexOf("-") + 1);
    if (type.startsWith("task-") && Object.hasOwn(none, kind)) this.#count(kind as keyof EventCounts, at);
    if (typeof uuid !== "string" || uuid === "" || uuid.length > 255) return;
    let task = this.#tasks.get(uuid);
    if (task === undefined) {
      task = new TaskGathering(uuid);
      this.#tasks.set(uuid, task);
    }
    task.add(event);
    if (!task.ended) this.#ended.delete(uuid);
    else if (!this.#ended.has(uuid)) this.#ended.add(uuid);
    while (this.#tasks.size > this.#mostTasks) this.#evict();
  }

  /** Without any that has ended, the one that was heard of first. */
  #evict(): void {
    const uuid = firstOf(this.#ended) ?? firstOf(this.#tasks.keys()) ?? "";
    this.#ended.delete(uuid);
    this.#tasks.delete(uuid);
  }

  #count(kind: keyof EventCounts, at: Millis): void {
    this.#counts[kind]++;
    const second = Math.floor(at / 1000);
    let counts = this.#seconds.get(second);
    if (counts === undefined) {
      counts = { ...none };
      this.#seconds.set(second, counts);
      if (this.#seconds.size > this.#mostSeconds) this.#seconds.delete(firstOf(this.#seconds.keys()) ?? second);
    }
    counts[kind]++;
  }
}

function firstOf<T>(values: Iterable<T>): T | undefined {
  for (const value of values) return value;
  return undefined;
}
