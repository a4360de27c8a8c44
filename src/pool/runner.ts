/**
 * The far side of every pool: one call in, one reply out. Binds and checks the input, gives the handler its context, turns what
 * it returns into JSON text and what it throws into data. Never rejects. It knows no transport; inline, thread and child wrap it.
 */

import type { Clock } from "../clock/clock.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import { decisionOf } from "../task/control-flow.ts";
import type { TaskDefinition } from "../task/definition.ts";
import { bindInput, type CallArguments, validateInput } from "../task/input.ts";
import type { TaskRegistry } from "../task/registry.ts";
import { type RunningTask, type RunSurroundings, type TaskAsk, withRunningTask } from "../task/running.ts";
import type { Telemetry } from "../task/telemetry.ts";
import { type Mask, maskOf, wrapSecrets } from "../wire/cover.ts";
import { stringifyJson } from "../wire/json.ts";
import { decodeCall } from "../wire/task-body.ts";
import { type AbortReason, CallContext, type RunnerSink } from "./call-context.ts";
import type { Call } from "./pool-message.ts";
import { secretsOf } from "./request.ts";
import type { TextReply } from "./reply-frame.ts";
import { wireErrorOf } from "./wire-error.ts";

export interface RunnerOptions {
  readonly registry: TaskRegistry;
  readonly sink: RunnerSink;
  readonly maxResultBytes: number;
  readonly clock: Clock;
  /** Runs at one time, as far as it knows. */
  readonly slots: number;
  /** True where the broker is out of reach: what a handler sends goes through the worker. */
  readonly remote: boolean;
  readonly telemetry?: Telemetry | undefined;
}

/** What ends before it has waited for anything waits for this. */
const nothing = Promise.resolve();
const resultRules = { root: "result", onSecret: "refuse" } as const;
/** Characters of a reason that are kept with a dead letter. */
const maxReason = 8192;
/** Text can't be longer in bytes than this many times its characters. */
const maxBytesPerCharacter = 3;

export class Runner {
  readonly #options: RunnerOptions;
  readonly #running = new Map<number, CallContext>();
  readonly #closing = new AbortController();
  /** Runs whose input is being looked at. */
  #preparing = 0;

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  get active(): readonly number[] {
    return [...this.#running.keys()];
  }

  get busy(): number {
    return this.#running.size;
  }

  has(slot: number): boolean {
    return this.#running.has(slot);
  }

  /** No more calls come: what waits for others waits no longer. */
  hurry(): void {
    this.#closing.abort(new Error("no more calls come"));
  }

  /** Tells the handler, through `ctx.signal`, to stop. */
  abort(slot: number, reason: AbortReason): void {
    this.#running.get(slot)?.abort(reason);
  }

  /** `done` is called when it has ended, never before this returns: others may be given in the same turn. */
  async run(call: Call, done: (reply: TextReply) => void): Promise<void> {
    const { clock, sink } = this.#options;
    const started = clock.monotonic();
    const context = new CallContext(call, sink, clock);
    this.#running.set(call.slot, context);
    const definition = this.#options.registry.runnable(call.task);
    if (!definition?.handler) {
      await nothing;
      return this.#end(this.#failed(call, unknownTask(call.task), undefined, started, false), done);
    }
    let input: unknown;
    this.#preparing++;
    try {
      const { args, kwargs } = givenCall(call);
      input = validateInput(definition, bindInput(definition, args, kwargs));
      if (isThenable(input)) input = await input;
    } catch (error) {
      const unfit = { ...wireErrorOf(error, definition.errorClasses, false), ran: false } as const;
      const ms = this.#since(started);
      await nothing;
      return this.#end({ slot: call.slot, k: "error", error: unfit, ms }, done);
    } finally {
      this.#preparing--;
    }
    let value: unknown;
    try {
      value = this.#call(definition, definition.handler, input, context, call);
      value = await value;
    } catch (error) {
      const reply = this.#thrown(call, error, definition, started);
      await nothing;
      return this.#end(reply, done);
    }
    let reply: TextReply;
    try {
      const text = stringifyJson(value ?? null, resultRules);
      this.#checkSize(text, call.task);
      reply = { slot: call.slot, k: "value", text, ms: this.#since(started) };
    } catch (error) {
      reply = this.#failed(call, error, definition, started, false);
    }
    this.#end(reply, done);
  }

  #end(reply: TextReply, done: (reply: TextReply) => void): void {
    this.#running.delete(reply.slot);
    done(reply);
  }

  #call(
    definition: TaskDefinition,
    handler: NonNullable<TaskDefinition["handler"]>,
    input: unknown,
    context: CallContext,
    call: Call,
  ): unknown {
    const { telemetry, sink, remote } = this.#options;
    const { trace } = call.lineage;
    const running = new Running(context, call, sink, remote, definition.batch && this.#around(call));
    if (!trace || !telemetry) return withRunningTask(running, handler, input, context);
    const run = (): unknown => withRunningTask(running, handler, input, context);
    return telemetry.handling(trace, call.task, call.id, run, maskedBy(call, definition));
  }

  #around({ isolated }: Call): RunSurroundings {
    const room = (): number => this.#options.slots - this.#running.size + this.#preparing;
    return { alone: isolated, room, closing: this.#closing.signal };
  }

  #thrown(call: Call, error: unknown, definition: TaskDefinition, started: number): TextReply {
    const decision = decisionOf(error);
    if (!decision) return this.#failed(call, error, definition, started, null);
    const control = { slot: call.slot, k: "control", ms: this.#since(started) } as const;
    // Told apart by members: the handler's copy of this package may be another than ours.
    if ("limit" in decision) {
      const { delay, limit, error: reason } = decision;
      const kept = reason === undefined ? null : wireErrorOf(reason, definition.errorClasses);
      return { ...control, what: "retry", detail: { delay: amount(delay), limit: amount(limit), error: kept } };
    }
    if ("requeue" in decision) {
      return {
        ...control,
        what: "reject",
        detail: { requeue: decision.requeue, reason: words(decision.reason) },
      };
    }
    if ("signature" in decision) return { ...control, what: "replace", detail: decision.signature };
    return { ...control, what: "ignore", detail: null };
  }

  #failed(
    call: Call,
    error: unknown,
    definition: TaskDefinition | undefined,
    started: number,
    retryable: boolean | null,
  ): TextReply {
    const wire = wireErrorOf(error, definition?.errorClasses ?? [], retryable);
    return { slot: call.slot, k: "error", error: wire, ms: this.#since(started) };
  }

  #checkSize(text: string, task: string): void {
    const most = this.#options.maxResultBytes;
    if (text.length * maxBytesPerCharacter <= most) return;
    const bytes = Buffer.byteLength(text);
    if (bytes <= most) return;
    throw new CeleriacError(
      "RESULT_TOO_LARGE",
      `The result of "${task}" has ${bytes} bytes; the limit (maxResultBytes) is ${most}. Store it elsewhere and return where it is, or raise the limit.`,
      { details: { task, bytes, limit: most } },
    );
  }

