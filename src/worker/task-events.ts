/**
 * What happens to tasks here, in the words of Celery's events and, where those have none, in own ones. While nobody listens each step
 * costs a question and nothing else.
 */

import { constants } from "node:os";
import type { Delivery, Settled } from "../port/broker.ts";
import { shownCallJson, shownError, shownLog, shownResult, shownTraceback } from "../event/exposure.ts";
import { plannedSteps } from "../event/planned.ts";
import { readException } from "../wire/exception.ts";
import type { TaskHeaders } from "../wire/task-message.ts";
import { maskFor, pointersOf } from "./covering.ts";
import { EventText } from "./event-text.ts";
import { attemptOf, type Execution } from "./execution.ts";
import type { Failure } from "./failure.ts";
import type { Refused, Told, Witness } from "./reporter.ts";
import type { TaskEnd } from "./task-end.ts";
import { namesOf } from "./unrun.ts";

type Fields = Readonly<Record<string, unknown>>;

export interface TaskEventsOptions {
  /** Somebody may be listening. */
  readonly on: () => boolean;
  readonly tell: (type: string, fields: Fields) => void;
  /** The same with fields that are JSON already, without braces. */
  readonly write: (type: string, json: string) => void;
}

export class TaskEvents implements Witness {
  readonly #options: TaskEventsOptions;
  readonly #text = new EventText();

  constructor(options: TaskEventsOptions) {
    this.#options = options;
  }

  admitted(execution: Execution): void {
    if (!this.#options.on()) return;
    const { headers, message, call, delivery, claim, embed } = execution;
    const shown = shownCallJson(message.headers, call, pointersOf(execution));
    const received = this.#text.received(headers, shown, delivery.queue, claim.fence);
    const planned = plannedSteps(headers, embed);
    const more = planned.length === 0 ? "" : `,"planned":${JSON.stringify(planned)}`;
    this.#options.write("task-received", received + more);
  }

  started(execution: Execution): void {
    if (!this.#options.on()) return;
    const { headers, claim, pid } = execution;
    this.#options.write("task-started", this.#text.started(headers, claim.fence, pid));
  }

  ended(execution: Execution, { end, value, failure }: Told, how: Settled["kind"]): void {
    if (!this.#options.on()) return;
    if (how === "lost") this.#returned(execution, "the lease was lost; nothing of this run was stored");
    else if (how === "already-final") this.#returned(execution, "was finished before");
    else this.#ended(execution, end, value, failure);
  }

  refused(verdict: Refused, delivery: Delivery): void {
    if (!this.#options.on()) return;
    const names = verdict.headers ?? namesOf(delivery);
    if (names === undefined) return; // nobody could tell which task this is about
    const { id, task } = names;
    const about = { uuid: id, name: task, queue: delivery.queue };
    if (verdict.headers) this.#received(verdict.headers, delivery);
    if (verdict.kind !== "dead") {
      const expired = verdict.kind === "expired";
      this.#options.tell("task-revoked", { ...about, terminated: false, signum: null, expired });
      return;
    }
    const { then } = verdict.settlement;
    const detail = then.kind === "bury" ? then.letter.detail : "";
    const error = readException(verdict.error);
    this.#options.tell("task-failed", { ...about, exception: shownError(error), traceback: null });
    this.#dead(about, verdict.reason, detail);
  }

  progress(execution: Execution, done: number, total: number | null, note: string | null): void {
    if (!this.#options.on()) return;
    this.#options.tell("celeriac-progress", { ...facts(execution), done, total, note });
  }

  log(execution: Execution, level: string, text: string, fields: string | null): void {
    if (!this.#options.on()) return;
    this.#options.tell("celeriac-log", { ...facts(execution), level, ...shownLog(text, fields) });
  }

  checkpoint(execution: Execution, name: string): void {
    if (!this.#options.on()) return;
    this.#options.tell("celeriac-checkpoint", { ...facts(execution), checkpoint: name });
  }

  #ended(execution: Execution, end: TaskEnd, value: Told["value"], failure: Failure | undefined): void {
    const { tell } = this.#options;
    switch (end.kind) {
      case "succeeded": {
        const { headers, pid } = execution;
        const whole = value === undefined ? "None" : shownResult(value.bytes);
        const result = maskFor(execution)?.(whole) ?? whole;
        this.#options.write("task-succeeded", this.#text.succeeded(headers, result, end.ms, pid));
        return;
      }
      case "ignored":
        // Celery says nothing of these, so that its monitors show them as running for ever.
        tell("task-succeeded", { ...facts(execution), result: "None", runtime: seconds(end.ms), ignored: true });
        return;
      case "failed":
        tell("task-failed", { ...facts(execution), ...whyOf(failure, end.error), runtime: seconds(end.ms) });
        return;
      case "retried":
        tell("task-retried", { ...facts(execution), ...whyOf(failure, end.error), delay: end.delay / 1000 });
        return;
      case "dead":
        if (end.reason === "rejected") tell("task-rejected", { ...facts(execution), requeue: false });
        else tell("task-failed", { ...facts(execution), ...whyOf(failure, end.detail) });
        this.#dead(facts(execution), end.reason, end.detail);
        return;
      case "lost":
        this.#returned(execution, `${end.error} (${end.culprit})`, { culprit: end.culprit });
        return;
      case "returned":
        if (end.why === "rejected") tell("task-rejected", { ...facts(execution), requeue: true });
        else this.#returned(execution, end.why);
        return;
      case "revoked":
        tell("task-revoked", { ...facts(execution), terminated: true, signum: signumOf(execution), expired: false });
        return;
      case "replaced":
        this.#returned(execution, `"${end.by}" goes on in its place`);
        return;
      case "final-before":
        this.#returned(execution, "was finished before; what follows it was sent again");
        return;
      default:
        end satisfies never;
    }
  }

  #received(headers: TaskHeaders, delivery: Delivery): void {
    const { queue, fence } = delivery;
    this.#options.write("task-received", this.#text.received(headers, undefined, queue, fence));
  }

  #returned(execution: Execution, why: string, more: Fields = {}): void {
    this.#options.tell("celeriac-returned", { ...facts(execution), why, ...more });
  }

  #dead(about: Fields, reason: string, detail: string): void {
    this.#options.tell("celeriac-dead", { ...about, reason, detail });
  }
}

function facts(execution: Execution): Fields {
  const { headers, definition, delivery, pid } = execution;
  return {
    uuid: headers.id,
    name: headers.shadow ?? definition.name,
    queue: delivery.queue,
    attempt: attemptOf(execution),
    ...(pid === undefined ? {} : { child: pid }),
  };
}

function whyOf(failure: Failure | undefined, text: string): Fields {
  const error = failure === undefined ? { type: "Exception", args: [text] } : readException(failure.exception);
  return { exception: shownError(error), traceback: shownTraceback(failure?.traceback ?? null) };
}

/** Its number, as Celery tells it. */
function signumOf({ terminatedBy }: Execution): number | null {
  return terminatedBy === undefined ? null : constants.signals[terminatedBy];
}

/** Whole microseconds: more is noise. */
function seconds(ms: number): number {
  return Math.round(ms * 1000) / 1_000_000;
}
