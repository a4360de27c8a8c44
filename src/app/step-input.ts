/** What a call takes from the step before it, as types: by the shape of its task's input, its positions, and what is given now. */

import type { CallArguments } from "../task/input.ts";

type Bare<Name> = Name extends `${infer Key}?` ? Key : Name;
type FirstName<P extends readonly string[]> = Bare<P[0]>;
type Whole<I> = Exclude<I, undefined | void>;
type RequiredKeys<I> = { [K in keyof I]-?: undefined extends I[K] ? never : K }[keyof I];

/** Keys that the step before must bring; distributes over unions. Where none must be, it is still an object: a list cannot be merged. */
type Remaining<I, K extends PropertyKey> = I extends unknown
  ? Mergeable<{ [P in keyof I as P extends K ? never : P]: I[P] }>
  : never;
type Mergeable<T> = {} extends T ? T & { readonly [key: string]: unknown } : T;

/** With `positional` the result before goes to the first position, so all others must be given or optional. */
type FirstPosition<I, P extends readonly string[], K> = [Exclude<RequiredKeys<I>, FirstName<P> | K>] extends [never]
  ? FirstName<P> extends keyof I
    ? I[FirstName<P>]
    : never
  : { readonly "must be given as well": Exclude<RequiredKeys<I>, FirstName<P> | K> };

/** Input of `s()`. A variadic task takes anything in front of its arguments. */
export type StepInput<I, P extends readonly string[]> = P extends readonly []
  ? IsRaw<I> extends true
    ? unknown
    : I
  : FirstPosition<Whole<I>, P, never>;

/** Input of `s(preset)`. */
export type RestInput<I, P extends readonly string[], K extends PropertyKey> = P extends readonly []
  ? IsRaw<I> extends true
    ? unknown
    : Remaining<Whole<I>, K>
  : FirstPosition<Whole<I>, P, K>;

/** Part of an input; distributes over unions. Only object inputs can be given in part; the first position comes from before. */
export type Preset<I, P extends readonly string[]> = P extends readonly []
  ? Partly<Whole<I>>
  : Partial<Omit<Whole<I>, FirstName<P>>>;
type Partly<I> = I extends readonly unknown[] | Date | Uint8Array ? never : I extends object ? Partial<I> : never;

type IsRaw<I> = [I] extends [CallArguments] ? ([CallArguments] extends [I] ? true : false) : false;

/** The arguments of one call as a list: positions where they have names, else the input alone. */
export type ArgumentList<I, P extends readonly string[]> = P extends readonly []
  ? IsRaw<I> extends true
    ? readonly unknown[]
    : readonly [input: I]
  : Positions<Whole<I>, P>;
type Positions<I, P extends readonly string[]> = P extends readonly [
  infer Name extends string,
  ...infer More extends readonly string[],
]
  ? Name extends `${infer Key}?`
    ? readonly [I[Key & keyof I]?, ...Positions<I, More>]
    : readonly [I[Name & keyof I], ...Positions<I, More>]
  : readonly [];
