/** What a test app offers, as types. */

import type { DelayArguments, RemoteTask, Task } from "../app/task-handle.ts";
import type { TaskContext } from "../task/context.ts";
import type { Duration } from "../task/duration.ts";
import type { Closed, Signature } from "../task/signature.ts";
import type { Crash, CrashOptions, CrashPoint } from "./crash-point.ts";
import type { SentCall } from "./sent-calls.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/**
 * How a test app runs. Everything is optional.
 *
 * @example
 * ```ts
 * import { testApp, type TestAppOptions } from "celeriac/testing";
 * const newYear: TestAppOptions = { now: new Date("2030-01-01T00:00:00Z"), autorun: true };
 * await using test = testApp(app, newYear);
 * ```
 */
export interface TestAppOptions {
  /** What the clock says first. Default: 2026-01-15T12:00:00Z. */
  readonly now?: Date;
  /** Tasks run as soon as they are sent, and not only in `drain`, `advance` and `run`; time stands still all the same. Default false. */
  readonly autorun?: boolean;
  /** Tasks that run at the same time. Default 10. */
  readonly concurrency?: number;
  /** How long a message stays a dead worker's. Default "30s", as outside of tests. */
  readonly lease?: Duration;
  /** Real time for which a handler that does something real (files, sockets, timers) is waited for before time moves on. Default "1s". */
  readonly patience?: Duration;
}

/** A run that has ended. */
export interface EndedRun {
  readonly task: string;
  readonly id: string;
  /** RETRY: it will be tried again. */
  readonly state: "SUCCESS" | "FAILURE" | "REVOKED" | "RETRY";
  /** Why it was no success. */
  readonly error: string | undefined;
}

/** A stand-in for a task, and what it was called with. */
export interface Fake<A> {
  /** The arguments of each call, in order; of a task with one input, that input. */
  readonly calls: readonly A[];
}

type Answer<R> = R | Promise<R>;

/**
 * Puts something in the place of a task until the test is closed.
 *
 * @example
 * ```ts
 * const score = app.remote<(text: string) => number>("ml.tasks.score");
 * const fake = test.fake(score, (text) => text.length);
 * await test.run(score, "a text"); // 6
 * ```
 */
export interface FakeTask {
  /** In the place of a task that another service runs. Throw a `RemoteError` to fail as Python would. */
  <A extends readonly unknown[], R>(task: RemoteTask<A, R>, handler: (...args: A) => Answer<R>): Fake<A>;
  /** In the place of one's own handler: the input has passed its schema. */
  <I, R, P extends readonly string[]>(
    task: Task<I, R, P>,
    handler: (input: I, context: TaskContext) => Answer<R>,
  ): Fake<I>;
  /** By its name alone, as `app.signature` calls it. */
  (name: string, handler: (...args: readonly unknown[]) => unknown): Fake<readonly unknown[]>;
}

/**
 * Sends, and lets happen what has to until it has ended.
 *
 * @example
 * ```ts
 * const { messageId } = await test.run(sendReceipt, { order: 7 });
 * const rows = await test.run(importRows.si({ url: "https://example.com/rows.csv" }));
 * ```
 */
export interface RunTask {
  <A extends readonly unknown[], R>(task: RemoteTask<A, R>, ...args: A): Promise<R>;
  <I, R, P extends readonly string[]>(task: Task<I, R, P>, ...input: DelayArguments<I>): Promise<R>;
  <I, R>(workflow: Signature<I, R> & { readonly "~group"?: never } & Closed<I>): Promise<R>;
}

/**
 * What was sent of one task: the lists of arguments of a remote one, the inputs of others.
 *
 * @example
 * ```ts
 * await sendReceipt.delay({ order: 7 });
 * console.log(test.enqueued(sendReceipt)); // [{ order: 7 }]
 * ```
 */
export interface EnqueuedOf {
  <A extends readonly unknown[], R>(task: RemoteTask<A, R>): A[];
  <I, R, P extends readonly string[]>(task: Task<I, R, P>): I[];
}

/**
 * The same with ids, times, queues and headers; of all tasks without one.
 *
 * @example
 * ```ts
 * await sendReceipt.delay({ order: 7 });
 * for (const { id, queue, due } of test.calls()) console.log(id, queue, due);
 * ```
 */
export interface CallsOf {
  <A extends readonly unknown[], R>(task: RemoteTask<A, R>): readonly SentCall<A>[];
  <I, R, P extends readonly string[]>(task: Task<I, R, P>): readonly SentCall<I>[];
  (): readonly SentCall[];
}

/**
 * An app under test. Made by `testApp`.
 *
 * @example
 * ```ts
 * import { testApp } from "celeriac/testing";
 * const test = testApp(app);
 * await sendReceipt.delay({ order: 7 });
 * console.log(test.enqueued(sendReceipt)); // [{ order: 7 }]
 * await test.drain();
 * await test.close();
 * ```
 */
export interface TestApp extends AsyncDisposable {
  /** Moved by `advance` and `run` alone; `now()` is what time it is for the app. */
  readonly clock: Pick<VirtualClock, "now" | "monotonic">;
  readonly enqueued: EnqueuedOf;
  readonly calls: CallsOf;
  readonly fake: FakeTask;
  /** Rejects with TaskFailedError, TaskRevokedError, TEST_FAKE_MISSING, or TEST_STUCK where waiting does not end it. */
  readonly run: RunTask;
  /** Runs all that can run now, and what that sends, and so on; what is due later stays. Rejects with TEST_FAKE_MISSING. */
  drain(): Promise<readonly EndedRun[]>;
  /** Lets time pass: each thing that comes due on the way happens at its own time, schedules too. Rejects with TEST_FAKE_MISSING. */
  advance(duration: Duration): Promise<readonly EndedRun[]>;
  /** The next worker that gets there dies; another takes over when the lease of what it held is over. */
  crashWorkerAfter(point: CrashPoint, options?: CrashOptions): Crash;
  /** Gives the app back as it was. Rejects with TEST_CRASH_UNREACHED if a crash that was asked for did not come. Safe twice. */
  close(): Promise<void>;
}
