/** What a user may say about a task, checked and resolved into a `TaskDefinition` once, where it is declared. */

import { CeleriacError } from "../error/celeriac-error.ts";
import { checkQueueName, checkTaskName } from "../wire/name.ts";
import { type ConcurrencyOptions, resolveConcurrency } from "./concurrency.ts";
import { type BatchOptions, resolveBatch } from "./batch.ts";
import { type CallOptions, refuseRemoteCalls, resolveCalls } from "./calls.ts";
import type { AnyHandler, TaskDefinition } from "./definition.ts";
import { type Duration, durationMs } from "./duration.ts";
import { type Rate, type RateOptions, resolveRate } from "./rate.ts";
import { type Redact, resolveRedact } from "./redact.ts";
import { resolveRetry, type RetryOption } from "./retry.ts";
import type { StandardSchema } from "./schema.ts";

/**
 * How a task is queued, retried and limited. Everything is optional.
 *
 * @example
 * ```ts
 * import { backoff, type TaskOptions } from "celeriac";
 * const slow: TaskOptions = { queue: "slow", timeLimit: "30m", retry: { limit: 5, delay: backoff("2s") } };
 * app.task("rows.import", slow, async (job: { url: string }) => job.url.length);
 * ```
 */
export interface TaskOptions extends CallOptions {
  /** Queue its messages go to. Default: the app's `defaultQueue`. */
  readonly queue?: string;
  /** Wire number 0…255; which end comes first is the broker's custom (Redis: 0, RabbitMQ: the highest). */
  readonly priority?: number;
  /** When a failed run is tried again. Default: never. */
  readonly retry?: RetryOption;
  /** How often it may begin: "10/m". What is over it waits in the queue. Default: no limit. */
  readonly rate?: Rate | RateOptions;
  /** How many runs of it there may be at one time, on all workers together, also for each key of the input. Default: no limit. */
  readonly concurrency?: number | ConcurrencyOptions;
  /**
   * Whose calls these are, such as a tenant's: keys take turns in the queue, however many calls of one wait. Asked where the call is made; its
   * parameter is the call's input. Default: first come, first served.
   */
  readonly fairness?: (input: never) => string;
  /** A run that takes longer is killed. Default: none. */
  readonly timeLimit?: Duration;
  /** `ctx.signal` aborts after this long, so the handler can tidy up. Default: none. */
  readonly softTimeLimit?: Duration;
  /** Not started later than this after it was sent. Default: never expires. */
  readonly expires?: Duration;
  /** "late": runs at least once. "early": acknowledged before it runs, so at most once. Default "late". */
  readonly ack?: "late" | "early";
  /** Runs that may end in the death of their process before the task is dead-lettered. Default 3. */
  readonly crashes?: number;
  /** "fail": the first such death is final. Default "retry". */
  readonly onCrash?: "retry" | "fail";
  /** Store no result. Default false. */
  readonly ignoreResult?: boolean;
  /** Store STARTED when a run begins; one more write a task. Default false. */
  readonly trackStarted?: boolean;
  /** Parts of the input that are shown as `***` wherever they are shown: paths, or a function that gives them. Default: none. */
  readonly redact?: Redact;
}

/** All that `app.task` and `app.remote` may be told; the public overloads say which of it goes together. */
export interface AnyTaskOptions extends TaskOptions {
  readonly input?: StandardSchema | undefined;
  readonly positional?: readonly string[];
  readonly rest?: "refuse" | "ignore";
  readonly raw?: boolean;
  readonly batch?: BatchOptions;
}

const known: Readonly<Record<keyof AnyTaskOptions, true>> = {
  ack: true,
  batch: true,
  concurrency: true,
  crashes: true,
  debounce: true,
  expires: true,
  fairness: true,
  ignoreResult: true,
  input: true,
  onCrash: true,
  positional: true,
  priority: true,
  queue: true,
  rate: true,
  raw: true,
  redact: true,
  rest: true,
  retry: true,
  softTimeLimit: true,
  throttle: true,
  timeLimit: true,
  trackStarted: true,
  unique: true,
};

/** Throws CONFIG_INVALID naming an option that does not exist, with the nearest that does. */
export function refuseUnknown(options: object, names: readonly string[], where: string): void {
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue;
    const near = names.find((each) => each.toLowerCase() === name.toLowerCase() || each.startsWith(name.slice(0, 4)));
    throw new CeleriacError(
      "CONFIG_INVALID",
      `${where}: there is no option "${name}"${near === undefined ? "" : `; did you mean "${near}"?`} Known: ${names.join(", ")}.`,
      { details: { option: name } },
    );
  }
}

