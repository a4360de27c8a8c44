/**
 * The `ctx` of one run. Made for every call, so all that most handlers never touch (signal, headers, logger) is made when it is
 * asked for.
 */

import { inspect } from "node:util";
import type { Clock } from "../clock/clock.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { Logger, RetryOptions, TaskContext, TaskRequest } from "../task/context.ts";
import { Reject, Replace, Retry } from "../task/control-flow.ts";
import type { Jsonify } from "../task/jsonify.ts";
import type { SentTask } from "../task/running.ts";
import type { AnySignature } from "../task/signature.ts";
import { parseJson, resultLimits, stringifyJson } from "../wire/json.ts";
import { isFinal } from "../wire/outcome.ts";
import { readSignature } from "../wire/signature.ts";
import type { Ask, Call, ToChild } from "./pool-message.ts";
import { requestOf } from "./request.ts";

export type AbortReason = Extract<ToChild, { readonly t: "abort" }>["reason"];

/** Where a run's words go: hooks of this process, or frames to the worker. */
export interface RunnerSink {
  progress(slot: number, done: number, total: number | null, note: string | null): void;
  log(slot: number, level: number, text: string, fields: string | null): void;
  ask(slot: number, what: Ask): Promise<unknown>;
  /** What a handler sent without asking. */
  sent?(slot: number, sent: readonly SentTask[]): void;
}

/** Python's numbers, which its tools filter by. */
export const logLevels = { debug: 10, info: 20, warn: 30, error: 40 } as const;
/** A log line is cut at this many characters; 8 KiB where they are ASCII. */
const maxLine = 8192;

export class CallContext implements TaskContext {
  readonly id: string;
  readonly task: string;
  readonly queue: string;
  readonly attempt: number;
  readonly fence: number;
  readonly deadline: Date | undefined;
  readonly #call: Call;
  readonly #sink: RunnerSink;
  #abort: AbortController | undefined;
  #lineage: TaskContext["lineage"] | undefined;
  #headers: Readonly<Record<string, unknown>> | undefined;
  #request: TaskRequest | undefined;
  #log: Logger | undefined;
  #checkpoints: Set<string> | undefined;

  constructor(call: Call, sink: RunnerSink, clock: Clock) {
    this.#call = call;
    this.#sink = sink;
    this.id = call.id;
    this.task = call.task;
    this.queue = call.queue;
    this.attempt = call.attempt;
    this.fence = call.fence;
    this.deadline = call.hard === null ? undefined : new Date(clock.now() + call.hard);
  }

  get lineage(): TaskContext["lineage"] {
    const { root, parent, group } = this.#call.lineage;
    return (this.#lineage ??= { root, parent: parent ?? undefined, group: group ?? undefined });
  }

  /** Under which the pool knows this run; for marking what it writes. */
  get slot(): number {
    return this.#call.slot;
  }

  get idempotencyKey(): string {
    return this.id;
  }

  get signal(): AbortSignal {
    return (this.#abort ??= new AbortController()).signal;
  }

  get headers(): Readonly<Record<string, unknown>> {
    return (this.#headers ??= Object.freeze(parseJson(this.#call.headers || "{}") as Record<string, unknown>));
  }

  get request(): TaskRequest {
    return (this.#request ??= requestOf(this.#call, this.headers));
  }

  get log(): Logger {
    return (this.#log ??= {
      debug: (message, fields) => this.#line(logLevels.debug, message, fields),
      info: (message, fields) => this.#line(logLevels.info, message, fields),
      warn: (message, fields) => this.#line(logLevels.warn, message, fields),
      error: (message, fields) => this.#line(logLevels.error, message, fields),
    });
  }

  /** Bound, as are `checkpoint`, `state` and `addToChord`: handlers take their context apart, `(input, { progress }) => …`. */
  get progress(): TaskContext["progress"] {
    return (done, total, note) =>
      this.#sink.progress(
        this.#call.slot,
        finite(done) ?? 0,
        finite(total),
        note === undefined ? null : note.slice(0, maxLine),
      );
  }

  get state(): TaskContext["state"] {
    return async (name, meta) => {
      checkState(name);
      await this.#sink.ask(this.#call.slot, {
        k: "state",
        state: name,
        meta: stringifyJson(meta ?? null, { onSecret: "refuse" }),
      });
    };
  }

  get checkpoint(): TaskContext["checkpoint"] {
    return (name, make) => this.#checkpoint(name, make);
  }

