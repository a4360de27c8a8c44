/** What a task set off, and what that set off: the stored `children`, walked level by level, within bounds. */

import type { ResultNode } from "../canvas/result-node.ts";
import { resultNode } from "../canvas/result-reading.ts";
import { decodeTaskMeta } from "../wire/outcome.ts";
import { sliceSize } from "./group-watch.ts";
import type { TaskState } from "./outcome-reading.ts";
import type { ResultReader } from "./result-reader.ts";

/** How far `graph` walks. */
export interface GraphOptions {
  /** Most tasks and groups. Default 1000. */
  readonly limit?: number;
  /** Most steps away from where it starts. Default 100. */
  readonly depth?: number;
}

/** One task or group of a {@link ResultGraph}. */
export interface GraphNode {
  readonly id: string;
  readonly kind: "task" | "group";
  /** PENDING also for what nobody knows; `undefined` for a group. */
  readonly state: TaskState | undefined;
  /** Ids of what it sent; of a group, its members. */
  readonly children: readonly string[];
}

/**
 * Tasks and what they set off, nearest first.
 *
 * @example
 * ```ts
 * const { nodes, complete } = await sent.graph({ limit: 200 });
 * for (const { id, state, children } of nodes) console.log(id, state, children.join(" "));
 * if (!complete) console.log("and more");
 * ```
 */
export interface ResultGraph {
  readonly nodes: readonly GraphNode[];
  /** False if a bound was met. */
  readonly complete: boolean;
}

export async function graphOf(start: ResultNode, reader: ResultReader, options: GraphOptions): Promise<ResultGraph> {
  const { limit = 1000, depth = 100 } = options;
  const nodes: GraphNode[] = [];
  const seen = new Set<string>([start.id]);
  let level: readonly ResultNode[] = [start];
  for (let away = 0; level.length > 0; away += 1) {
    if (away > depth) return { nodes, complete: false };
    const next: ResultNode[] = [];
    const room = limit - nodes.length;
    for (let at = 0; at < Math.min(level.length, room); at += sliceSize) {
      const slice = level.slice(at, Math.min(at + sliceSize, room));
      for (const { node, children } of await readLevel(slice, reader)) {
        nodes.push(node);
        for (const child of children) {
          if (seen.has(child.id)) continue;
          seen.add(child.id);
          next.push(child);
        }
      }
    }
    if (level.length > room) return { nodes, complete: false };
    level = next;
  }
  return { nodes, complete: true };
}

interface Read {
  readonly node: GraphNode;
  readonly children: readonly ResultNode[];
}

async function readLevel(level: readonly ResultNode[], reader: ResultReader): Promise<readonly Read[]> {
  const tasks = level.filter((node) => node.kind === "task").map((node) => node.id);
  const outcomes = tasks.length === 0 ? [] : await reader.readMany(tasks);
  const metas = new Map(
    outcomes.flatMap((outcome) => (outcome === undefined ? [] : [[outcome.id, decodeTaskMeta(outcome.meta)] as const])),
  );
  return level.map((node) => {
    const { id, kind } = node;
    const meta = metas.get(id);
    const children = kind === "group" ? node.members : (meta?.children ?? []).flatMap((one) => resultNode(one) ?? []);
    const state = kind === "group" ? undefined : (meta?.status ?? "PENDING");
    return { node: { id, kind, state, children: children.map((child) => child.id) }, children };
  });
}
