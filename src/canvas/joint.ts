/**
 * What fits what, as types: a step of a chain to the one before it, a body to its header, an input to all members of a group. Where
 * something does not, the type is a sentence that names the place.
 */

import type { AnySignature, Signature } from "../task/signature.ts";

/** The input that a signature still needs. */
export type InputOf<S> = S extends { readonly "~types"?: (input: infer I) => unknown } ? I : never;
/** What a signature returns. */
export type OutcomeOf<S> = S extends { readonly "~types"?: (input: never) => infer R } ? R : never;

/** What ends in a group: starting it gives a handle for all of its members. */
export interface Grouped<out Results extends readonly unknown[]> {
  /** For the compiler only. */
  readonly "~group": Results;
}

/** `S` where each step takes what the one before it returns. */
export type Joined<S extends readonly AnySignature[]> = number extends S["length"]
  ? readonly (Takes<S[number], OutcomeOf<S[number]>> extends true
      ? S[number]
      : Misfit<"the steps do not take what they return", OutcomeOf<S[number]>, InputOf<S[number]>>)[]
  : {
      readonly [K in keyof S]: K extends `${infer N extends number}`
        ? N extends 0
          ? S[K]
          : Takes<S[K], OutcomeOf<Before<S, N>>> extends true
            ? S[K]
            : Misfit<
                `step ${Numbers[N]} of the chain does not take what step ${N} returns`,
                OutcomeOf<Before<S, N>>,
                InputOf<S[K]>
              >
        : S[K];
    };

/** `B` where it takes the list of results of its header. */
export type BodyOf<B, R> = B &
  (Takes<B, R> extends true ? unknown : Misfit<"the body does not take the list of results", R, InputOf<B>>);

/** True if a signature may follow what returns `R`. */
export type Takes<S, R> = S extends Signature<R, unknown> ? true : false;

export type Misfit<Text extends string, Returns, Needs> = {
  readonly [K in Text]: { readonly returns: Returns; readonly needs: Needs };
};

/** The step before step N (from 0). */
type Before<S extends readonly unknown[], N extends number> = S[Predecessor[N] & keyof S];
/** Longer chains are checked to here; nest them. */
type Predecessor = readonly [
  never,
  0,
  1,
  2,
  3,
  4,
  5,
  6,
  7,
  8,
  9,
  10,
  11,
  12,
  13,
  14,
  15,
  16,
  17,
  18,
  19,
  20,
  21,
  22,
  23,
];
type Numbers = readonly [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25];

/** The last of a list. */
export type Last<S extends readonly unknown[]> = S extends readonly [...unknown[], infer L] ? L : S[number];

/** What satisfies every member: each gets the same input. */
export type SharedInput<S extends readonly unknown[]> = (
  S[number] extends infer Member ? (Member extends unknown ? (input: InputOf<Member>) => void : never) : never
) extends (input: infer I) => void
  ? I
  : never;

/** Results in the order of the members; those of a group among them take its place. */
export type Results<S extends readonly unknown[]> = number extends S["length"]
  ? ElementOf<S[number]>[]
  : S extends readonly [infer First, ...infer More]
    ? [...Spread<First>, ...Results<More>]
    : [];
type Spread<S> = S extends Unrolled<infer Members> ? Members : [OutcomeOf<S>];
type ElementOf<S> = S extends Unrolled<infer Members> ? Members[number] : OutcomeOf<S>;
/** A group itself, not what ends in one. */
export interface Unrolled<out Results extends readonly unknown[]> extends Grouped<Results> {
  readonly "~unrolled": true;
}
