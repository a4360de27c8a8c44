/** When somebody is to be called: rules over what is known now, each a pure question. Times in ms. */

import { CeleriacError } from "../../error/celeriac-error.ts";
import { type Duration, durationMs } from "../../task/duration.ts";

/**
 * What is told to a webhook, and when.
 *
 * @example
 * ```ts
 * import { type AlertOptions, serveDashboard } from "celeriac/dashboard";
 * const alerts: AlertOptions = { webhook: "https://chat.example.com/hook", queueAge: "10m", failureRate: 0.1 };
 * await serveDashboard(app, { alerts });
 * ```
 */
export interface AlertOptions {
  /** Gets a POST for each alert that begins, goes on for long, or ends. */
  readonly webhook: string;
  /** Signs each POST: `X-Celeriac-Signature: t=<unix s>,v1=<hex HMAC-SHA-256 of "t.body">`. */
  readonly secret?: string;
  /** The oldest waiting task of a queue is older. Default "5m"; `false`: off. */
  readonly queueAge?: Duration | false;
  /** More of the tasks that ended in the last 5 minutes failed, 0…1. Default 0.2; `false`: off. */
  readonly failureRate?: number | false;
  /** Fewer ended than this: their rate says nothing. Default 20. */
  readonly failuresFrom?: number;
  /** Workers that must be there; or, by default, whoever was there in the last hour and left without a word. `false`: off. */
  readonly workers?: readonly string[] | false;
  /** A schedule did not send when it should have. Default true. */
  readonly schedules?: boolean;
  /** So many children of one worker died in 5 minutes. Default 5; `false`: off. */
  readonly crashes?: number | false;
  /** So long it must be so before it is told, and so long it must be well before its end is told. Default "1m". */
  readonly settle?: Duration;
  /** What goes on is told again. Default "1h"; `false`: once. */
  readonly repeat?: Duration | false;
}

export interface AlertRules {
  readonly webhook: URL;
  readonly secret: string | undefined;
  readonly queueAge: number | undefined;
  readonly failureRate: number | undefined;
  readonly failuresFrom: number;
  /** `undefined`: whoever was there. */
  readonly workers: readonly string[] | undefined;
  readonly watchWorkers: boolean;
  readonly schedules: boolean;
  readonly crashes: number | undefined;
  readonly settle: number;
  readonly repeat: number | undefined;
}

/** What alerts are about: a queue that stands, too many failures, a silent worker, a missed schedule, children that crash again and again. */
export type AlertKind = "queue-age" | "failure-rate" | "worker-missing" | "schedule-missed" | "crash-loop";

/** Something that is not as it should be. */
export interface Finding {
  readonly kind: AlertKind;
  /** The queue, worker or schedule; "" for all. */
  readonly subject: string;
  readonly text: string;
  /** What was measured, in the unit of the rule. */
  readonly value: number;
}

/** What the rules look at. */
export interface Situation {
  readonly now: number;
  readonly queues: readonly { readonly name: string; readonly oldest?: number; readonly paused?: boolean }[];
  readonly done: number;
  readonly failed: number;
  readonly workers: readonly {
    readonly name: string;
    readonly online: boolean;
    readonly gone: boolean;
    readonly heard: number;
  }[];
  readonly missed: readonly { readonly name: string; readonly tick: number }[];
  /** Deaths of children in the last 5 minutes, by worker. */
  readonly crashes: ReadonlyMap<string, number>;
}

/** A worker that was there so lately is missed. */
const lately = 3_600_000;

/** Throws CONFIG_INVALID and DURATION_INVALID. */
export function resolveAlerts(options: AlertOptions): AlertRules {
  if (!URL.canParse(options.webhook) || !/^https?:$/.test(new URL(options.webhook).protocol))
    throw new CeleriacError("CONFIG_INVALID", "dashboard: alerts.webhook must be an http: or https: URL.");
  const { queueAge = "5m", failureRate = 0.2, crashes = 5, repeat = "1h", workers, failuresFrom = 20 } = options;
  if (failureRate !== false && !(failureRate > 0 && failureRate <= 1))
    throw new CeleriacError("CONFIG_INVALID", "dashboard: alerts.failureRate must be a number over 0, at most 1.");
  return {
    webhook: new URL(options.webhook),
    secret: options.secret,
    queueAge: queueAge === false ? undefined : durationMs(queueAge, "alerts.queueAge"),
    failureRate: failureRate === false ? undefined : failureRate,
    failuresFrom,
    workers: workers === false ? undefined : workers,
    watchWorkers: workers !== false,
    schedules: options.schedules ?? true,
    crashes: crashes === false ? undefined : crashes,
    settle: durationMs(options.settle ?? "1m", "alerts.settle"),
    repeat: repeat === false ? undefined : durationMs(repeat, "alerts.repeat"),
  };
}

export function findingsOf(rules: AlertRules, situation: Situation): readonly Finding[] {
  return [
    ...slowQueues(rules, situation),
    ...failures(rules, situation),
    ...missingWorkers(rules, situation),
    ...(rules.schedules ? situation.missed : []).map(({ name, tick }): Finding => ({
      kind: "schedule-missed",
      subject: name,
      text: `The schedule "${name}" did not send at ${new Date(tick).toISOString()}.`,
      value: situation.now - tick,
    })),
    ...[...situation.crashes]
      .filter(([, count]) => rules.crashes !== undefined && count >= rules.crashes)
      .map(([worker, count]): Finding => ({
        kind: "crash-loop",
        subject: worker,
        text: `${String(count)} children of ${worker} died in the last 5 minutes.`,
        value: count,
      })),
  ];
}

function slowQueues({ queueAge }: AlertRules, { queues, now }: Situation): readonly Finding[] {
  return queues.flatMap(({ name, oldest, paused }) => {
    const age = oldest === undefined ? 0 : now - oldest;
    // Who paused it knows that it grows.
    if (queueAge === undefined || age <= queueAge || paused === true) return [];
    const minutes = Math.round(age / 60_000);
    const text = `The oldest task of the queue "${name}" has waited for ${String(minutes)} min.`;
    return [{ kind: "queue-age", subject: name, text, value: age }];
  });
}

function failures({ failureRate, failuresFrom }: AlertRules, { done, failed }: Situation): readonly Finding[] {
  const rate = done === 0 ? 0 : failed / done;
  if (failureRate === undefined || done < failuresFrom || rate < failureRate) return [];
  const text = `${String(failed)} of ${String(done)} tasks failed in the last 5 minutes.`;
  return [{ kind: "failure-rate", subject: "", text, value: rate }];
}

function missingWorkers(rules: AlertRules, { workers, now }: Situation): readonly Finding[] {
  if (!rules.watchWorkers) return [];
  const silent = workers.filter(({ online, gone, heard }) => !online && !gone && now - heard < lately);
  const online = new Set(workers.filter((worker) => worker.online).map(({ name }) => name));
  const names = rules.workers?.filter((name) => !online.has(name)) ?? silent.map(({ name }) => name);
  return names.map((name) => {
    const heard = workers.find((worker) => worker.name === name)?.heard;
    const since = heard === undefined ? "was never heard of" : `has been silent since ${new Date(heard).toISOString()}`;
    return {
      kind: "worker-missing",
      subject: name,
      text: `The worker ${name} ${since}.`,
      value: heard === undefined ? 0 : now - heard,
    };
  });
}
