/** The forms of `app.task` and `app.remote`, as types. Overloads, so that a handler's parameter is inferred where a schema gives it. */

import type { BatchContext, BatchOptions, Outcome } from "../task/batch.ts";
import type { TaskContext } from "../task/context.ts";
import type { CallArguments } from "../task/input.ts";
import type { Jsonify, ResultGuard } from "../task/jsonify.ts";
import type { TaskOptions } from "../task/options.ts";
import type { InputOf, OutputOf, StandardSchema } from "../task/schema.ts";
import type { Signature } from "../task/signature.ts";
import type { RemoteTask, RestOf, Task } from "./task-handle.ts";

/** What callers see of a result. */
export type ResultOf<R> = Jsonify<Awaited<R>>;

/** An input all of whose members are optional may be left out. */
export type Relaxed<I> = [I] extends [object] ? (Partial<I> extends I ? I | undefined : I) : I;

/**
 * Options of a task whose types come from its function.
 *
 * @example
 * ```ts
 * const add = app.task("tasks.add", { positional: ["x", "y"] }, ({ x, y }: { x: number; y: number }) => x + y);
 * await add.delay({ x: 1, y: 2 }); // Python may send add.delay(1, 2) as well
 * ```
 */
export interface FunctionTaskOptions<P = readonly string[]> extends TaskOptions {
  /** For callers that use positions: every key of the input once, in order; those that may be left out end in "?". */
  readonly positional?: P;
  /** With `positional`: what becomes of keyword arguments that no name fits. Default "refuse". */
  readonly rest?: "refuse" | "ignore";
}

/**
 * Options of a task whose input a schema describes.
 *
 * @example
 * ```ts
 * import { z } from "zod";
 * const receipt = app.task("receipt.send", { input: z.object({ order: z.number().int() }) }, ({ order }) => order);
 * await receipt.delay({ order: 7 });
 * ```
 */
export interface SchemaTaskOptions<S, P = readonly string[]> extends FunctionTaskOptions<P> {
  /** Standard Schema (zod, valibot, arktype): guards the call and, again, the worker. */
  readonly input: S;
}

/**
 * Options of a task that takes its arguments as they came.
 *
 * @example
 * ```ts
 * const sum = app.task("tasks.sum", { raw: true }, ({ args }) => args.reduce<number>((all, each) => all + Number(each), 0));
 * ```
 */
export interface RawTaskOptions extends TaskOptions {
  readonly raw: true;
}

/**
 * Options of a task whose handler takes many of its tasks in one call. `input` may be a schema; the handler gets what it makes of each.
 *
 * @example
 * ```ts
 * const store = app.task("rows.store", { batch: { max: 500, maxWait: "200ms" } }, async (rows: readonly { id: number }[]) => {
 *   return rows.map(({ id }) => (id > 0 ? { value: id } : { reason: new Error(`no row ${id}`) }));
 * });
 * const sent = await store.delay({ id: 7 }); // one task, with its own result
 * ```
 */
export interface BatchTaskOptions extends TaskOptions {
  readonly batch: BatchOptions;
}

type Bare<Name> = Name extends `${infer Key}?` ? Key : Name;
type OptionalKey<I> = { [K in keyof I]-?: undefined extends I[K] ? K : never }[keyof I];
type Twice<P, Seen = never> = P extends readonly [infer First, ...infer More]
  ? Bare<First> extends Seen
    ? Bare<First>
    : Twice<More, Seen | Bare<First>>
  : never;

/**
 * `P` if it lists every key of `I` once and marks only optional ones; else a type whose text says what is wrong. `void` has not been inferred
 * yet: the compiler looks at the options once before it knows the input of a handler whose `ctx` has no type of its own.
 */
export type PositionsGuard<I, P extends readonly string[]> = [I] extends [void] ? P : ListedPositions<I, P>;

type ListedPositions<I, P extends readonly string[]> = [Exclude<keyof I, Bare<P[number]>>] extends [never]
  ? [Exclude<Bare<P[number]>, keyof I>] extends [never]
    ? [Twice<P>] extends [never]
      ? [Exclude<Extract<P[number], `${string}?`>, `${OptionalKey<I> & string}?`>] extends [never]
        ? P
        : {
            readonly "positional marks as optional what the input requires": Exclude<
              Extract<P[number], `${string}?`>,
              `${OptionalKey<I> & string}?`
            >;
          }
      : { readonly "positional lists a key twice": Twice<P> }
    : { readonly "positional lists what the input does not have": Exclude<Bare<P[number]>, keyof I> }
  : { readonly "positional does not list": Exclude<keyof I, Bare<P[number]>> };

/**
 * Declares a task with its handler.
 *
 * @example
 * ```ts
 * const add = app.task("tasks.add", async ({ x, y }: { x: number; y: number }) => x + y);
 * const mail = app.task("mail.send", { queue: "mail", timeLimit: "30s" }, async (to: string) => to.length);
 * ```
 */
export interface DeclareTask {
  /** Types come from the function. */
  <I = void, R = void>(
    name: string,
    handler: ((input: I, context: TaskContext) => R) & ResultGuard<R>,
  ): Task<I, ResultOf<R>>;
  /** Many tasks in one call of the handler, the types of each from a schema. */
  <S extends StandardSchema, R>(
    name: string,
    options: BatchTaskOptions & { readonly input: S },
    handler: ((
      inputs: readonly OutputOf<S>[],
      context: BatchContext,
    ) => readonly Outcome<R>[] | Promise<readonly Outcome<R>[]>) &
      ResultGuard<R>,
  ): Task<Relaxed<InputOf<S>>, ResultOf<R>>;
  /** Many tasks in one call of the handler: an outcome for each input, in their order. */
  <I, R>(
    name: string,
    options: BatchTaskOptions & { readonly input?: never },
    handler: ((inputs: readonly I[], context: BatchContext) => readonly Outcome<R>[] | Promise<readonly Outcome<R>[]>) &
      ResultGuard<R>,
  ): Task<I, ResultOf<R>>;
  /** Types come from the schema: callers give its input, the handler gets its output. */
  <S extends StandardSchema, R, const P extends readonly string[] = readonly []>(
    name: string,
    options: SchemaTaskOptions<S, PositionsGuard<InputOf<S>, P> & P>,
    handler: ((input: OutputOf<S>, context: TaskContext) => R) & ResultGuard<R>,
  ): Task<Relaxed<InputOf<S>>, ResultOf<R>, P>;
  /** For variadic tasks: the handler gets `{ args, kwargs }` as they came. */
  <R>(
    name: string,
    options: RawTaskOptions,
    handler: ((input: CallArguments, context: TaskContext) => R) & ResultGuard<R>,
  ): Task<CallArguments, ResultOf<R>>;
  /** Types come from the function. */
  <I = void, R = void, const P extends readonly string[] = readonly []>(
    name: string,
    options: FunctionTaskOptions<PositionsGuard<I, P> & P>,
    handler: ((input: I, context: TaskContext) => R) & ResultGuard<R>,
  ): Task<I, ResultOf<R>, P>;
}

/** Declares a task that other workers run. */
export type DeclareRemote = <F extends (...args: never[]) => unknown>(
  name: string,
  options?: TaskOptions,
) => RemoteTask<Parameters<F>, ResultOf<ReturnType<F>>>;

/** A call by name. Without a type it takes and returns anything. */
export type NameSignature = <F extends (...args: never[]) => unknown = (...args: unknown[]) => unknown>(
  name: string,
  ...rest: RestOf<Parameters<F>>
) => Signature<Parameters<F>[0], ResultOf<ReturnType<F>>>;
