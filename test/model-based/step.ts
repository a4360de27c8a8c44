/** What a run of the broker model consists of: plain data, so that a failing run prints as it is and shrinks member by member. */

import {
  type Arbitrary,
  array,
  boolean,
  constant,
  constantFrom,
  integer,
  nat,
  oneof,
  option,
  record,
} from "fast-check";

/** Which delivery, by its place among those that the consumer holds; taken modulo their number. */
type Pick = number;

export type Ending =
  | { readonly to: "ack" | "bury" }
  | { readonly to: "replace"; readonly queue: number; readonly later: number; readonly priority: number }
  | {
      readonly to: "requeue";
      readonly at: "front" | "back";
      readonly later: number;
      readonly crashes?: number | undefined;
      readonly suspicions?: number | undefined;
    };
export interface DraftSettlement {
  readonly pick: Pick;
  readonly end: Ending;
  /** A state to be stored in the same step; "" for none. */
  readonly result: string;
  /** Messages that follow, each with an id of theirs and a nonce. */
  readonly follow: readonly { readonly id: number; readonly nonce: number }[];
  readonly record: boolean;
}
export interface Draft {
  /** -1: an id of its own, and no dedupe. Else one of a few, deduped; from `knownIds` on those that follow. */
  readonly id: number;
  readonly nonce: number;
  readonly priority: number;
  /** 0: now. Else a moment that only `elapse` brings: 1 comes before 2. */
  readonly later: number;
}
export type Step =
  | { readonly do: "publish"; readonly queue: number; readonly drafts: readonly Draft[] }
  | { readonly do: "claim"; readonly who: number; readonly n: number }
  | { readonly do: "start"; readonly who: number; readonly pick: Pick; readonly blame: "suspect" | "sure" }
  | { readonly do: "settle"; readonly who: number; readonly batch: readonly DraftSettlement[] }
  | { readonly do: "settle-again" | "freeze" | "die" | "stop"; readonly who: number }
  /** What it thinks it holds it ends so; `plain`: with nothing beside. */
  | { readonly do: "thaw"; readonly who: number; readonly end: Ending; readonly plain: boolean }
  | { readonly do: "queue"; readonly who: number; readonly queue: number }
  | {
      readonly do: "requeue";
      readonly queue: number;
      readonly pick: Pick;
      readonly at: "front" | "back";
      readonly to: number;
    }
  | { readonly do: "purge"; readonly queue: number; readonly delayed: boolean }
  | { readonly do: "pause" | "resume"; readonly queue: number }
  | { readonly do: "redrive" | "drop"; readonly pick: Pick }
  | { readonly do: "elapse" };

/** Consumers; each consumes one queue at a time, as how a claim is shared between queues is each driver's own affair. */
export const consumers = 3;
export const queues = 2;
/** Ids that are published and deduped again and again; behind them those that follow others, and are published too. */
export const knownIds = 4;
export const followIds = 2;
/** The steps that Redis has as lists of their own; others count as the step below there, and as themselves elsewhere. */
const priorities = [0, 3, 6, 9];

const who = nat(consumers - 1);
const queue = nat(queues - 1);
const pick = nat(7);
const priority = constantFrom(...priorities);
const later = oneof({ weight: 4, arbitrary: constant(0) }, { weight: 1, arbitrary: integer({ min: 1, max: 3 }) });
const nonce = nat(1);
const count = option(nat(3), { nil: undefined });

const ending: Arbitrary<Ending> = oneof(
  { weight: 3, arbitrary: constant<Ending>({ to: "ack" }) },
  { weight: 1, arbitrary: constant<Ending>({ to: "bury" }) },
  { weight: 2, arbitrary: record({ to: constant("replace" as const), queue, later, priority }) },
  {
    weight: 2,
    arbitrary: record({
      to: constant("requeue" as const),
      at: constantFrom("front" as const, "back" as const),
      later,
      crashes: count,
      suspicions: count,
    }),
  },
);
const settlement: Arbitrary<DraftSettlement> = record({
  pick,
  end: ending,
  result: constantFrom("", "", "SUCCESS", "FAILURE", "REVOKED", "RETRY", "STARTED"),
  follow: array(record({ id: nat(followIds - 1), nonce }), { maxLength: 2 }),
  record: boolean(),
});
const draft: Arbitrary<Draft> = record({
  id: oneof(constant(-1), nat(knownIds + followIds - 1)),
  nonce,
  priority,
  later,
});
const just = <K extends string>(...names: readonly K[]): Arbitrary<K> => constantFrom(...names);

