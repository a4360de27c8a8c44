/** What `app.task` and `app.remote` return: the producer's side of a task. Checks its input here, at the call; holds no connection. */

import type { Group } from "../canvas/group.ts";
import { chunksOf, mapOf, starmapOf } from "../canvas/map.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import { claimOf } from "../task/calls.ts";
import type { TaskDefinition } from "../task/definition.ts";
import { type CallArguments, toCallArguments, validateInput } from "../task/input.ts";
import { withKeys } from "../task/keyed.ts";
import { withRedaction } from "../task/redact.ts";
import { Signature, type SignatureOptions } from "../task/signature.ts";
import { redactHeader } from "../wire/cover.ts";
import type { AsyncResult } from "./async-result.ts";
import type { SendOptions, SendRequest } from "./draft.ts";
import type { Sent } from "./sent.ts";
import type { ArgumentList, Preset, RestInput, StepInput } from "./step-input.ts";

/** A link takes the result, or ignores it (`si`). */
export type Link<R> = Signature<R, unknown> | readonly Signature<R, unknown>[];

/**
 * How one call is sent. Everything is optional; what is absent comes from the task's declaration.
 *
 * @example
 * ```ts
 * await sendReceipt.enqueue({ order: 7 }, { delay: "10s", expires: "1h", id: "receipt-7" });
 * ```
 */
export interface EnqueueOptions<R = unknown> extends Omit<SendOptions, "link" | "linkError"> {
  /** Sent with the result when the task succeeds. */
  readonly link?: Link<R> | undefined;
  /** Sent with the failed id when the task fails for good. */
  readonly linkError?: Link<string> | undefined;
}

/**
 * {@link EnqueueOptions} for many calls: `id` is a function of input and position.
 *
 * @example
 * ```ts
 * await sendReceipt.enqueueMany([{ order: 7 }, { order: 8 }], { id: ({ order }) => `receipt-${order}` });
 * ```
 */
export interface EnqueueManyOptions<I, R> extends Omit<EnqueueOptions<R>, "id"> {
  readonly id?: ((input: I, index: number) => string) | undefined;
}

/** `delay()` needs no argument where the input may be absent. */
export type DelayArguments<I> = undefined extends I ? [input?: I] : [input: I];
/** `enqueue` needs its input unless it may be absent. */
export type EnqueueArguments<I, R> = undefined extends I
  ? [input?: I, options?: EnqueueOptions<R>]
  : [input: I, options?: EnqueueOptions<R>];

/**
 * A task as producers see it. `I` is its input, `R` what JSON leaves of its result, `P` the names of its positions.
 *
 * @example
 * ```ts
 * const sent = await resize.delay({ file: "a.png", width: 800 });
 * const { file } = await sent.get({ timeout: "30s" });
 * ```
 */
export interface Task<I, R, P extends readonly string[] = readonly []> {
  readonly name: string;
  /** Sends one call. Rejects with INPUT_INVALID, NOT_SERIALIZABLE, MESSAGE_TOO_LARGE, QUEUE_FULL, PUBLISH_UNKNOWN… */
  delay(...input: DelayArguments<I>): Promise<AsyncResult<R>>;
  /** Sends one call with options. Calls of one turn travel together. */
  enqueue(...call: EnqueueArguments<I, R>): Promise<AsyncResult<R>>;
  /** Sends many calls in one round trip; the handles come in the order of the inputs. */
  enqueueMany<J extends I>(
    inputs: readonly J[],
    options?: EnqueueManyOptions<J, R>,
  ): Promise<readonly AsyncResult<R>[]>;
  /** A call that takes its input, or the rest of it, from what ran before. With `positional` that is the first of its arguments. */
  s(): Signature<StepInput<I, P>, R>;
  s<const G extends Preset<I, P>>(preset: G): Signature<RestInput<I, P, keyof G>, R>;
  /** A call with its whole input; ignores what ran before. */
  si(...input: DelayArguments<I>): Signature<unknown, R>;
  /** Calls for all inputs, one after the other, in one message; returns the list of results. Celery's `map`. */
  map(inputs: readonly I[]): Signature<unknown, R[]>;
  /** The same with the arguments of each call as a list. Celery's `starmap`. */
  starmap(calls: readonly ArgumentList<I, P>[]): Signature<unknown, R[]>;
  /** Calls for all inputs in messages of `size` each, which run side by side. Celery's `chunks`. */
  chunks(inputs: readonly I[], size: number): Group<unknown, R[][]>;
}

