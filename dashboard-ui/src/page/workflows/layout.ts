/** Where the nodes of a workflow lie: layers from left to right, by dagre. */

import { graphlib, layout } from "@dagrejs/dagre";
import type { WorkflowGraph } from "../../../../src/dashboard/contract.ts";

export interface Box {
  readonly id: string;
  readonly x: number;
  readonly y: number;
}

export interface Way {
  readonly from: string;
  readonly to: string;
  readonly kind: "sent" | "joins";
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  /** Corners at the upper left. */
  readonly boxes: ReadonlyMap<string, Box>;
  readonly ways: readonly Way[];
}

export const boxWidth = 208;
export const boxHeight = 44;

export function layoutOf({ nodes, edges }: Pick<WorkflowGraph, "nodes" | "edges">): Layout {
  const graph = new graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir: "LR", nodesep: 12, ranksep: 48, marginx: 8, marginy: 8 });
  graph.setDefaultEdgeLabel(() => ({}));
  const known = new Set(nodes.map(({ id }) => id));
  for (const id of known) graph.setNode(id, { width: boxWidth, height: boxHeight });
  const drawn = edges.filter(({ from, to }) => known.has(from) && known.has(to) && from !== to);
  for (const { from, to, kind } of drawn) graph.setEdge(from, to, {}, kind);
  layout(graph);
  const boxes = new Map<string, Box>();
  for (const id of known) {
    const { x = 0, y = 0 } = graph.node(id) as { readonly x?: number; readonly y?: number };
    boxes.set(id, { id, x: x - boxWidth / 2, y: y - boxHeight / 2 });
  }
  const ways = drawn.map(({ from, to, kind }): Way => {
    const { points = [] } = graph.edge(from, to, kind) as { readonly points?: Way["points"] };
    const [source, target] = [boxes.get(from), boxes.get(to)];
    if (source === undefined || target === undefined) return { from, to, kind, points };
    // From side to side: of many that meet in one box each would else end where it points at the middle, above and below.
    const [start, end] = [
      { x: source.x + boxWidth, y: source.y + boxHeight / 2 },
      { x: target.x, y: target.y + boxHeight / 2 },
    ];
    return { from, to, kind, points: [start, ...points.slice(1, -1), end] };
  });
  const { width = 0, height = 0 } = graph.graph() as { readonly width?: number; readonly height?: number };
  return { width, height, boxes, ways };
}

/** A smooth line through the points. */
export function pathOf(points: Way["points"]): string {
  const [first, ...rest] = points;
  if (first === undefined) return "";
  const at = ({ x, y }: { readonly x: number; readonly y: number }): string => `${x.toFixed(1)},${y.toFixed(1)}`;
  let path = `M${at(first)}`;
  for (const [index, point] of rest.entries()) {
    const next = rest[index + 1];
    path +=
      next === undefined
        ? `L${at(point)}`
        : `Q${at(point)} ${at({ x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 })}`;
  }
  return path;
}
