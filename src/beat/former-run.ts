/**
 * Has the run of the tick before ended? Its stored result says so. Where there is none, its message may say that it has not; where
 * neither says anything (a purged queue; a Python worker that acknowledged early), it counts as running for as long as a result is kept.
 */

import type { AppCore } from "../app/core.ts";
import type { Backend } from "../port/backend.ts";
import type { Entry } from "./entry.ts";

const finalStates: ReadonlySet<string> = new Set(["SUCCESS", "FAILURE", "REVOKED"]);

export async function stillRuns(
  core: AppCore,
  backend: Backend,
  { signature }: Entry,
  run: { readonly id: string; readonly tick: number },
  now: number,
): Promise<boolean> {
  const [outcome] = await backend.store.get([run.id]);
  if (outcome !== undefined && finalStates.has(outcome.state)) return false;
  if (now - run.tick > core.config.resultTtl) return false;
  const { broker } = backend;
  const definition = core.registry.get(signature.task);
  // Only of our own workers is it known that they hold a message to its end.
  const holds = definition?.handler !== undefined && definition.ack === "late";
  const queue = signature.options["queue"];
  if (outcome !== undefined || !holds || broker.features.browse !== "all" || typeof queue !== "string") return true;
  return (await broker.queues.find(queue, run.id)) !== undefined;
}