/**
 * A task that other workers run, called with its positional arguments. A single plain object becomes keyword arguments.
 *
 * @example
 * ```ts
 * const score = app.remote<(text: string, top: number) => number>("ml.tasks.score");
 * const sent = await score.enqueue(["a text", 3], { queue: "gpu" });
 * ```
 */
export interface RemoteTask<A extends readonly unknown[], R> {
  readonly name: string;
  delay(...args: A): Promise<AsyncResult<R>>;
  enqueue(args: RemoteCall<A>, options?: EnqueueOptions<R>): Promise<AsyncResult<R>>;
  enqueueMany(
    calls: readonly RemoteCall<A>[],
    options?: EnqueueManyOptions<RemoteCall<A>, R>,
  ): Promise<readonly AsyncResult<R>[]>;
  /** A call whose first argument comes from what ran before; the others are given now. */
  s(...rest: RestOf<A>): Signature<A[0], R>;
  /** A call with all its arguments; ignores what ran before. */
  si(...args: A): Signature<unknown, R>;
  /** Calls with one argument each, one after the other, in one message; returns the list of results. Celery's `map`. */
  map(items: readonly OnlyOf<A>[]): Signature<unknown, R[]>;
  /** The same with the arguments of each call as a list. Celery's `starmap`. */
  starmap(calls: readonly A[]): Signature<unknown, R[]>;
  /** Such calls in messages of `size` each, which run side by side. Celery's `chunks`. */
  chunks(calls: readonly A[], size: number): Group<unknown, R[][]>;
}
/** All arguments as a list; a single one that is no list itself may stand alone. */
export type RemoteCall<A extends readonly unknown[]> =
  | A
  | (A extends readonly [infer Only] ? (Only extends readonly unknown[] ? never : Only) : never);
/** The first argument where it is enough. */
type OnlyOf<A extends readonly unknown[]> = A extends readonly [infer First, ...infer More]
  ? [] extends More
    ? First
    : never
  : A[0];
export type RestOf<A extends readonly unknown[]> = A extends readonly [unknown?, ...infer More] ? More : A;

/** What a handle needs of its app. */
export interface TaskSender {
  /** Sends calls in one publish. Throws what is wrong with one of them; rejects with the first refusal. */
  send(batch: readonly SendRequest[]): Promise<readonly Sent[]>;
  /** The same of one call, with its handle. */
  sendOne(request: SendRequest): Promise<AsyncResult<unknown>>;
  /** In the order of what was sent. */
  handles(sent: readonly Sent[]): readonly AsyncResult<unknown>[];
}

/** One implementation behind `Task`; inputs are unknown here because the schema, not the type, is what guards at run time. */
export class TaskHandle {
  readonly name: string;
  readonly #definition: TaskDefinition;
  readonly #sender: TaskSender;

  constructor(definition: TaskDefinition, sender: TaskSender) {
    this.name = definition.name;
    this.#definition = definition;
    this.#sender = sender;
  }

  delay(input?: unknown): Promise<AsyncResult<unknown>> {
    return this.enqueue(input);
  }

