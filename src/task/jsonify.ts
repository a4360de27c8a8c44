/**
 * What JSON leaves of a type, and which types it cannot carry. Results are typed with it, so a caller never sees a method or a
 * `Map` that did not survive the journey. Types only.
 */

import type { Secret } from "../wire/secret.ts";
import type { Decimal } from "../wire/tagged.ts";

/** Values that arrive as they were sent: JSON's own, and those with a tag of their own on the wire. */
type Survivor = string | number | boolean | null | bigint | Date | Uint8Array;
/** The tagged classes (dates, times, decimals, uuids) have one shape: a text, and a `toString` that literals do not list. */
type IsTagged<T> = T extends Decimal ? ("toString" extends keyof T ? true : false) : false;

/**
 * `T` after a journey through a message: `Date`, `bigint` and bytes survive, `undefined` members go, `toJSON` decides for
 * its class, a result of `undefined` is `null`.
 *
 * @example
 * ```ts
 * import type { Jsonify } from "celeriac";
 * type Row = Jsonify<{ at: Date; note: string | undefined; nested: { toJSON(): number } }>;
 * // { at: Date; note?: string; nested: number }
 * ```
 */
export type Jsonify<T> = unknown extends T
  ? T
  : T extends Survivor
    ? T extends Uint8Array
      ? Uint8Array
      : T
    : T extends undefined | void
      ? null
      : T extends { toJSON(): infer J }
        ? Jsonify<J>
        : T extends readonly unknown[]
          ? JsonArray<T>
          : T extends object
            ? IsTagged<T> extends true
              ? T
              : JsonObject<T>
            : never;

/** Lists apart from tuples: a list's element type is looked at only when it is used, so recursive types end. */
type JsonArray<T extends readonly unknown[]> = number extends T["length"]
  ? T extends readonly (infer E)[]
    ? Jsonify<E>[]
    : never
  : { -readonly [K in keyof T]: Jsonify<T[K]> };

type JsonObject<T extends object> = Flat<
  { [K in RequiredKeys<T>]: Jsonify<T[K]> } & { [K in OptionalKeys<T>]?: Jsonify<Exclude<T[K], undefined>> }
>;
/** One flat object instead of an intersection, for readable hovers. */
type Flat<T> = { [K in keyof T]: T[K] };
type OptionalKeys<T> = {
  [K in keyof T]-?: K extends symbol ? never : undefined extends T[K] ? (unknown extends T[K] ? never : K) : never;
}[keyof T];
type RequiredKeys<T> = Exclude<keyof T, OptionalKeys<T> | symbol>;

/** Sentences that say where `T` holds something JSON cannot carry; `never` if nowhere. Looks six levels deep. */
export type Unjsonable<T, Depth extends readonly 0[] = []> = Depth["length"] extends 6
  ? never
  : unknown extends T
    ? never
    : T extends Survivor | undefined | void
      ? never
      : T extends symbol
        ? " is a symbol"
        : T extends ReadonlyMap<unknown, unknown>
          ? " is a Map"
          : T extends ReadonlySet<unknown>
            ? " is a Set"
            : T extends WeakMap<WeakKey, unknown> | WeakSet<WeakKey>
              ? " is a weak collection"
              : T extends (...args: never[]) => unknown
                ? " is a function"
                : T extends Secret<unknown>
                  ? " is a Secret: results are kept and shown"
                  : T extends PromiseLike<unknown>
                    ? " is a promise"
                    : T extends { toJSON(): infer J }
                      ? Unjsonable<J, [...Depth, 0]>
                      : T extends readonly (infer E)[]
                        ? Inside<"[]", Unjsonable<E, [...Depth, 0]>>
                        : T extends object
                          ? IsTagged<T> extends true
                            ? never
                            : { [K in keyof T & string]-?: Inside<`.${K}`, Unjsonable<T[K], [...Depth, 0]>> }[keyof T &
                                string]
                          : never;
type Inside<Path extends string, Found> = Found extends string ? `${Path}${Found}` : never;

/** `unknown` if a handler may return `R`; else a type that no function has, whose text says what is wrong. */
export type ResultGuard<R> = [Unjsonable<Awaited<R>>] extends [never]
  ? unknown
  : { readonly "a task's result must survive JSON": `result${Unjsonable<Awaited<R>>}` };
