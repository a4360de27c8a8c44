/**
 * How often tasks may begin. A rate of the cluster is asked for in one call for all that is to start in a turn; one of this worker is counted
 * here. What was set from outside while the worker runs counts instead of the task's own. Tasks without a rate cost a look and no more.
 */

import type { Clock } from "../clock/clock.ts";
import type { Limits, RateAsk } from "../port/limits.ts";
import { type BucketState, forgottenAt, longestPromise, takeToken } from "../port/rate-law.ts";
import { parseRate, rateBucket, type RatePolicy } from "../task/rate.ts";
import type { Execution } from "./execution.ts";
import type { Reporter } from "./reporter.ts";
import type { IntakeRules } from "./unrun.ts";

/** Buckets of this worker that are kept before those that are full again are looked for. */
const mostBuckets = 1_000;
/** Before a server that did not answer is asked again, ms. */
const askAgain = 1_000;

export interface RatesOptions {
  readonly clock: Clock;
  /** Absent where no database is named: each worker then counts for itself. */
  readonly limits: Limits | undefined;
  readonly rules: Pick<IntakeRules, "registry" | "limitOf">;
  readonly report: Reporter;
  readonly random: () => number;
}

type Rated = Pick<Execution, "definition" | "headers" | "message">;

export class Rates {
  readonly #options: RatesOptions;
  readonly #buckets = new Map<string, BucketState>();
  #away = false;

  constructor(options: RatesOptions) {
    this.#options = options;
    const { limits, report, rules } = options;
    const names = rules.registry.list().flatMap(({ name, rate }) => (rate?.scope === "cluster" ? [name] : []));
    if (limits !== undefined || names.length === 0) return;
    const text = `no database is named, so nothing is shared between workers, and each keeps the rate of ${names.join(", ")} for itself`;
    report.warning("RATE_PER_WORKER", `${text}; name a store with \`results\` for a rate that all keep together`);
  }

  /** Those that may have to wait. */
  limited<E extends Rated>(executions: readonly E[]): readonly E[] {
    let found: E[] | undefined;
    for (const execution of executions) if (this.#rateOf(execution) !== undefined) (found ??= []).push(execution);
    return found ?? [];
  }

  /** For each the ms after which it may be tried again; 0: it may begin now. Never rejects: nobody begins on a guess. */
  async take(executions: readonly Rated[]): Promise<readonly number[]> {
    const { limits } = this.#options;
    const waits = executions.map(() => 0);
    const asks: { readonly index: number; readonly ask: RateAsk }[] = [];
    for (const [index, execution] of executions.entries()) {
      const rate = this.#rateOf(execution);
      if (rate === undefined) continue;
      const { limit, per, burst, scope } = rate;
      const ask: RateAsk = {
        kind: "rate",
        key: rateBucket(execution.headers.task, execution.message.headers),
        limit,
        per,
        burst,
      };
      if (scope === "cluster" && limits !== undefined) asks.push({ index, ask });
      else waits[index] = this.#spread(this.#takeHere(ask));
    }
    if (limits === undefined || asks.length === 0) return waits;
    try {
      const answers = await limits.take(asks.map(({ ask }) => ask));
      this.#away = false;
      for (const [at, { index }] of asks.entries()) {
        const answer = answers[at];
        waits[index] = answer?.ok === true ? 0 : this.#spread(answer?.retryAfter ?? askAgain);
      }
    } catch (error) {
      if (!this.#away) {
        this.#options.report.warning(
          "LIMITS_UNREAD",
          "rates could not be asked for; the tasks go back for a second",
          error,
        );
      }
      this.#away = true;
      for (const { index } of asks) waits[index] = askAgain;
    }
    return waits;
  }

  #rateOf({ definition, headers }: Rated): Omit<RatePolicy, "key"> | undefined {
    const said = this.#options.rules.limitOf?.(headers.task)?.rate ?? undefined;
    if (said === undefined) return definition.rate;
    const parsed = parseRate(said);
    // What nobody can read changes nothing.
    if (parsed === "unreadable") return definition.rate;
    return parsed && { ...parsed, scope: definition.rate?.scope ?? "cluster" };
  }

  #takeHere(ask: RateAsk): number {
    const now = this.#options.clock.monotonic();
    if (this.#buckets.size > mostBuckets) {
      for (const [key, state] of this.#buckets) if (forgottenAt(state) <= now) this.#buckets.delete(key);
    }
    const { state, granted } = takeToken(this.#buckets.get(ask.key), ask, now);
    this.#buckets.set(ask.key, state);
    return granted.ok ? 0 : granted.retryAfter;
  }

  /** No more than a minute, lest a rate that is raised finds nobody; and not all at the end of it. */
  #spread(wait: number): number {
    return wait < longestPromise ? wait : Math.round(longestPromise * (0.5 + this.#options.random() / 2));
  }
}