const step: Arbitrary<Step> = oneof(
  {
    weight: 6,
    arbitrary: record({ do: just("publish"), queue, drafts: array(draft, { minLength: 1, maxLength: 5 }) }),
  },
  { weight: 6, arbitrary: record({ do: just("claim"), who, n: integer({ min: 1, max: 4 }) }) },
  { weight: 5, arbitrary: record({ do: just("start"), who, pick, blame: just("suspect", "sure") }) },
  {
    weight: 6,
    arbitrary: record({ do: just("settle"), who, batch: array(settlement, { minLength: 1, maxLength: 3 }) }),
  },
  { weight: 1, arbitrary: record({ do: just("settle-again"), who }) },
  { weight: 5, arbitrary: record({ do: just("freeze", "die", "die", "stop"), who }) },
  { weight: 2, arbitrary: record({ do: just("thaw"), who, end: ending, plain: boolean() }) },
  { weight: 1, arbitrary: record({ do: just("queue"), who, queue }) },
  { weight: 2, arbitrary: record({ do: just("requeue"), queue, pick, at: just("front", "back"), to: queue }) },
  { weight: 1, arbitrary: record({ do: just("purge"), queue, delayed: boolean() }) },
  { weight: 1, arbitrary: record({ do: just("pause", "resume", "resume"), queue }) },
  { weight: 1, arbitrary: record({ do: just("redrive", "redrive", "drop"), pick }) },
  { weight: 1, arbitrary: record({ do: just("elapse") }) },
);

/** Whose tasks another takes over while it stands still, and tells of their end afterwards. */
const overtaken: Arbitrary<readonly Step[]> = record({
  drafts: array(draft, { minLength: 1, maxLength: 3 }),
  who,
  rival: who,
  end: ending,
  plain: boolean(),
  batch: array(settlement, { minLength: 1, maxLength: 3 }),
}).map(({ drafts, who: first, rival, end, plain, batch }) => [
  { do: "publish", queue: first % queues, drafts },
  { do: "claim", who: first, n: 4 },
  { do: "freeze", who: first },
  { do: "claim", who: rival, n: 4 },
  { do: "thaw", who: first, end, plain },
  { do: "settle", who: rival, batch },
]);
/** Tasks that are final and not gone: what is stored and said of their next end, and of one that nobody holds. */
const endedTwice: Arbitrary<readonly Step[]> = record({
  drafts: array(draft, { minLength: 1, maxLength: 3 }),
  who,
  state: constantFrom("SUCCESS", "FAILURE", "REVOKED"),
  batch: array(settlement, { minLength: 3, maxLength: 3 }),
}).map(({ drafts, who: first, state, batch }) => {
  const back = { to: "requeue", at: "front", later: 0 } as const;
  return [
    { do: "publish", queue: first % queues, drafts },
    { do: "claim", who: first, n: 1 },
    { do: "settle", who: first, batch: [{ pick: 0, end: back, result: state, follow: [], record: false }] },
    { do: "claim", who: first, n: 1 },
    { do: "settle", who: first, batch },
    { do: "settle-again", who: first },
  ];
});

/** What single steps in any order bring about too rarely comes as a whole now and then; its steps are as true alone as among others. */
export const passage: Arbitrary<readonly Step[]> = oneof(
  { weight: 10, arbitrary: step.map((one) => [one]) },
  { weight: 1, arbitrary: overtaken },
  { weight: 1, arbitrary: endedTwice },
);
