/**
 * Has the run of the tick before ended? Its stored results say so. Where there is none, its message may say that it has not; where
 * neither says anything (a purged queue; a Python worker that acknowledged early), it counts as running for as long as a result is kept.
 */

import type { AppCore } from "../app/core.ts";
import type { ResultNode } from "../canvas/result-node.ts";
import type { Backend } from "../port/backend.ts";
import { isFinal } from "../wire/outcome.ts";
import { queueOf, type Sendable } from "./call.ts";

/** Results that are asked for at once. */
const sliceSize = 500;

export async function stillRuns(
  core: AppCore,
  backend: Backend,
  call: Sendable,
  run: { readonly result: ResultNode; readonly tick: number },
  now: number,
): Promise<boolean> {
  const states = await statesOf(backend, [...idsOf(run.result)]);
  if (hasEnded(run.result, states)) return false;
  if (now - run.tick > core.config.resultTtl) return false;
  const { broker } = backend;
  const definition = core.registry.get(call.signature.task);
  // Only of our own workers is it known that they hold a message to its end.
  const holds = definition?.handler !== undefined && definition.ack === "late";
  const queue = queueOf(call);
  if (states.size > 0 || !holds || broker.features.browse !== "all" || queue === undefined) return true;
  return (await broker.queues.find(queue, run.result.id)) !== undefined;
}

function* idsOf(node: ResultNode): Iterable<string> {
  if (node.kind === "task") yield node.id;
  else for (const member of node.members) yield* idsOf(member);
  if (node.parent !== undefined) yield* idsOf(node.parent);
}

async function statesOf({ store }: Backend, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const states = new Map<string, string>();
  for (let at = 0; at < ids.length; at += sliceSize) {
    for (const outcome of await store.get(ids.slice(at, at + sliceSize)))
      if (outcome !== undefined) states.set(outcome.id, outcome.state);
  }
  return states;
}

/** A failed step ends a chain: what comes after it may have no result of its own. */
function hasEnded(node: ResultNode, states: ReadonlyMap<string, string>): boolean {
  if (node.parent !== undefined && hasFailed(node.parent, states)) return true;
  if (node.kind === "group") return node.members.every((member) => hasEnded(member, states));
  return isFinal(states.get(node.id) ?? "");
}

function hasFailed(node: ResultNode, states: ReadonlyMap<string, string>): boolean {
  if (node.parent !== undefined && hasFailed(node.parent, states)) return true;
  if (node.kind === "group") return hasEnded(node, states) && node.members.some((member) => hasFailed(member, states));
  return ["FAILURE", "REVOKED"].includes(states.get(node.id) ?? "");
}
