/** The schedules that an app declares in code, checked when they are declared. Holds them for the beat; sends nothing. */

import { createHash } from "node:crypto";
import { CeleriacError } from "../error/celeriac-error.ts";
import { type Duration, durationMs } from "../task/duration.ts";
import { checkPriority, refuseUnknown } from "../task/options.ts";
import type { Schedule } from "../task/schedule.ts";
import type { AnySignature, Closed, Signature } from "../task/signature.ts";
import { stringifyJson } from "../wire/json.ts";
import { checkQueueName } from "../wire/name.ts";
import type { Signature as WireSignature } from "../wire/signature.ts";

/** Declares when a call is sent. The call needs nothing more: `task.si(input)`, or a workflow that begins with such. */
export type DeclareSchedule = <I>(
  name: string,
  schedule: Schedule,
  signature: Signature<I, unknown> & Closed<I>,
  options?: ScheduleOptions,
) => void;

/**
 * What becomes of ticks, in the words of a person.
 *
 * @example
 * ```ts
 * import { every, type SchedulePolicyOptions } from "celeriac";
 * const careful: SchedulePolicyOptions = { misfire: "all", limit: 24, overlap: "queue", jitter: "10s" };
 * const totals = app.task("totals", async (day: { back: number }) => day.back);
 * app.schedule("hourly", every("1h"), totals.si({ back: 0 }), careful);
 * ```
 */
export interface SchedulePolicyOptions {
  /**
   * What becomes of ticks that no scheduler was there for: `skip` them all, run `once` for all of them, or run `all` of them, the last
   * `limit` at most. Default "once".
   */
  readonly misfire?: "skip" | "once" | "all";
  /** A tick is missed when it could not be sent for so long. Default "1m". */
  readonly grace?: Duration;
  /**
   * What becomes of a tick whose run before has not ended: `allow` both, `skip` it, or `queue` it: it runs when that one has ended, and
   * one at most waits. Default "allow".
   */
  readonly overlap?: "allow" | "skip" | "queue";
  /**
   * Each tick is sent later by a part of this that follows from schedule and tick, the same on every scheduler, and before the next one.
   * Default 0.
   */
  readonly jitter?: Duration;
  /** Most missed ticks that `misfire: "all"` makes up for, 1 to 1 000. Default 1 000. */
  readonly limit?: number;
}

/**
 * What becomes of ticks, and how each call is sent. Everything is optional; of the call, what is absent comes from the signature.
 *
 * @example
 * ```ts
 * import { cron } from "celeriac";
 * const totals = app.task("totals", async (day: { back: number }) => day.back);
 * app.schedule("nightly", cron("0 3 * * *"), totals.si({ back: 1 }), { misfire: "skip", overlap: "skip", queue: "slow" });
 * ```
 */
export interface ScheduleOptions extends SchedulePolicyOptions {
  /** Declared, but nothing is sent before somebody resumes it. Default false. */
  readonly paused?: boolean;
  readonly queue?: string;
  /** Not started later than this after it was sent. */
  readonly expires?: Duration;
  /** Wire number 0…255. */
  readonly priority?: number;
  readonly timeLimit?: Duration;
  readonly softTimeLimit?: Duration;
  readonly ignoreResult?: boolean;
  readonly headers?: Readonly<Record<string, unknown>>;
}

/** {@link SchedulePolicyOptions} with defaults, in milliseconds. */
export interface SchedulePolicy {
  readonly misfire: "skip" | "once" | "all";
  readonly grace: number;
  readonly overlap: "allow" | "skip" | "queue";
  readonly jitter: number;
  readonly limit: number;
}

/** How each call is sent, over what its parts say; times in milliseconds. */
export interface ScheduleSending {
  readonly queue?: string;
  readonly expires?: number;
  readonly priority?: number;
  readonly timeLimit?: number;
  readonly softTimeLimit?: number;
  readonly ignoreResult?: boolean;
  readonly headers?: Readonly<Record<string, unknown>>;
}

/** A schedule with all that follows from its declaration. */
export interface DeclaredSchedule {
  readonly name: string;
  readonly schedule: Schedule;
  readonly signature: WireSignature;
  readonly sending: ScheduleSending;
  readonly policy: SchedulePolicy;
  readonly paused: boolean;
  /** Differs when anything of the above does. */
  readonly version: string;
}

const known: Readonly<Record<keyof ScheduleOptions, true>> = {
  expires: true,
  grace: true,
  headers: true,
  ignoreResult: true,
  jitter: true,
  limit: true,
  misfire: true,
  overlap: true,
  paused: true,
  priority: true,
  queue: true,
  softTimeLimit: true,
  timeLimit: true,
};
/** Missed ticks. */
export const mostMadeUp = 1_000;
const defaults: SchedulePolicy = { misfire: "once", grace: 60_000, overlap: "allow", jitter: 0, limit: mostMadeUp };

export class ScheduleBook {
  readonly #declared = new Map<string, DeclaredSchedule>();

  /** Throws SCHEDULE_DUPLICATE. */
  add(declared: DeclaredSchedule): void {
    if (this.#declared.has(declared.name)) {
      throw new CeleriacError(
        "SCHEDULE_DUPLICATE",
        `The schedule "${declared.name}" is declared twice in this app; give one of them another name.`,
        { details: { schedule: declared.name } },
      );
    }
    this.#declared.set(declared.name, declared);
  }

