/**
 * From findings to calls: an alert begins when something has been wrong for a while, ends when it has been well for a while, and is told
 * once for each, and again when it goes on for long. What flickers is not told.
 *
 *   quiet ──(wrong for `settle`)──▶ firing ──(well for `settle`)──▶ quiet
 *                                     └─(each `repeat`)─▶ told again
 */

import { createHmac } from "node:crypto";
import type { Clock } from "../../clock/clock.ts";
import type { AlertKind, AlertRules, Finding } from "./rules.ts";

/**
 * What a webhook is told, as JSON.
 *
 * @example
 * ```ts
 * import type { AlertNotice } from "celeriac/dashboard";
 * server.post<{ Body: AlertNotice }>("/alerts", async ({ body }) => {
 *   console.log(body.status, body.kind, body.subject, body.text);
 * });
 * ```
 */
export interface AlertNotice extends Finding {
  readonly status: "firing" | "resolved";
  readonly environment: string;
  /** Unix ms: since when it is so, and when it was over. */
  readonly since: number;
  readonly until?: number;
  /** The same for all that is told of one alert. */
  readonly id: string;
}

interface Alert {
  finding: Finding;
  readonly since: number;
  /** Last seen. */
  seen: number;
  told: number | undefined;
}

/** Alerts at once, and notices that wait for the webhook. */
const mostAlerts = 500;
const mostWaiting = 200;
/** Pauses between tries of one notice, ms. */
const pauses = [1_000, 5_000, 30_000] as const;
const patience = 10_000;

export class Alarm {
  readonly #rules: AlertRules;
  readonly #environment: string;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #alerts = new Map<string, Alert>();
  readonly #waiting: AlertNotice[] = [];
  #sending: Promise<void> | undefined;

  constructor(rules: AlertRules, environment: string, clock: Clock, signal: AbortSignal) {
    this.#rules = rules;
    this.#environment = environment;
    this.#clock = clock;
    this.#signal = signal;
  }

  /** What is wrong at this moment; what is not named is well. */
  take(findings: readonly Finding[], now: number): void {
    const { settle, repeat } = this.#rules;
    for (const finding of findings) {
      const key = `${finding.kind}\0${finding.subject}`;
      const alert = this.#alerts.get(key) ?? { finding, since: now, seen: now, told: undefined };
      if (!this.#alerts.has(key) && this.#alerts.size >= mostAlerts) continue;
      this.#alerts.set(key, alert);
      alert.finding = finding;
      alert.seen = now;
      const due =
        alert.told === undefined ? now - alert.since >= settle : repeat !== undefined && now - alert.told >= repeat;
      if (!due) continue;
      alert.told = now;
      this.#tell(alert, "firing");
    }
    for (const [key, alert] of this.#alerts) {
      if (alert.seen === now) continue;
      // What was not told yet is forgotten at once: it has to be so for the whole time.
      if (alert.told !== undefined && now - alert.seen < settle) continue;
      this.#alerts.delete(key);
      if (alert.told !== undefined) this.#tell(alert, "resolved", alert.seen);
    }
  }

  /** Those that were told of and are not over. */
  get firing(): readonly { readonly kind: AlertKind; readonly subject: string }[] {
    return [...this.#alerts.values()].filter(({ told }) => told !== undefined).map(({ finding }) => finding);
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    await this.#sending;
  }

  #tell({ finding, since }: Alert, status: AlertNotice["status"], until?: number): void {
    const id = `${finding.kind}:${finding.subject}:${String(since)}`;
    const notice = {
      ...finding,
      status,
      environment: this.#environment,
      since,
      id,
      ...(until !== undefined && { until }),
    };
    if (this.#waiting.length >= mostWaiting) this.#waiting.shift();
    this.#waiting.push(notice);
    this.#sending ??= this.#send().finally(() => (this.#sending = undefined));
  }

  async #send(): Promise<void> {
    for (let notice = this.#waiting.shift(); notice !== undefined; notice = this.#waiting.shift()) {
      if (this.#signal.aborted) return;
      let problem = await this.#post(notice);
      for (const pause of pauses) {
        if (problem === undefined || this.#signal.aborted) break;
        await this.#clock.sleep(pause, this.#signal).catch(() => {});
        problem = await this.#post(notice);
      }
      if (problem !== undefined)
        process.emitWarning(`The webhook was not told of ${notice.id}: ${problem}`, { code: "ALERT_UNSENT" });
    }
  }

  /** `undefined`: it was taken. What is the sender's fault (4xx) is not tried again. */
  async #post(notice: AlertNotice): Promise<string | undefined> {
    const { webhook, secret } = this.#rules;
    const body = JSON.stringify(notice);
    const seconds = Math.floor(this.#clock.now() / 1000);
    const mark = secret === undefined ? undefined : signatureOf(secret, seconds, body);
    try {
      const response = await fetch(webhook, {
        method: "POST",
        body,
        headers: { "content-type": "application/json", ...(mark !== undefined && { "x-celeriac-signature": mark }) },
        redirect: "error",
        signal: AbortSignal.any([this.#signal, AbortSignal.timeout(patience)]),
      });
      await response.body?.cancel();
      if (response.ok) return undefined;
      const final = response.status >= 400 && response.status < 500 && ![408, 429].includes(response.status);
      if (!final) return `it answered ${String(response.status)}`;
      process.emitWarning(`The webhook refuses notices with ${String(response.status)}.`, { code: "ALERT_REFUSED" });
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
}

export function signatureOf(secret: string, seconds: number, body: string): string {
  const mark = createHmac("sha256", secret)
    .update(`${String(seconds)}.${body}`)
    .digest("hex");
  return `t=${String(seconds)},v1=${mark}`;
}
