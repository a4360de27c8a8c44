/** What a task set off, and what that set off: the stored `children`, walked level by level, within bounds. */

import type { ResultNode } from "../canvas/result-node.ts";
import { resultNode } from "../canvas/result-reading.ts";
import type { StoredOutcome } from "../port/result-store.ts";
import { decodeTaskMeta } from "../wire/outcome.ts";
import type { TaskState } from "./outcome-reading.ts";
import type { ResultReader } from "./result-reader.ts";
import { Slices } from "./slices.ts";

/**
 * How far `graph` walks.
 *
 * @example
 * ```ts
 * import type { GraphOptions } from "celeriac";
 * const near: GraphOptions = { limit: 50, depth: 2 };
 * const { complete } = await sent.graph(near);
 * ```
 */
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
  const slices = new Slices(reader);
  let level: readonly ResultNode[] = [start];
  for (let away = 0; level.length > 0; away += 1) {
    if (away > depth) return { nodes, complete: false };
    const next: ResultNode[] = [];
    const room = limit - nodes.length;
    for await (const { node, children } of readLevel(level.slice(0, room), slices)) {
      nodes.push(node);
      for (const child of children) {
        if (seen.has(child.id)) continue;
        seen.add(child.id);
        next.push(child);
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

/** In their order. */
async function* readLevel(level: readonly ResultNode[], slices: Slices): AsyncGenerator<Read, void, undefined> {
  const tasks = level.filter((node) => node.kind === "task");
  const read = slices.read(tasks);
  let slice: readonly (readonly [ResultNode, StoredOutcome | undefined])[] = [];
  let at = 0;
  for (const node of level) {
    const { id, kind } = node;
    if (kind === "group") {
      yield {
        node: { id, kind, state: undefined, children: node.members.map((member) => member.id) },
        children: node.members,
      };
      continue;
    }
    if (at === slice.length) {
      const next = await read.next();
      if (next.done === true) return;
      slice = next.value;
      at = 0;
    }
    const outcome = slice[at]?.[1];
    at += 1;
    const meta = outcome === undefined ? undefined : decodeTaskMeta(outcome.meta);
    const children = (meta?.children ?? []).flatMap((one) => resultNode(one) ?? []);
    const state = meta?.status ?? "PENDING";
    yield { node: { id, kind, state, children: children.map((child) => child.id) }, children };
  }
}
