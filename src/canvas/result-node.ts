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

/** What was launched. */
export interface Launched {
  readonly result: ResultNode;
  /** The id that the caller chose had been launched before: nothing was sent now. */
  readonly duplicate: boolean;
}
