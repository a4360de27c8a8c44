/** Workflows: chains, groups and chords as one graph. */

import type { Answered, Moment, TaskRow, TaskState } from "./task.ts";

export interface WorkflowQuery extends Moment {
  /** Those with unfinished tasks alone, or those with failures. */
  readonly only?: "open" | "failed";
  readonly after?: string;
  /** Default 50, at most 200. */
  readonly limit?: number;
}

export interface WorkflowRow {
  /** Id of its first task. */
  readonly root: string;
  readonly task?: string;
  readonly seen: number;
  readonly changed: number;
  readonly states: Readonly<Partial<Record<TaskState, number>>>;
  readonly total: number;
}

export interface WorkflowPage extends Answered {
  readonly items: readonly WorkflowRow[];
  readonly next?: string;
}

/** Nodes and edges; laid out by who draws them. At most 500 nodes: larger groups come as one node with counts. */
export interface WorkflowGraph extends Answered {
  readonly root: string;
  readonly nodes: readonly WorkflowNode[];
  readonly edges: readonly WorkflowEdge[];
  readonly states: Readonly<Partial<Record<TaskState, number>>>;
  readonly total: number;
  /** Ids of nodes on the longest way through it, by time, in order. */
  readonly criticalPath: readonly string[];
  /** What holds it up: nodes that everything else waits for, with the reason in words. */
  readonly blockedBy: readonly { readonly node: string; readonly text: string }[];
  /** Tasks of it that are not shown. */
  readonly leftOut: number;
}

export type WorkflowNode =
  | { readonly kind: "task"; readonly id: string; readonly row: TaskRow; readonly group?: string }
  /** Steps that are not sent yet: known from the message of the one before. */
  | { readonly kind: "planned"; readonly id: string; readonly task: string; readonly group?: string }
  /** Members of a group that look alike: "resize × 240". `sample`: the worst first, at most 20. */
  | {
      readonly kind: "group";
      readonly id: string;
      readonly group: string;
      readonly task?: string;
      readonly states: Readonly<Partial<Record<TaskState, number>>>;
      readonly total: number;
      readonly sample: readonly TaskRow[];
    };

export interface WorkflowEdge {
  readonly from: string;
  readonly to: string;
  /** "sent": the one sent the other (chain, child). "joins": members of a chord, whose end lets its body go. */
  readonly kind: "sent" | "joins";
}
