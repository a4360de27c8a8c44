/**
 * The body of a chord as its join keeps it. Whoever ends the chord after its last member's worker has died may be a worker of another app on
 * the same servers: it knows neither the queues of these tasks nor the family that they belong to.
 */

import type { Signature } from "../wire/signature.ts";
import { mapTasks, type Options, withMore } from "./composite.ts";

export interface Family {
  readonly root?: string | undefined;
  readonly stamps?: Options | undefined;
  /** Where a task goes whose signature does not say. */
  readonly queueOf: (task: string) => string;
}

export function keptBody(body: Signature, { root, stamps = {}, queueOf }: Family): Signature {
  const names = Object.keys(stamps);
  const family: Options = {
    ...(root !== undefined && { root_id: root }),
    ...(names.length > 0 && { ...stamps, stamped_headers: names }),
  };
  const told = (task: Signature): Signature => {
    const { queue } = task.options;
    return withMore(task, queue === undefined || queue === null ? { ...family, queue: queueOf(task.task) } : family);
  };
  const kept = mapTasks(body, told, true);
  return root === undefined ? kept : withMore(kept, { root_id: root });
}
