/** Figures over time: the overview page, and the series behind every chart. */

import type { Answered, Gap, Moment, TaskRow } from "./task.ts";

/** A stretch of time. The server rounds it outwards to whole steps and takes at most 7 days. */
export interface Range {
  readonly from: number;
  readonly until: number;
}

export interface SeriesQuery extends Moment, Range {
  /** Of these alone; at most one of the three. */
  readonly task?: string;
  readonly queue?: string;
  readonly worker?: string;
  /** At most so many points. Default 240, at most 1 000. */
  readonly points?: number;
}

/** Columns of equal length: the value at index i belongs to [`from` + i · `step`, … + `step`). */
export interface Series {
  readonly from: number;
  /** One of 10 s, 1 min, 10 min, 1 h, or a multiple. */
  readonly step: number;
  readonly sent: readonly number[];
  readonly started: readonly number[];
  readonly succeeded: readonly number[];
  readonly failed: readonly number[];
  readonly retried: readonly number[];
  readonly revoked: readonly number[];
  readonly dead: readonly number[];
  readonly wait: LatencySeries;
  readonly run: LatencySeries;
  /** Absent where one task or one worker was asked for. */
  readonly levels?: LevelSeries;
  readonly gaps: readonly Gap[];
}

/**
 * How full it was: the highest of each step, of workers the lowest, from a sample every 5 s; `null` where none was taken. Of the queue that
 * was asked for, or of all; of several queues that a viewer is confined to, each one's highest is added up.
 */
export interface LevelSeries {
  /** Tasks that could run and were not taken yet. */
  readonly depth: readonly (number | null)[];
  /** How long the one that had waited longest had waited, ms. */
  readonly oldest: readonly (number | null)[];
  readonly running: readonly (number | null)[];
  /** Workers that were there, whatever queues they take from. */
  readonly workers: readonly (number | null)[];
}

/** Milliseconds; `null` where nothing ended. Within 10 % of the exact value. */
export interface LatencySeries {
  readonly p50: readonly (number | null)[];
  readonly p95: readonly (number | null)[];
  readonly p99: readonly (number | null)[];
}

export interface Latency {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly count: number;
}

/** The first page. */
export interface Overview extends Answered {
  /** "3 workers, 2 queues behind, 14 failures in the last 5 min". */
  readonly health: { readonly level: "good" | "attention" | "bad"; readonly text: string };
  readonly range: Range;
  readonly now: {
    readonly queued: number;
    readonly delayed: number;
    readonly running: number;
    readonly retrying: number;
    readonly workers: number;
    /** A second, over the last minute. */
    readonly throughput: number;
    /** 0…1, over `range`. */
    readonly failureRate: number;
  };
  readonly outcomes: {
    readonly succeeded: number;
    readonly failed: number;
    readonly retried: number;
    readonly revoked: number;
    readonly dead: number;
  };
  readonly wait?: Latency;
  readonly run?: Latency;
  readonly series: Series;
  readonly failing: readonly FailureGroup[];
  readonly waiting: readonly QueueWait[];
  readonly longest: readonly TaskRow[];
  readonly workers: readonly WorkerTile[];
}

/** Failures that look alike: one task, one error, numbers and ids in its text put aside. */
export interface FailureGroup {
  readonly task: string;
  /** "TimeoutError: no answer within … ms". */
  readonly error: string;
  readonly count: number;
  readonly first: number;
  readonly last: number;
  /** A task of this group, the newest. */
  readonly example: string;
  /** More than were counted. */
  readonly atLeast: boolean;
}

export interface QueueWait {
  readonly queue: string;
  readonly waiting: number;
  /** Since when the one that waits longest could run. */
  readonly oldest?: number;
  /** The first of `reasons` in one line; absent in the past, and where it is being worked off. */
  readonly reason?: string;
  /** Of the oldest tasks that wait there, what holds most of them first; absent in the past and until it is known, which takes a moment. */
  readonly reasons?: readonly WaitReason[];
}

/** What holds some of the tasks of a queue, as `app.explain` says it of one. */
export interface WaitReason {
  /** As in {@link WhyNot}. */
  readonly kind: string;
  readonly text: string;
  readonly remedy?: string;
  /** Of this task alone. */
  readonly task?: string;
  /** So many of those that were looked at. */
  readonly count: number;
  readonly of: number;
}

export interface WorkerTile {
  readonly name: string;
  readonly online: boolean;
  readonly active: number;
  readonly slots?: number;
  readonly rss?: number;
}