  async #checkpoint<T>(name: string, make: () => T | Promise<T>): Promise<Jsonify<T>> {
    const used = (this.#checkpoints ??= new Set());
    if (used.has(name)) {
      throw new CeleriacError(
        "CHECKPOINT_NAME_REUSED",
        `The checkpoint "${name}" is used twice in one run of "${this.task}"; the second would get the first one's value. Give each its own name, e.g. \`page-\${page}\`.`,
        { details: { task: this.task, checkpoint: name } },
      );
    }
    used.add(name);
    const kept = this.#call.checkpoints.find((checkpoint) => checkpoint[0] === name);
    if (kept) return parseJson(kept[1], resultLimits) as Jsonify<T>;
    const value = stringifyJson((await make()) ?? null, { root: `checkpoint "${name}"`, onSecret: "refuse" });
    const answer = await this.#sink.ask(this.#call.slot, { k: "checkpoint", name, value });
    if (answer === "fenced") throw fenced(this.task, name);
    // Parsed from what was kept, so that the first run and a replay see the same.
    return parseJson(value, resultLimits) as Jsonify<T>;
  }

  retry(options: RetryOptions = {}): never {
    throw new Retry(options);
  }

  reject(options: { readonly requeue?: boolean; readonly reason?: string } = {}): never {
    throw new Reject(options);
  }

  replace(workflow: AnySignature): never {
    // Through JSON here, so that what cannot be sent fails the handler.
    throw new Replace(readSignature(parseJson(stringifyJson(workflow.toJSON()))));
  }

  get addToChord(): TaskContext["addToChord"] {
    return async (member) => {
      const signature = stringifyJson((member as AnySignature).toJSON());
      return (await this.#sink.ask(this.#call.slot, { k: "member", signature })) as string;
    };
  }

  abort(reason: AbortReason): void {
    const controller = (this.#abort ??= new AbortController());
    if (!controller.signal.aborted) controller.abort(abortError(reason, this.task, this.#call.soft));
  }

  #line(level: number, message: unknown, fields: Readonly<Record<string, unknown>> | undefined): void {
    let text: string | null = null;
    if (fields !== undefined) {
      try {
        text = stringifyJson(fields, { onSecret: "cover" });
      } catch (error) {
        text = JSON.stringify({ unserializable: error instanceof Error ? error.message : String(error) });
      }
      if (text.length > maxLine) text = JSON.stringify({ cut: text.slice(0, maxLine) });
    }
    // Callers without types pass errors and objects too.
    const line = typeof message === "string" ? message : inspect(message, { depth: 2 });
    this.#sink.log(this.#call.slot, level, line.length > maxLine ? `${line.slice(0, maxLine)}…` : line, text);
  }
}

/** Throws NAME_INVALID. Celery's clients read an exception from RETRY, and nothing at all from PENDING. */
function checkState(name: unknown): void {
  const taken = name === "PENDING" || name === "RETRY" || isFinal(String(name));
  if (typeof name === "string" && /^[\w.:-]{1,100}$/.test(name) && !taken) return;
  const why = taken ? "the worker itself sets it" : "use letters, digits and _ . : - (1 to 100)";
  throw new CeleriacError("NAME_INVALID", `${inspect(name)} cannot be a state of a task's own: ${why}.`);
}

/** A share of nothing is NaN, which JSON has no word for; a report of progress is nothing to fail a task for. */
function finite(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function fenced(task: string, name: string): CeleriacError {
  return new CeleriacError(
    "CHECKPOINT_FENCED",
    `The checkpoint "${name}" of "${task}" was not kept: another worker holds this task by now. End this run; its result would be dropped.`,
    { details: { task, checkpoint: name } },
  );
}

const abortTexts = {
  "soft-limit": [
    "SOFT_TIME_LIMIT",
    "it ran longer than its soft time limit; tidy up and end before the hard limit kills it",
  ],
  revoked: ["TASK_REVOKED", "it was revoked; its result is not wanted any more"],
  "lease-lost": [
    "LEASE_LOST",
    "another worker may hold this task by now; nothing that this run returns will be stored",
  ],
  shutdown: ["WORKER_CLOSED", "the worker shuts down; the task goes back to its queue and no attempt is counted"],
} as const;

function abortError(reason: AbortReason, task: string, soft: number | null): CeleriacError {
  const [code, text] = abortTexts[reason];
  return new CeleriacError(code, `"${task}" was told to stop: ${text}.`, {
    details: { task, ...(soft === null ? {} : { soft }) },
  });
}
