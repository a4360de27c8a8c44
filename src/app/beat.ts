/** What a scheduler is told and what it answers. The scheduler itself is loaded only when one is started. */

import type { Duration } from "../task/duration.ts";
import type { App } from "./app.ts";
import type { LogOption } from "./structured-log.ts";

/**
 * How a scheduler runs. Everything is optional.
 *
 * @example
 * ```ts
 * await using beat = await app.beat({ ttl: "10s" });
 * ```
 */
export interface BeatOptions {
  /** A scheduler that leads and is out of the database's reach for so long is replaced by another. Default "15s". */
  readonly ttl?: Duration;
  /** Name of this scheduler in lists and logs. Default: made from process id and host. */
  readonly name?: string;
  readonly onEvent?: (event: BeatEvent) => void;
  /** Where its log goes, as a worker's. Default: the app's `log`, or else "silent" in code and "text" from the command line. */
  readonly log?: LogOption;
}

/** What a scheduler tells of; the names that `beat.on` takes. */
export type BeatEventType =
  | "beat:ready"
  | "beat:leading"
  | "beat:following"
  | "beat:warning"
  | "beat:stopped"
  | "broker:connected"
  | "broker:disconnected"
  | "schedule:sent"
  | "schedule:skipped"
  | "schedule:waiting";

/**
 * Something that happened in a scheduler. Fields beyond the first three are there where they mean something.
 *
 * @example
 * ```ts
 * beat.on("schedule:sent", ({ schedule, tick, id }) => console.log(schedule, new Date(tick ?? 0), id));
 * ```
 */
export interface BeatEvent {
  readonly type: BeatEventType;
  /** Unix milliseconds. */
  readonly at: number;
  readonly beat: string;
  readonly schedule?: string;
  /** Planned time of the tick, unix milliseconds. */
  readonly tick?: number;
  /** Id of the task that was sent. */
  readonly id?: string;
  readonly task?: string;
  readonly code?: string;
  readonly text?: string;
  readonly detail?: Readonly<Record<string, unknown>>;
}

/**
 * A running scheduler. Stop it, or declare it with `await using`. Any number may run: one of them leads, the others stand by.
 *
 * @example
 * ```ts
 * const beat = await app.beat();
 * process.once("SIGTERM", () => void beat.stop());
 * await beat.closed;
 * ```
 */
export interface BeatHandle extends AsyncDisposable {
  readonly id: string;
  /** It is the one that sends, as far as it knows. */
  readonly leading: boolean;
  /** Stops sending and lets another lead at once. */
  stop(): Promise<void>;
  /** Resolves when it has ended; rejects if it ended by itself for a reason it could not repair. */
  readonly closed: Promise<void>;
  on(event: BeatEventType, listener: (event: BeatEvent) => void): Disposable;
}

/** Loads the scheduler and starts it. */
export async function startBeat(app: App, options: BeatOptions): Promise<BeatHandle> {
  const { startScheduler } = await import("../beat/start.ts");
  return startScheduler(app, options);
}
