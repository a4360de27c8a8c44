/** What becomes of many calls with one key: a task's `unique`, `debounce` and `throttle`, as people write them and as brokers carry them out. */

import { CeleriacError } from "../error/celeriac-error.ts";
import type { CallKind, CallTerms } from "../wire/call-mark.ts";
import { type Duration, durationMs } from "./duration.ts";

/**
 * A text that calls have in common, or how the input gives it: up to 200 characters. It counts within the task and the queue.
 *
 * @example
 * ```ts
 * import type { CallKey } from "celeriac";
 * const byCustomer: CallKey = (input: { customer: string }) => input.customer;
 * ```
 */
export type CallKey = string | ((input: never) => string);

/**
 * One task a key, for as long as one waits, or waits or runs. `whenConflict` says what becomes of another call: "skip" leaves it to the one there
 * is; "replace" puts its input in the place of the one that waits; "queueLatest" does that, and while one runs keeps the latest call and runs
 * it afterwards. Retries keep the key; the end, a dead letter, a revoke and a purge give it up.
 *
 * @example
 * ```ts
 * const sync = app.task(
 *   "customer.sync",
 *   { unique: { key: (input: { customer: string }) => input.customer, whenConflict: "queueLatest" } },
 *   async ({ customer }: { customer: string }) => customer,
 * );
 * const sent = await sync.delay({ customer: "c7" });
 * console.log(sent.id, sent.became); // "sent", "joined" or "replaced"
 * ```
 */
export type UniqueOptions = UniqueKey &
  (
    | { readonly for?: "queued-or-running"; readonly whenConflict?: "skip" | "queueLatest" }
    | { readonly for: "queued"; readonly whenConflict?: "skip" | "replace" }
  );

interface UniqueKey {
  readonly key: CallKey;
  /** The key is free again so long after the last that was heard of its task (its call, its start, its retry), whatever became of it. Default "24h". */
  readonly ttl?: Duration;
}

/**
 * Starts when no call of the key has come for `wait`, with the input of the last.
 *
 * @example
 * ```ts
 * import type { DebounceOptions } from "celeriac";
 * const quiet: DebounceOptions = { key: (input: { page: string }) => input.page, wait: "5s", maxWait: "1m" };
 * ```
 */
export interface DebounceOptions {
  readonly key: CallKey;
  readonly wait: Duration;
  /** From the first call on; then it starts though calls go on coming. Default: ten times `wait`. */
  readonly maxWait?: Duration;
}

/**
 * At most one call of the key in each period, counted from the call that opened it: the first, and with `trailing` the last of the
 * others as well, which runs when the period is over and opens the next.
 *
 * @example
 * ```ts
 * import type { ThrottleOptions } from "celeriac";
 * const once: ThrottleOptions = { key: (input: { user: string }) => input.user, period: "1h", trailing: true };
 * ```
 */
export interface ThrottleOptions {
  readonly key: CallKey;
  readonly period: Duration;
  /** Default false: what comes within the period is left to the first. */
  readonly trailing?: boolean;
}

/** At most one of them. */
export interface CallOptions {
  /** One task for all calls of a key while it is queued, or queued or running. Default: each call is a task. */
  readonly unique?: UniqueOptions;
  /** Starts when calls of a key have ceased, with the last input. Default: each call is a task. */
  readonly debounce?: DebounceOptions;
  /** One call of a key in each period. Default: each call is a task. */
  readonly throttle?: ThrottleOptions;
}

/** Of those one, resolved. */
export interface CallPolicy extends Omit<CallTerms, "key"> {
  readonly by: CallKind;
  readonly key: string | ((input: unknown) => string);
}

/** The policy of one call. Plain data. */
export interface CallClaim extends CallTerms {
  readonly by: CallKind;
}

const longestKey = 200;
const usualLife = 24 * 3_600_000;
/** What waits for a period or for quiet is heard of again within them; after so long more its worker never came. */
const slack = usualLife;

