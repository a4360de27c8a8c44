/** What events say of one worker. The latest word counts, by the worker's own clock; late ones do no harm. */

import type { Millis } from "../port/units.ts";
import type { CeleryEvent } from "../wire/event.ts";

export interface WorkerRecord {
  /** Node name. */
  readonly hostname: string;
  readonly pid: number;
  /** It has said that it goes. */
  readonly gone: boolean;
  /** Unix ms, by the listener's clock, when it was heard last. */
  readonly heard: Millis;
  /** Seconds between two heartbeats. */
  readonly freq: number;
  readonly active: number;
  readonly processed: number;
  readonly loadavg: readonly number[];
  /** Such as "py-celery 5.6.3". */
  readonly software: string;
  /** Told by Celeriac's workers only. */
  readonly waiting?: number;
  readonly concurrency?: number;
  readonly pool?: string;
  readonly queues?: readonly string[];
  /** Resident bytes of its process and its children's. */
  readonly rss?: number;
  /** Event-loop delay of the slowest of them, ms. */
  readonly lag?: number;
}

/** A worker is taken for lost after so many silent beats; Celery's window. */
const lostAfter = 2;

/** `now`: unix ms. */
export function isAlive({ gone, heard, freq }: WorkerRecord, now: Millis): boolean {
  return !gone && now < heard + freq * lostAfter * 1000;
}

/** Gathers one worker's events. */
export class WorkerGathering {
  record: WorkerRecord;
  #latest = -Infinity;
  #told = -Infinity;

  constructor(hostname: string) {
    const nothing = { active: 0, processed: 0, loadavg: [], software: "" };
    this.record = { hostname, pid: 0, gone: false, heard: 0, freq: 60, ...nothing };
  }

  /** `at`: unix ms when it was heard. */
  add(event: CeleryEvent, at: Millis): void {
    const { type, timestamp, pid } = event;
    // Before its last word on whether it is there: told late.
    if (timestamp < this.#latest) return;
    this.#latest = timestamp;
    const gone = type === "worker-offline";
    this.record = { ...this.record, pid, gone, heard: Math.max(at, this.record.heard) };
    if (event["active"] === undefined || timestamp < this.#told) return; // an answer of Python's to a monitor that has just come
    this.#told = timestamp;
    const { loadavg, pool, queues } = event;
    const count = (name: string): number | undefined => positive(event[name]);
    const [waiting, concurrency, rss, lag] = [count("waiting"), count("concurrency"), count("rss"), count("lag")];
    this.record = {
      ...this.record,
      freq: count("freq") ?? this.record.freq,
      active: count("active") ?? 0,
      processed: count("processed") ?? 0,
      loadavg: Array.isArray(loadavg) ? loadavg.filter((load) => typeof load === "number") : [],
      software: [event["sw_ident"], event["sw_ver"]].filter((part) => typeof part === "string").join(" "),
      ...(waiting !== undefined && { waiting }),
      ...(concurrency !== undefined && { concurrency }),
      ...(rss !== undefined && { rss }),
      ...(lag !== undefined && { lag }),
      ...(typeof pool === "string" && { pool }),
      ...(Array.isArray(queues) && { queues: queues.filter((queue) => typeof queue === "string") }),
    };
  }
}

function positive(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}
