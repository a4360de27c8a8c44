/** A result node as Celery stores it: `[[id, parent], null]` for a task, `[[id, parent], [member, …]]` for a group. */

import type { ResultTuple } from "../wire/outcome.ts";
import type { ResultNode } from "./result-node.ts";

/** Members and steps that are written out in all; those of a wider workflow are found by its ids. */
const mostNodes = 1000;

export function resultTuple(node: ResultNode): ResultTuple {
  let room = mostNodes;
  const tuple = (one: ResultNode): ResultTuple => {
    room -= 1;
    const parent = one.parent === undefined || room <= 0 ? null : tuple(one.parent);
    if (one.kind === "task") return [[one.id, parent], null];
    return [[one.id, parent], one.members.slice(0, Math.max(0, room)).map((member) => tuple(member))];
  };
  return tuple(node);
}
