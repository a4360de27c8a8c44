/**
 * Where the results of something launched will lie: a task by its id, or a group with those of its members. Celery's result tuples say
 * the same; these are their names here.
 */

/** `parent` is what ran before it in its chain, where that is known. */
export type ResultNode =
  | { readonly kind: "task"; readonly id: string; readonly parent?: ResultNode }
  | {
      readonly kind: "group";
      readonly id: string;
      readonly members: readonly ResultNode[];
      readonly parent?: ResultNode;
    };

/**
 * Whose child it is that sent it: the first task of a chain, which knows what it sets off itself; a group; of a chord its members, and
 * beside them its body, which Celery leaves out: a walk along children comes to the end.
 */
export function childrenIn(result: ResultNode): readonly ResultNode[] {
  let first = result;
  let second: ResultNode | undefined;
  while (first.parent !== undefined) {
    second = first;
    first = first.parent;
  }
  if (first.kind === "task" || second === undefined) return [first];
  const { parent: _members, ...body } = second;
  return [first, body];
}

/** What was launched. */
export interface Launched {
  readonly result: ResultNode;
  /** The id that the caller chose had been launched before: nothing was sent now. */
  readonly duplicate: boolean;
}
