/**
 * Results of what waits for a task that did not succeed. They are other ids' results, so no settlement takes them along; what it does
 * take is an arrival. So they wait as the body of a join of one, which is full in the step that ends the task: its worker stores them
 * then, and if it dies before, whoever looks for open chords does.
 */

import type { Signature } from "../wire/signature.ts";
import { stringifyJson } from "../wire/json.ts";
import { decodeTaskMeta } from "../wire/outcome.ts";
import { followUpId } from "../wire/uuid.ts";
import { finalStateOf } from "./arrival.ts";
import { joinLife } from "../canvas/plan.ts";
import { bodyBytes } from "./follow.ts";
import type { Entry } from "./settler.ts";

/** No task has this name: it is nothing that is sent. */
const waiters = "celeriac.waiters";
const encoder = new TextEncoder();

/** The same entry, with its other results as an arrival. */
export function withWaiters(entry: Entry): Entry {
  const { ending, execution } = entry;
  const { settlement, also, opens = [] } = ending;
  const [first] = also;
  const state = first && finalStateOf(first.state);
  // What was acknowledged before its run stores them itself, before all else.
  if (first === undefined || state === undefined || execution?.acknowledged === true) return entry;
  const { delivery, arrive = [] } = settlement;
  const group = followUpId(first.id, `waiters:${String(delivery.fence)}`);
  const body = bodyBytes({
    task: waiters,
    args: [],
    kwargs: { ids: also.map(({ id }) => id), ...(settlement.result && { of: settlement.result.id }) },
    options: {},
    subtask_type: null,
    immutable: true,
  });
  const value = encoder.encode(stringifyJson(decodeTaskMeta(first.meta).result));
  const arrival = { group, member: first.id, index: 0, state, value, body, ttl: joinLife };
  return {
    ...entry,
    ending: {
      ...ending,
      settlement: { ...settlement, arrive: [...arrive, arrival] },
      also: [],
      opens: [...opens, { group, size: 1, body, ttl: joinLife }],
    },
  };
}

/** Whose results such a join stands for, and the task that they wait for, if that one has a result. */
export interface Waiters {
  readonly ids: readonly string[];
  readonly of: string | undefined;
}

/** `undefined` for a chord's body. */
export function waitersIn({ task, kwargs: { ids, of } }: Signature): Waiters | undefined {
  if (task !== waiters) return undefined;
  return {
    ids: Array.isArray(ids) ? ids.filter((id): id is string => typeof id === "string") : [],
    of: typeof of === "string" ? of : undefined,
  };
}
