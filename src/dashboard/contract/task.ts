/** Tasks: rows, pages, one task with all that happened to it, and why it is not running. */

import type { Standing } from "../../app/reason.ts";

export type TaskState = Standing;

/** On every question: the moment to answer for. Absent: now. */
export interface Moment {
  readonly at?: number;
}

/** On every answer from the history. */
export interface Answered {
  /** The moment this is true for. */
  readonly at: number;
  /** Before this moment nothing is kept. Absent: the history is empty. */
  readonly since?: number;
  /** Stretches within the question's range in which events were lost or not recorded, so that figures there are too low. */
  readonly gaps: readonly Gap[];
}

export interface Gap {
  readonly from: number;
  readonly until: number;
  /** "lost": the stream had a hole. "closed": nobody listened. "full": the disk was full, or the listener too slow. */
  readonly why: "lost" | "closed" | "full";
}

/**
 * Which tasks. All that is given must fit; lists mean any of. Saved in the URL as it stands here, with each of a list by itself:
 * `task=a&task=b`, for names may contain commas.
 */
export interface TaskFilter extends Moment {
  readonly state?: readonly TaskState[];
  readonly task?: readonly string[];
  readonly queue?: readonly string[];
  readonly worker?: readonly string[];
  /** Of the moment at which the task came into its state: `from` ≤ since < `until`. */
  readonly from?: number;
  readonly until?: number;
  /**
   * Part of id, args, kwargs, result or error; letters of either case (ASCII). At most 200 characters, never a pattern. A whole UUID is
   * the task of that id alone, if there is one.
   */
  readonly text?: string;
}

export interface TaskQuery extends TaskFilter {
  /** By the moment at which each came into its state. Default "newest". */
  readonly order?: "newest" | "oldest";
  /** `next` of the page before. */
  readonly after?: string;
  /** Default 50, at most 200. */
  readonly limit?: number;
}

/** One line of the table. */
export interface TaskRow {
  readonly id: string;
  /** Absent: only an event without the name was seen. */
  readonly task?: string;
  readonly state: TaskState;
  /** When it came into this state. */
  readonly since: number;
  /** When it was first seen: sent, or received where senders tell nothing. */
  readonly seen: number;
  readonly queue?: string;
  /** Who has it, or had it last. */
  readonly worker?: string;
  /** Cut to 1 000 characters, as the events have them (Python's `repr`, or JSON). */
  readonly args?: string;
  readonly kwargs?: string;
  /** Begun so far. */
  readonly attempts: number;
  /** From the moment it could run (sent, or its delay over) to the first start; still growing while there is none. */
  readonly waited?: number;
  /** Of the last run; still growing while it runs. */
  readonly ran?: number;
  /** First lines of the last error, cut to 300 characters. */
  readonly error?: string;
  readonly progress?: Progress;
  /** When a delayed one may run. */
  readonly due?: number;
  /** Of the workflow it belongs to: the id of its first task. */
  readonly root?: string;
}

export interface Progress {
  readonly done: number;
  readonly total?: number;
  readonly note?: string;
  readonly at: number;
}

export interface TaskPage extends Answered {
  readonly items: readonly TaskRow[];
  /** Absent on the last page. */
  readonly next?: string;
  /**
   * A text was looked for and the time for it was up: everything since this moment was looked through (with the oldest first: everything
   * until it). `next` goes on from there, also where `items` is empty.
   */
  readonly searchedTo?: number;
}

/** How many for a filter, whatever states it names. */
export interface TaskCounts extends Answered {
  readonly states: Readonly<Record<TaskState, number>>;
  readonly total: number;
  /** States whose number is a lower bound ("more than 10 000"), because counting all would take too long. */
  readonly atLeast: readonly TaskState[];
}

/** What one task did, in the order it happened. */
export type StepKind =
  | "sent"
  | "received" // claimed by a worker
  | "started"
  | "checkpoint"
  | "progress" // of many reports the first, the last and at most 18 between
  | "retried"
  | "returned" // given back to its queue: shutdown, crash of a neighbour in its process, unknown task
  | "crashed" // its process died, and it goes back to its queue
  | "succeeded"
  | "failed"
  | "revoked"
  | "rejected"
  | "dead"
  | "event"; // a custom event of the task itself