/** Throws CONFIG_INVALID or DURATION_INVALID. */
export function resolveCalls(options: CallOptions & { readonly ack?: string }, where: string): CallPolicy | undefined {
  const { unique, debounce, throttle } = options;
  const given = (["unique", "debounce", "throttle"] as const).filter((name) => options[name] !== undefined);
  const [name, other] = given;
  if (name === undefined) return undefined;
  if (other !== undefined) throw invalid(where, `${name} and ${other} exclude each other; say one of them`);
  const said: unknown = options[name];
  if (typeof said !== "object" || said === null) throw invalid(where, `${name} must be an object`);
  const key = keyOf((said as { readonly key?: unknown }).key, `${where}: ${name}`);
  const ms = (length: Duration, what: string): number => whole(durationMs(length, `${where}: ${what}`), where, what);
  if (unique !== undefined) return { key, ...resolveUnique(unique, options.ack, where, ms) };
  if (debounce !== undefined) {
    refuse(debounce, ["key", "wait", "maxWait"], `${where}: debounce`);
    const wait = ms(debounce.wait, "debounce.wait");
    const most = debounce.maxWait === undefined ? wait * 10 : ms(debounce.maxWait, "debounce.maxWait");
    if (most < wait) throw invalid(where, "debounce.maxWait must not be shorter than debounce.wait");
    return { key, by: "debounce", hold: "start", life: most + slack, conflict: "replace", quiet: { wait, most } };
  }
  if (throttle === undefined) return undefined;
  refuse(throttle, ["key", "period", "trailing"], `${where}: throttle`);
  const period = ms(throttle.period, "throttle.period");
  if (throttle.trailing !== undefined && typeof throttle.trailing !== "boolean")
    throw invalid(where, "throttle.trailing must be true or false");
  const conflict = throttle.trailing === true ? "after" : "join";
  return { key, by: "throttle", hold: period, life: period + slack, conflict };
}

function resolveUnique(
  unique: UniqueOptions,
  ack: string | undefined,
  where: string,
  ms: (length: Duration, what: string) => number,
): Omit<CallPolicy, "key"> {
  refuse(unique, ["key", "for", "whenConflict", "ttl"], `${where}: unique`);
  const { for: until = "queued-or-running", whenConflict = "skip" }: { for?: string; whenConflict?: string } = unique;
  const life = unique.ttl === undefined ? usualLife : ms(unique.ttl, "unique.ttl");
  if (until !== "queued" && until !== "queued-or-running")
    throw invalid(where, `unique.for must be "queued" or "queued-or-running", not ${JSON.stringify(until)}`);
  if (until === "queued-or-running" && ack === "early")
    throw invalid(
      where,
      'unique for "queued-or-running" needs ack "late": what is acknowledged before it runs is told to nobody when it ends',
    );
  const hold = until === "queued" ? "start" : "end";
  if (whenConflict === "skip") return { by: "unique", hold, life, conflict: "join" };
  if (whenConflict === "replace" && hold === "start") return { by: "unique", hold, life, conflict: "replace" };
  if (whenConflict === "queueLatest" && hold === "end") return { by: "queueLatest", hold, life, conflict: "after" };
  if (whenConflict === "replace")
    throw invalid(
      where,
      'unique.whenConflict "replace" needs for: "queued"; what runs is not replaced. Use "queueLatest"',
    );
  if (whenConflict === "queueLatest")
    throw invalid(where, 'unique.whenConflict "queueLatest" needs for: "queued-or-running". Use "replace"');
  throw invalid(
    where,
    `unique.whenConflict must be "skip", "replace" or "queueLatest", not ${JSON.stringify(whenConflict)}`,
  );
}

/** What Python runs begins and ends where nobody sees to keys: only what is decided when it is sent can be promised. */
export function refuseRemoteCalls(policy: CallPolicy | undefined, where: string): void {
  if (policy === undefined || (policy.by === "throttle" && policy.conflict === "join")) return;
  throw invalid(
    where,
    `${policy.by} is for tasks with a handler here: other workers do not say when one of a key begins or ends. A remote task can have throttle without trailing`,
  );
}

/** The key of this call. Throws INPUT_INVALID for one that is none. */
export function claimOf(policy: CallPolicy, input: unknown, task: string): CallClaim {
  const { by, hold, life, conflict, quiet } = policy;
  const key: unknown = typeof policy.key === "function" ? policy.key(input) : policy.key;
  if (typeof key !== "string" || key === "" || key.length > longestKey)
    throw new CeleriacError(
      "INPUT_INVALID",
      `${task}: ${by === "queueLatest" ? "unique" : by}.key must return a text of 1 to ${String(longestKey)} characters, not ${typeof key === "string" ? `one of ${String(key.length)}` : typeof key}.`,
      { details: { task } },
    );
  return { key: `${task}:${key}`, by, hold, life, conflict, ...(quiet && { quiet }) };
}

function keyOf(key: unknown, where: string): CallPolicy["key"] {
  if (typeof key === "function") return key as (input: unknown) => string;
  if (typeof key === "string" && key !== "" && key.length <= longestKey) return key;
  throw invalid(where, `key must be a text of 1 to ${String(longestKey)} characters, or a function of the input`);
}

function refuse(options: object, known: readonly string[], where: string): void {
  for (const name of Object.keys(options))
    if (!known.includes(name)) throw invalid(where, `there is no option "${name}"; known are ${known.join(", ")}`);
}

function whole(ms: number, where: string, what: string): number {
  if (ms >= 1 && ms <= 366 * 86_400_000) return Math.ceil(ms);
  throw invalid(where, `${what} must be from 1 ms to 366 days`);
}

function invalid(where: string, why: string): CeleriacError {
  return new CeleriacError("CONFIG_INVALID", `${where}: ${why}.`);
}