  enqueue(input?: unknown, options: EnqueueOptions = {}): Promise<AsyncResult<unknown>> {
    try {
      const checked = validateInput(this.#definition, input);
      if (!(checked instanceof Promise)) return this.#sender.sendOne(this.#request(input, options));
      return checked.then(() => this.#sender.sendOne(this.#request(input, options)));
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  async enqueueMany(
    inputs: readonly unknown[],
    options: EnqueueManyOptions<unknown, unknown> = {},
  ): Promise<readonly AsyncResult<unknown>[]> {
    if (inputs.length === 0) return [];
    const { id, ...shared } = options;
    const requests: SendRequest[] = [];
    for (const [index, input] of inputs.entries()) {
      const checked = validateInput(this.#definition, input);
      if (checked instanceof Promise) await checked;
      requests.push(this.#request(input, id === undefined ? shared : { ...shared, id: id(input, index) }));
    }
    return this.#sender.handles(await this.#sender.send(requests));
  }

  s(preset?: unknown): Signature<never, unknown> {
    // Presets are always keywords: the value of the step before takes the first position. Only a variadic task says itself what is what.
    const given = (preset ?? {}) as Readonly<Record<string, unknown>>;
    const { args = [], kwargs = {} } =
      this.#definition.raw === true ? (given as Partial<CallArguments>) : { kwargs: given };
    const options = this.signatureOptions({ args, kwargs }, undefined, true);
    return new Signature({ task: this.name, args, kwargs, immutable: false, options });
  }

  si(input?: unknown): Signature<unknown, unknown> {
    this.#check(input);
    const headers = withKeys(this.#definition, input, undefined);
    const call = this.arguments(input);
    return new Signature({ task: this.name, ...call, immutable: true, options: this.signatureOptions(call, headers) });
  }

  map(inputs: readonly unknown[]): Signature<unknown, unknown[]> {
    const { positional, raw } = this.#definition;
    if (positional !== undefined || raw === true) return this.starmap(this.#lists(inputs));
    for (const input of inputs) this.#check(input);
    return mapOf(this.name, inputs.map(nullForNothing), this.itemOptions());
  }

  starmap(calls: readonly (readonly unknown[])[]): Signature<unknown, unknown[]> {
    return starmapOf(this.name, calls, this.itemOptions());
  }

  chunks(inputs: readonly unknown[], size: number): Group<unknown, unknown[][]> {
    return chunksOf(this.name, this.#lists(inputs), size, this.itemOptions());
  }

  protected arguments(input: unknown): CallArguments {
    return toCallArguments(this.#definition, input);
  }

  /** What the task declares for each of its calls; `late`: what ran before comes in front of its arguments. */
  protected signatureOptions(
    call: CallArguments,
    given?: Readonly<Record<string, unknown>>,
    late: boolean = false,
  ): SignatureOptions {
    const { queue, priority, expires, ignoreResult, redact } = this.#definition;
    const headers = withRedaction(redact, call, given, late);
    return {
      queue,
      ...(headers !== undefined && { headers }),
      ...(priority !== undefined && { priority }),
      ...(expires !== undefined && { expires }),
      ...(ignoreResult && { ignoreResult }),
    };
  }

  /** Of many calls in one message, whose items stand nowhere near their paths: all of them are covered. */
  protected itemOptions(): SignatureOptions {
    const hides = this.#definition.redact !== undefined;
    const { headers, ...options } = this.signatureOptions({ args: [], kwargs: {} });
    return hides ? { ...options, headers: { ...headers, [redactHeader]: ["/kwargs/it/*"] } } : options;
  }

  /** A schema that answers later can't refuse here; the worker validates again before it runs. */
  #check(input: unknown): void {
    const checked = validateInput(this.#definition, input);
    if (checked instanceof Promise) checked.catch(() => {});
  }

  /** Each input as a list of arguments: map and starmap know no keywords. */
  #lists(inputs: readonly unknown[]): (readonly unknown[])[] {
    const { positional, raw } = this.#definition;
    return inputs.map((input) => {
      this.#check(input);
      if (positional === undefined && raw !== true) return [nullForNothing(input)];
      const { args, kwargs } = this.arguments(input);
      if (Object.keys(kwargs).length === 0) return args;
      throw new CeleriacError(
        "INPUT_INVALID",
        `${this.name}: in map and chunks arguments are positions, so "${Object.keys(kwargs).join('", "')}" cannot be given here. Use a group.`,
        { details: { task: this.name } },
      );
    });
  }

  #request(input: unknown, options: EnqueueOptions): SendRequest {
    const declared = this.#definition;
    const call = this.arguments(input);
    const headers = withRedaction(declared.redact, call, withKeys(declared, input, options.headers));
    const claim = declared.calls && claimOf(declared.calls, input, this.name);
    const { args, kwargs } = call;
    return { task: this.name, args, kwargs, options: options as SendOptions, headers, declared, claim };
  }
}

/** JSON has no undefined. */
function nullForNothing(input: unknown): unknown {
  return input === undefined ? null : input;
}