  /** To the microsecond; more digits would only make replies longer. */
  #since(started: number): number {
    return Math.round((this.#options.clock.monotonic() - started) * 1000) / 1000;
  }
}

/** Most runs send nothing and never look at this: what it holds is made when it is asked for. */
class Running implements RunningTask {
  readonly context: CallContext;
  readonly around: RunSurroundings | undefined;
  readonly #call: Call;
  readonly #sink: RunnerSink;
  readonly #remote: boolean;

  constructor(
    context: CallContext,
    call: Call,
    sink: RunnerSink,
    remote: boolean,
    around: RunSurroundings | undefined,
  ) {
    this.context = context;
    this.around = around;
    this.#call = call;
    this.#sink = sink;
    this.#remote = remote;
  }

  get lineage(): RunningTask["lineage"] {
    const { id: parent, lineage } = this.#call;
    const stamps = (lineage.stamps as Readonly<Record<string, unknown>> | null) ?? undefined;
    return { root: lineage.root, parent, stamps };
  }

  get broker(): RunningTask["broker"] {
    return this.#call.lineage.trace?.broker;
  }

  get ask(): RunningTask["ask"] {
    return this.#remote ? (what: TaskAsk) => this.#sink.ask(this.#call.slot, what) : undefined;
  }

  get sent(): RunningTask["sent"] {
    return (ids) => this.#sink.sent?.(this.#call.slot, ids);
  }
}

/** What was sent as a secret is one again. */
function givenCall(call: Call): CallArguments {
  const given = decodeCall(call.input.bytes);
  const secrets = secretsOf(call);
  return secrets === undefined ? given : wrapSecrets(given, secrets);
}

/** For what is told of an error here, past the worker; most runs have none, so it is made with the first. */
function maskedBy(call: Call, { redact }: TaskDefinition): Mask | undefined {
  const secrets = secretsOf(call) ?? [];
  if (redact === undefined && secrets.length === 0) return undefined;
  let mask: Mask | undefined;
  return (text) => {
    if (mask === undefined) {
      const given = decodeCall(call.input.bytes);
      mask = maskOf(given, [...secrets, ...(redact?.(given) ?? [])]);
    }
    return mask(text);
  };
}

/** Anything can be thrown with a decision's mark. Without end is as many as can be counted: JSON has no word for infinity. */
function amount(value: unknown): number | null {
  if (typeof value !== "number" || Number.isNaN(value) || value < 0) return null;
  return Math.min(value, Number.MAX_SAFE_INTEGER);
}

function words(reason: unknown): string | null {
  return typeof reason === "string" ? reason.slice(0, maxReason) : null;
}

function unknownTask(task: string): CeleriacError {
  return new CeleriacError(
    "TASK_UNKNOWN",
    `The app that this pool loaded has no task "${task}" with a handler. Declare it, or restart the worker if it was added after its start.`,
    { details: { task } },
  );
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
