/** The graph of a workflow: tasks as boxes, groups that look alike as one box with counts, the critical path with a thick line. */

import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type { TaskState, WorkflowGraph, WorkflowNode } from "../../../../src/dashboard/contract.ts";
import { Answer } from "../../part/bits.tsx";
import { StateMark, StateShape } from "../../part/state-mark.tsx";
import { usePlace } from "../../place/place.tsx";
import { states } from "../../place/task-filter.ts";
import { useQuestions, useTopic } from "../../server/instruments.tsx";
import { shortTask } from "../../text/id.ts";
import { durationText } from "../../text/duration.ts";
import { countText, shortCountText } from "../../text/number.ts";
import { boxHeight, boxWidth, layoutOf, pathOf } from "./layout.ts";

export default function WorkflowDrawing({
  root,
  at,
  marked,
  onChoose,
}: {
  readonly root: string;
  readonly at: number | undefined;
  readonly marked?: string | undefined;
  readonly onChoose?: (node: WorkflowNode) => void;
}) {
  const query = useQuery(useQuestions().workflow(root, at));
  const { go } = usePlace();
  useTopic(at === undefined ? `workflow:${root}` : undefined);
  const choose =
    onChoose ??
    ((node: WorkflowNode) => {
      const id = node.kind === "task" ? node.id : node.kind === "group" ? node.sample[0]?.id : undefined;
      if (id !== undefined) go(`/tasks/${encodeURIComponent(id)}`, { tab: "workflow" });
    });
  return (
    <Answer query={query}>
      {(graph) => (
        <div className="flex flex-col gap-3">
          <StateCounts graph={graph} />
          {graph.blockedBy.map(({ node, text }) => (
            <p key={node} className="rounded bg-strip px-3 py-1 text-on-strip">
              {text}
            </p>
          ))}
          <Drawing graph={graph} marked={marked} onChoose={choose} />
          {graph.leftOut === 0 ? null : (
            <p className="text-small text-dim">{`${countText(graph.leftOut)} tasks of it are not shown.`}</p>
          )}
        </div>
      )}
    </Answer>
  );
}

function StateCounts({ graph }: { readonly graph: WorkflowGraph }) {
  return (
    <p className="flex flex-wrap gap-x-4 gap-y-1">
      <span>{countText(graph.total)} tasks</span>
      {states.map((state) => {
        const count = graph.states[state] ?? 0;
        return count === 0 ? null : (
          <span key={state} className="flex items-center gap-1.5">
            <StateMark state={state} /> {countText(count)}
          </span>
        );
      })}
    </p>
  );
}

function Drawing({
  graph,
  marked,
  onChoose,
}: {
  readonly graph: WorkflowGraph;
  readonly marked: string | undefined;
  readonly onChoose: (node: WorkflowNode) => void;
}) {
  // States change each second, the places only with the nodes.
  const shape = JSON.stringify([graph.nodes.map(({ id }) => id), graph.edges]);
  const layout = useMemo(() => layoutOf(graph), [shape]);
  const critical = new Set(graph.criticalPath);
  const steps = new Set(graph.criticalPath.map((id, index) => `${graph.criticalPath[index - 1] ?? ""}\0${id}`));
  return (
    <div
      className="quiet-scroll max-h-[70vh] overflow-auto rounded border bg-surface"
      tabIndex={0}
      role="region"
      aria-label="Graph of the workflow"
    >
      <svg width={Math.max(1, layout.width)} height={Math.max(1, layout.height)} role="group" aria-label="Nodes">
        {layout.ways.map(({ from, to, kind, points }) => {
          const heavy = steps.has(`${from}\0${to}`);
          return (
            <path
              key={`${from}\0${to}\0${kind}`}
              d={pathOf(points)}
              fill="none"
              strokeWidth={heavy ? 2.5 : 1.2}
              strokeDasharray={kind === "joins" ? "4 3" : undefined}
              className={heavy ? "stroke-ink" : "stroke-line-strong"}
            />
          );
        })}
        {graph.nodes.map((node) => {
          const box = layout.boxes.get(node.id);
          return box === undefined ? null : (
            <g
              key={node.id}
              transform={`translate(${String(box.x)} ${String(box.y)})`}
              role="button"
              tabIndex={0}
              className="cursor-pointer"
              onClick={() => onChoose(node)}
              onKeyDown={(event) => {
                if (event.key !== "Enter" && event.key !== " ") return;
                event.preventDefault();
                event.stopPropagation();
                onChoose(node);
              }}
            >
              <NodeBox node={node} critical={critical.has(node.id)} marked={node.id === marked} />
            </g>
          );
        })}
      </svg>
    </div>
  );
}

function NodeBox({
  node,
  critical,
  marked,
}: {
  readonly node: WorkflowNode;
  readonly critical: boolean;
  readonly marked: boolean;
}) {
  const state = node.kind === "task" ? node.row.state : node.kind === "group" ? worstOf(node.states) : undefined;
  return (
    <>
      {node.kind === "group" ? (
        <rect x="4" y="4" width={boxWidth} height={boxHeight} rx="4" className="fill-sunken stroke-line-strong" />
      ) : null}
      <rect
        width={boxWidth}
        height={boxHeight}
        rx="4"
        strokeWidth={marked ? 2.5 : critical ? 2 : 1}
        strokeDasharray={node.kind === "planned" ? "4 3" : undefined}
        className={
          marked
            ? "fill-accent-soft stroke-accent"
            : critical
              ? "fill-surface stroke-ink"
              : "fill-surface stroke-line-strong"
        }
      />
      {/* HTML inside, so that texts are cut by the browser and not by a guess at their width. */}
      <foreignObject width={boxWidth} height={boxHeight}>
        <div className="flex h-full flex-col justify-center px-2 text-base/4">
          <span className="truncate" title={titleOf(node)}>
            {titleOf(node)}
          </span>
          <span className="flex items-center gap-1.5 truncate text-small text-dim">
            {node.kind === "group" ? <GroupCounts states={node.states} /> : null}
            {node.kind === "task" && state !== undefined ? <StateMark state={state} /> : null}
            {node.kind === "task" && node.row.ran !== undefined ? durationText(node.row.ran) : null}
            {node.kind === "planned" ? "not sent yet" : null}
            {critical ? <span className="sr-only">on the critical path</span> : null}
          </span>
        </div>
      </foreignObject>
    </>
  );
}

function GroupCounts({ states: counts }: { readonly states: Readonly<Partial<Record<TaskState, number>>> }) {
  return states.map((state) => {
    const count = counts[state] ?? 0;
    return count === 0 ? null : (
      <span key={state} className="flex items-center gap-0.5" title={state}>
        {shortCountText(count)}
        <StateShape state={state} />
        <span className="sr-only">{state}</span>
      </span>
    );
  });
}

function titleOf(node: WorkflowNode): string {
  if (node.kind === "group")
    return `${node.task === undefined ? "group" : shortTask(node.task)} × ${countText(node.total)}`;
  return node.kind === "planned" ? shortTask(node.task) : shortTask(node.row.task ?? node.id);
}

const badness: readonly TaskState[] = [
  "dead",
  "failed",
  "revoked",
  "retrying",
  "running",
  "delayed",
  "queued",
  "succeeded",
];

function worstOf(counts: Readonly<Partial<Record<TaskState, number>>>): TaskState | undefined {
  return badness.find((state) => (counts[state] ?? 0) > 0);
}