/** Throws CONFIG_INVALID unless `priority` is a whole number from 0 to 255. */
export function checkPriority(priority: number | undefined, where: string): void {
  if (priority === undefined || (Number.isInteger(priority) && priority >= 0 && priority <= 255)) return;
  throw new CeleriacError(
    "CONFIG_INVALID",
    `${where}: priority must be a whole number from 0 to 255, not ${String(priority)}.`,
  );
}

/** Fills in the defaults. Throws NAME_INVALID, CONFIG_INVALID or DURATION_INVALID. */
export function defineTask(
  name: string,
  options: AnyTaskOptions,
  handler: AnyHandler | undefined,
  defaultQueue: string,
): TaskDefinition {
  checkTaskName(name);
  const where = `task "${name}"`;
  refuseUnknown(options, Object.keys(known), where);
  const queue = options.queue ?? defaultQueue;
  checkQueueName(queue);
  checkPriority(options.priority, where);
  oneOf(options.ack, ["late", "early"], `${where}: ack`);
  oneOf(options.onCrash, ["retry", "fail"], `${where}: onCrash`);
  oneOf(options.rest, ["refuse", "ignore"], `${where}: rest`);
  const crashes = options.crashes ?? 3;
  if (!(Number.isSafeInteger(crashes) && crashes >= 1)) {
    throw new CeleriacError(
      "CONFIG_INVALID",
      `${where}: crashes must be a whole number of at least 1, not ${String(crashes)}.`,
    );
  }
  if (options.input !== undefined && typeof options.input["~standard"]?.validate !== "function") {
    throw new CeleriacError(
      "CONFIG_INVALID",
      `${where}: input must be a Standard Schema, such as one of zod, valibot or arktype.`,
    );
  }
  if (options.raw === true && (options.positional !== undefined || options.input !== undefined)) {
    throw new CeleriacError(
      "CONFIG_INVALID",
      `${where}: raw excludes positional and input; a raw task binds its arguments itself.`,
    );
  }
  const ms = (duration: Duration | undefined, what: string): number | undefined =>
    duration === undefined ? undefined : durationMs(duration, `${where}: ${what}`);
  if (options.fairness !== undefined && typeof options.fairness !== "function") {
    throw new CeleriacError("CONFIG_INVALID", `${where}: fairness must be a function of the input.`);
  }
  const positional = options.positional && positions(options.positional, where);
  const names = (positional ?? []).map((each) => each.name);
  if (options.batch !== undefined && options.raw === true)
    throw new CeleriacError("CONFIG_INVALID", `${where}: batch excludes raw.`);
  const calls = resolveCalls(options, where);
  if (handler === undefined) refuseRemoteCalls(calls, where);
  return {
    name,
    handler,
    input: options.input,
    positional,
    raw: options.raw ?? false,
    rest: options.rest ?? "refuse",
    queue,
    priority: options.priority,
    retry: options.retry && resolveRetry(options.retry),
    rate: options.rate === undefined ? undefined : resolveRate(options.rate, where),
    concurrency: options.concurrency === undefined ? undefined : resolveConcurrency(options.concurrency, where),
    fairness: options.fairness as TaskDefinition["fairness"],
    timeLimit: ms(options.timeLimit, "timeLimit"),
    softTimeLimit: ms(options.softTimeLimit, "softTimeLimit"),
    expires: ms(options.expires, "expires"),
    ack: options.ack ?? "late",
    crashes,
    onCrash: options.onCrash ?? "retry",
    ignoreResult: options.ignoreResult ?? false,
    trackStarted: options.trackStarted ?? false,
    calls,
    batch: options.batch === undefined ? undefined : resolveBatch(options.batch, where),
    redact: options.redact === undefined ? undefined : resolveRedact(options.redact, names, where),
    errorClasses: [...(options.retry?.on ?? []), ...(options.retry?.never ?? [])],
  };
}

function positions(names: readonly string[], where: string): { name: string; optional: boolean }[] {
  const parsed = names.map((name) => ({ name: name.replace(/\?$/, ""), optional: name.endsWith("?") }));
  const twice = parsed.find((each, index) => parsed.findIndex((other) => other.name === each.name) !== index);
  if (twice !== undefined) {
    throw new CeleriacError("CONFIG_INVALID", `${where}: positional names "${twice.name}" twice.`);
  }
  const late = parsed.find((each, index) => !each.optional && parsed.slice(0, index).some((former) => former.optional));
  if (late !== undefined) {
    throw new CeleriacError(
      "CONFIG_INVALID",
      `${where}: positional "${late.name}" must be given but follows an optional one.`,
    );
  }
  return parsed;
}

function oneOf(value: string | undefined, allowed: readonly string[], what: string): void {
  if (value === undefined || allowed.includes(value)) return;
  throw new CeleriacError(
    "CONFIG_INVALID",
    `${what} must be "${allowed.join('" or "')}", not ${JSON.stringify(value)}.`,
  );
}
