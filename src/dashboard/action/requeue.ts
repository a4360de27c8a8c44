/** Puts tasks back: to the front or the end of their queues, or into another, away from whoever holds them. */

import { requeueTasks } from "../../control/requeue.ts";
import { maySee, type Viewer } from "../access/viewer.ts";
import type { ActionRequest } from "../contract.ts";
import type { Inside } from "../inside.ts";
import { type Outcome, Outcomes } from "./outcome.ts";
import { chosenTasks } from "./selection.ts";

/** Throws NOT_SUPPORTED where the broker moves no single messages. */
export async function putBackTasks(
  inside: Inside,
  viewer: Viewer,
  { tasks, at = "front", queue }: Extract<ActionRequest, { readonly do: "task.requeue" }>,
): Promise<Outcome> {
  const outcomes = new Outcomes();
  const { broker } = await inside.connect();
  const chosen = await chosenTasks(inside.past, tasks, viewer, outcomes);
  const open = chosen.filter(({ id, row }) => {
    // One that ended as dead lies among the dead letters.
    if (row?.state !== "succeeded" && row?.state !== "failed" && row?.state !== "revoked") return true;
    outcomes.fail(id, "TASK_ENDED", "It has ended.");
    return false;
  });
  if (open.length === 0) return outcomes.result;
  const listed = (await broker.queues.list()).map(({ name }) => name);
  const names = listed.filter((name) => maySee(viewer, name));
  const wanted = open.map(({ id, row }) => ({ id, queue: row?.queue }));
  const found = await requeueTasks(broker, wanted, names, { at, ...(queue !== undefined && { queue }) });
  for (const { id } of open) {
    const one = found.get(id);
    if (one === undefined) outcomes.fail(id, "NOT_FOUND", "It lies in no queue, and no worker of ours holds it.");
    else if (one.was === "delayed" && (queue === undefined || queue === one.queue))
      outcomes.fail(id, "TASK_DELAYED", "It is not due yet, and keeps its moment.");
    else outcomes.done();
  }
  return outcomes.result;
}
