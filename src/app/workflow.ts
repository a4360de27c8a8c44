/** Starting workflows: from a signature to the handle of its end. */

import type { Grouped } from "../canvas/joint.ts";
import type { ResultNode } from "../canvas/result-node.ts";
import { resultNode, savedNode } from "../canvas/result-reading.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import { type AnySignature, type Closed, Signature } from "../task/signature.ts";
import { checkTaskName } from "../wire/name.ts";
import { parseJson, resultLimits } from "../wire/json.ts";
import type { ResultTuple } from "../wire/outcome.ts";
import { type AsyncResult, StoredResult } from "./async-result.ts";
import type { AppCore } from "./core.ts";
import type { GroupResult } from "./group-result.ts";
import type { LaunchOptions } from "./launch.ts";
import type { Link } from "./task-handle.ts";

/**
 * How a workflow is sent. What it says of queue, priority, limits and headers wins over what its parts say; `delay`, `eta` are for what
 * starts first; `id` names the last task, or the group.
 *
 * @example
 * ```ts
 * import { chain } from "celeriac";
 * await app.enqueue(chain(resize.si({ file: "a.jpg", width: 800 }), publish.s()), { id: "gallery-7", delay: "10s", stamps: { tenant: "t1" } });
 * ```
 */
export interface WorkflowOptions<R = unknown> extends Omit<LaunchOptions, "link" | "linkError"> {
  /** Sent with the result when all has succeeded. */
  readonly link?: Link<R> | undefined;
  /** Sent with the failed id when a part fails for good. */
  readonly linkError?: Link<string> | undefined;
}

/** A group has no one result that a `link` could be sent with. */
export type GroupOptions = Omit<WorkflowOptions, "link">;

/** What does not end in a group. */
interface Single {
  readonly "~group"?: never;
}

/** `app.delay`: starts a workflow. What still needs an input does not compile. */
export interface DelayWorkflow {
  <I, R extends readonly unknown[]>(workflow: Signature<I, R> & Grouped<R> & Closed<I>): Promise<GroupResult<R>>;
  <I, R>(workflow: Signature<I, R> & Single & Closed<I>): Promise<AsyncResult<R>>;
}

/** `app.enqueue`: the same with options. */
export interface EnqueueWorkflow {
  <I, R extends readonly unknown[]>(
    workflow: Signature<I, R> & Grouped<R> & Closed<I>,
    options?: GroupOptions,
  ): Promise<GroupResult<R>>;
  <I, R>(workflow: Signature<I, R> & Single & Closed<I>, options?: WorkflowOptions<R>): Promise<AsyncResult<R>>;
}

export async function startWorkflow(
  core: AppCore,
  workflow: AnySignature,
  options: LaunchOptions = {},
): Promise<AsyncResult<unknown>> {
  // An id of its own is one that the caller chose, as much as one in the options.
  const id = options.id ?? workflow.id;
  const { result, duplicate } = await core.launch(workflow.toJSON(), { ...options, ...(id !== undefined && { id }) });
  return handles(core).handle(result, duplicate);
}

/** A call by name. Where the app declares the task its queue is said; else whoever sends it decides. */
export function namedSignature(core: AppCore, name: string, args: readonly unknown[]): AnySignature {
  checkTaskName(name);
  const queue = core.registry.get(name)?.queue;
  return new Signature({
    task: name,
    args,
    kwargs: {},
    immutable: false,
    options: queue === undefined ? {} : { queue },
  });
}

/** The handle of what was sent in another way than by a launch. */
export function handleOfSent(core: AppCore, result: ResultNode, duplicate: boolean): AsyncResult<unknown> {
  return handles(core).handle(result, duplicate);
}

/** The group that `save` kept; `undefined` if none is kept under this id. */
export async function restoreGroup(core: AppCore, id: string): Promise<GroupResult<readonly unknown[]> | undefined> {
  const saved = await handles(core).reader.saved(id);
  const node = saved === undefined ? undefined : savedNode(parseJson(saved, resultLimits));
  return node?.kind === "group" ? (handles(core).handle(node) as GroupResult<readonly unknown[]>) : undefined;
}

/** The handle that a result tuple names. Throws MESSAGE_UNDECODABLE for what is none. */
export function handleOf(core: AppCore, tuple: ResultTuple): AsyncResult<unknown> {
  const node = resultNode(tuple);
  if (node !== undefined) return handles(core).handle(node);
  throw new CeleriacError(
    "MESSAGE_UNDECODABLE",
    "app.result: this is neither an id nor a result tuple, [[id, parent], members]. Give what a handle's toJSON() gave.",
  );
}

/** Handles that read where those of the app do. */
function handles(core: AppCore): StoredResult<unknown> {
  return core.result("") as StoredResult<unknown>;
}