  get(name: string): DeclaredSchedule | undefined {
    return this.#declared.get(name);
  }

  list(): readonly DeclaredSchedule[] {
    return [...this.#declared.values()];
  }
}

/** Checks everything. Throws NAME_INVALID, SCHEDULE_INVALID, CONFIG_INVALID, DURATION_INVALID or NOT_SERIALIZABLE. */
export function declareSchedule(
  name: string,
  schedule: Schedule,
  signature: AnySignature,
  options: ScheduleOptions,
  defaultQueue: string,
): DeclaredSchedule {
  checkScheduleName(name);
  if (typeof schedule?.next !== "function" || typeof schedule.toJSON !== "function") {
    throw new CeleriacError(
      "SCHEDULE_INVALID",
      `schedule "${name}": give cron("0 3 * * *"), every("30s") or solar("sunset", …), not ${JSON.stringify(schedule)}.`,
    );
  }
  return declaredOf({
    name,
    schedule,
    signature: callOf(name, signature, defaultQueue),
    sending: sendingOf(name, options, {}),
    policy: policyOf(name, options, defaults),
    paused: options.paused ?? false,
  });
}

/** The same again with what was changed; what is not named stays. */
export function changeSchedule(
  { name, schedule, signature, sending, policy, paused }: Omit<DeclaredSchedule, "version">,
  changes: ScheduleOptions & { readonly schedule?: Schedule; readonly signature?: AnySignature },
  defaultQueue: string,
): DeclaredSchedule {
  const { schedule: next, signature: call, ...options } = changes;
  return declaredOf({
    name,
    schedule: next ?? schedule,
    signature: call === undefined ? signature : callOf(name, call, defaultQueue),
    sending: sendingOf(name, options, sending),
    policy: policyOf(name, options, policy),
    paused,
  });
}

function declaredOf(declared: Omit<DeclaredSchedule, "version">): DeclaredSchedule {
  const { name, schedule, signature, sending, policy, paused } = declared;
  if (policy.overlap !== "allow" && (sending.ignoreResult ?? signature.options["ignore_result"]) === true) {
    throw invalid(name, `overlap "${policy.overlap}" needs to see the end of a run, and this call stores no result`);
  }
  const text = stringifyJson({ spec: schedule.toJSON(), signature, sending, policy, paused });
  return { ...declared, version: createHash("sha256").update(text).digest("hex").slice(0, 16) };
}

/** Celery's signature dict. The call of a task names its queue: whoever leads may have another default. */
function callOf(name: string, signature: AnySignature, defaultQueue: string): WireSignature {
  if (typeof signature?.toJSON !== "function")
    throw invalid(name, "give a call such as task.si(input), or a workflow, as what it sends");
  const wire = signature.toJSON();
  // The same id each time would be a duplicate each time.
  if (wire.options["task_id"] !== undefined)
    throw invalid(name, "its call must not name an id: every tick has one of its own");
  return wire.subtask_type === null ? { ...wire, options: { queue: defaultQueue, ...wire.options } } : wire;
}

function sendingOf(name: string, options: ScheduleOptions, before: ScheduleSending): ScheduleSending {
  const where = `schedule "${name}"`;
  refuseUnknown(options, Object.keys(known), where);
  checkPriority(options.priority, where);
  if (options.queue !== undefined) checkQueueName(options.queue);
  const ms = (duration: Duration | undefined, what: string): number | undefined =>
    duration === undefined ? undefined : durationMs(duration, `${where}: ${what}`);
  const given = {
    queue: options.queue,
    expires: ms(options.expires, "expires"),
    priority: options.priority,
    timeLimit: ms(options.timeLimit, "timeLimit"),
    softTimeLimit: ms(options.softTimeLimit, "softTimeLimit"),
    ignoreResult: options.ignoreResult,
    headers: options.headers,
  };
  return { ...before, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) };
}

function policyOf(name: string, options: ScheduleOptions, before: SchedulePolicy): SchedulePolicy {
  const { misfire = before.misfire, overlap = before.overlap, limit = before.limit } = options;
  if (!["skip", "once", "all"].includes(misfire)) throw invalid(name, 'misfire must be "skip", "once" or "all"');
  if (!["allow", "skip", "queue"].includes(overlap)) throw invalid(name, 'overlap must be "allow", "skip" or "queue"');
  if (!(Number.isSafeInteger(limit) && limit >= 1 && limit <= mostMadeUp))
    throw invalid(name, `limit must be a whole number from 1 to ${String(mostMadeUp)}`);
  const ms = (duration: Duration | undefined, what: string, otherwise: number): number =>
    duration === undefined ? otherwise : durationMs(duration, `schedule "${name}": ${what}`);
  return {
    misfire,
    overlap,
    limit,
    grace: ms(options.grace, "grace", before.grace),
    jitter: ms(options.jitter, "jitter", before.jitter),
  };
}

function checkScheduleName(name: unknown): asserts name is string {
  if (typeof name === "string" && /^[^\s\p{C}](?:[^\p{C}]{0,198}[^\s\p{C}])?$/u.test(name)) return;
  throw new CeleriacError(
    "NAME_INVALID",
    `A schedule's name is 1 to 200 visible characters, not ${(JSON.stringify(name) ?? String(name)).slice(0, 80)}.`,
  );
}

function invalid(name: string, why: string): CeleriacError {
  return new CeleriacError("CONFIG_INVALID", `schedule "${name}": ${why}.`, { details: { schedule: name } });
}