export interface TimelineStep {
  readonly kind: StepKind;
  readonly at: number;
  readonly worker?: string;
  /** Of the process that ran it. */
  readonly pid?: number;
  /** Number of the claim: of two runs the higher one is the later. */
  readonly fence?: number;
  /** Name of a checkpoint or custom event, "3 of 10: a note", why it was given back, buried or revoked, first lines of an error. */
  readonly text?: string;
  /** When the message was not to run before. */
  readonly due?: number;
}

/** One run, or the wait for it. */
export interface Attempt {
  /** From 1. */
  readonly number: number;
  readonly worker?: string;
  readonly pid?: number;
  readonly fence?: number;
  /** Queued for this attempt, claimed, started, ended. Absent: not yet, or nobody told. */
  readonly queued?: number;
  readonly claimed?: number;
  readonly started?: number;
  readonly ended?: number;
  readonly end?: "succeeded" | "failed" | "retried" | "returned" | "crashed" | "revoked" | "rejected" | "dead";
  readonly error?: string;
  readonly steps: readonly TimelineStep[];
}

export interface TaskDetail extends Answered {
  readonly row: TaskRow;
  readonly attempts: readonly Attempt[];
  /** Of a task with very many steps the middle is left out: so many. */
  readonly stepsLeftOut: number;
  /** As far as the events carried them: cut to 8 000 characters each. */
  readonly args?: string;
  readonly kwargs?: string;
  readonly result?: string;
  readonly error?: ErrorReport;
  readonly eta?: number;
  readonly expires?: number;
  readonly parent?: string;
  readonly root?: string;
  readonly group?: string;
  /** Sent by this one; at most 200, `childCount` says how many there are. */
  readonly children: readonly TaskRow[];
  readonly childCount: number;
  readonly logLines: number;
  /** What may be done to it now by who asks. */
  readonly actions: readonly TaskActionKind[];
}

/** What can be done to a task; see {@link ActionRequest}. */
export type TaskActionKind =
  | "retry"
  | "cancel"
  | "revoke"
  | "terminate"
  | "requeue"
  | "edit-and-run"
  | "redrive"
  | "drop";

/** An error with its causes, the outermost first. */
export interface ErrorReport {
  readonly causes: readonly ErrorCause[];
  /** As it came, cut to 16 000 characters. */
  readonly traceback?: string;
}

export interface ErrorCause {
  readonly type: string;
  readonly message: string;
  readonly frames: readonly StackFrame[];
}

export interface StackFrame {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
  readonly name?: string;
  /** Of the user's code, not of a library, of Node or of Python. */
  readonly own: boolean;
  /** The source line, where the traceback has it. */
  readonly source?: string;
}

export interface LogQuery extends Moment {
  /** Default 200, at most 1 000. */
  readonly limit?: number;
  /** `next` of the page before; pages go from new to old. */
  readonly after?: string;
}

export interface LogLine {
  readonly at: number;
  readonly level: "trace" | "debug" | "info" | "warn" | "error" | "fatal";
  readonly text: string;
  readonly attempt?: number;
  readonly fields?: Readonly<Record<string, unknown>>;
}

export interface LogPage extends Answered {
  /** Oldest first within a page. */
  readonly items: readonly LogLine[];
  readonly next?: string;
  /** Lines that were told of, and are not kept. */
  readonly dropped: number;
}

/** The exact message, as it lies or lay with the broker. */
export interface RawMessage {
  readonly where: "ready" | "delayed" | "leased" | "dead";
  readonly queue: string;
  /** The envelope as text; base64 where it is not UTF-8. */
  readonly text: string;
  readonly encoding: "utf-8" | "base64";
  readonly headers: Readonly<Record<string, unknown>>;
  readonly properties: Readonly<Record<string, unknown>>;
  /** Decoded, where it could be. */
  readonly body?: unknown;
}

/** The same as `celeriac doctor ID` and `app.explain(id)`. */
export type { Explanation as WhyNot, Reason } from "../../app/reason.ts";
