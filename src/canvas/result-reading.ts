/** Celery's result tuples, back into result nodes. */

import type { ResultTuple } from "../wire/outcome.ts";
import type { ResultNode } from "./result-node.ts";

/** What a tuple names; `undefined` for what is none. Of a parent the chain is read as far as it can be. */
export function resultNode(tuple: unknown, depth = 0): ResultNode | undefined {
  if (!Array.isArray(tuple) || depth > deepest) return undefined;
  const [name, members] = tuple as readonly unknown[];
  // Before Celery 4 a tuple had its bare id in front.
  const [id, former]: readonly unknown[] = Array.isArray(name) ? (name as readonly unknown[]) : [name, null];
  if (typeof id !== "string") return undefined;
  const parent = resultNode(former, depth + 1);
  const family = parent === undefined ? {} : { parent };
  if (!Array.isArray(members)) return { kind: "task", id, ...family };
  return {
    kind: "group",
    id,
    members: members.flatMap((member) => resultNode(member, depth + 1) ?? []),
    ...family,
  };
}

/** Stored by others, and each level is a call here. */
const deepest = 200;

/** The ids of all tasks in it, in order; those of groups have no result of their own. */
export function leavesOf(node: ResultNode): readonly string[] {
  return node.kind === "task" ? [node.id] : node.members.flatMap((member) => leavesOf(member));
}

/** The list of a saved group. */
export function savedNode(saved: unknown): ResultNode | undefined {
  if (typeof saved !== "object" || saved === null) return undefined;
  return resultNode((saved as { readonly result?: ResultTuple }).result);
}
