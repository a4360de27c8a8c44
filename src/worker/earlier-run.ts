/** What an earlier run of a task left behind: its result, if it got that far, or its checkpoints. */

import type { Delivery } from "../port/broker.ts";
import type { ResultStore, StoredOutcome } from "../port/result-store.ts";
import { stringifyJson } from "../wire/json.ts";
import { decodeTaskMeta, isFinal } from "../wire/outcome.ts";
import type { Execution } from "./execution.ts";
import { givenUp } from "./owed-letter.ts";
import type { GivenUp } from "./task-end.ts";

const decoder = new TextDecoder();

export type EarlierRun =
  /** `json` is absent where it can't be handed on: pickled by a Python worker, or NaN, which JSON has no word for. */
  | {
      readonly kind: "final";
      readonly state: string;
      readonly json: string | undefined;
      readonly dead?: GivenUp | undefined;
    }
  | { readonly kind: "unfinished"; readonly checkpoints: Execution["checkpoints"] };

/** True if it may have been run, so that a look is worth its round trip. */
export function hadEarlierRun({ delivery, headers, claim }: Execution): boolean {
  return wasHeld(delivery) || headers.retries > 0 || claim.crashes > 0 || claim.suspicions > 0;
}

/** In the order of the executions; rejects if the store does not answer. */
export async function earlierRuns(
  store: ResultStore,
  executions: readonly Execution[],
): Promise<readonly EarlierRun[]> {
  const ids = executions.map(({ headers }) => headers.id);
  const [outcomes, points] = await Promise.all([
    store.get(ids),
    Promise.all(ids.map(async (id) => store.checkpoints?.read(id))),
  ]);
  return executions.map(({ delivery }, index): EarlierRun => {
    const outcome = outcomes[index];
    if (outcome && isFinal(outcome.state) && wasHeld(delivery)) return finishedRun(outcome);
    const kept = [...(points[index] ?? [])].map(([name, value]) => [name, decoder.decode(value)] as const);
    return { kind: "unfinished", checkpoints: kept };
  });
}

/** Claimed by somebody before us: it may have got as far as a stored result. */
function wasHeld(delivery: Delivery): boolean {
  return delivery.redelivered || delivery.crashes > 0 || delivery.suspicions > 0;
}

/** A final outcome, as what follows is made of it. */
export function finishedRun({ state, meta }: StoredOutcome): Extract<EarlierRun, { kind: "final" }> {
  try {
    const { result, celeriac } = decodeTaskMeta(meta);
    const dead = celeriac?.outcome === "dead" ? { dead: givenUp(result) } : {};
    return { kind: "final", state, json: stringifyJson(result), ...dead };
  } catch {
    return { kind: "final", state, json: undefined };
  }
}
