/** One workflow: its graph, and beside it what was pressed. */

import { useQuery } from "@tanstack/react-query";
import type { WorkflowNode } from "../../../../src/dashboard/contract.ts";
import { Section } from "../../part/bits.tsx";
import { IdText } from "../../part/bits.tsx";
import { Panel } from "../../part/panel.tsx";
import { StateMark } from "../../part/state-mark.tsx";
import { Go, usePlace } from "../../place/place.tsx";
import { states } from "../../place/task-filter.ts";
import { momentOf } from "../../place/time-choice.ts";
import { useQuestions } from "../../server/instruments.tsx";
import { shortId, shortTask } from "../../text/id.ts";
import { inlineArgs } from "../../text/literal.ts";
import { countText } from "../../text/number.ts";
import { TaskPanel } from "../task/task-panel.tsx";
import WorkflowDrawing from "./workflow-drawing.tsx";

export default function WorkflowPage({ root }: { readonly root: string }) {
  const { params, time, change } = usePlace();
  const at = momentOf(time);
  const graph = useQuery(useQuestions().workflow(root, at)).data;
  const open = params.get("row") ?? undefined;
  const node = graph?.nodes.find(({ id }) => id === open);
  const first = graph?.nodes.find((node) => node.kind === "task" && node.id === root);
  const close = (): void => change({ row: undefined });
  return (
    <div className="flex h-full min-h-0">
      <div className="quiet-scroll flex min-w-0 flex-1 flex-col gap-3 overflow-y-auto p-3 sm:p-4">
        <div>
          <p className="text-small text-dim">
            <Go to="/workflows" className="hover:underline">
              Workflows
            </Go>
          </p>
          <h1 className="text-large font-semibold break-words">
            {first?.kind === "task"
              ? (first.row.task ?? root)
              : graph === undefined
                ? "Workflow"
                : `Workflow of ${countText(graph.total)} tasks`}
          </h1>
          <IdText id={root} />
        </div>
        <WorkflowDrawing
          root={root}
          at={at}
          marked={open}
          onChoose={({ id }) => change({ row: id }, { replace: open !== undefined })}
        />
      </div>
      {open === undefined ? null : node === undefined || node.kind === "task" ? (
        <TaskPanel id={open} onClose={close} />
      ) : (
        <NodePanel node={node} onClose={close} />
      )}
    </div>
  );
}

function NodePanel({
  node,
  onClose,
}: {
  readonly node: Exclude<WorkflowNode, { readonly kind: "task" }>;
  readonly onClose: () => void;
}) {
  if (node.kind === "planned")
    return (
      <Panel title={shortTask(node.task)} onClose={onClose}>
        <p>It is not sent yet: the step before it sends it when it has succeeded.</p>
      </Panel>
    );
  return (
    <Panel
      title={`${node.task === undefined ? "Group" : shortTask(node.task)} × ${countText(node.total)}`}
      onClose={onClose}
    >
      <ul className="flex flex-wrap gap-x-4 gap-y-1">
        {states.map((state) => {
          const count = node.states[state] ?? 0;
          return count === 0 ? null : (
            <li key={state} className="flex items-center gap-1.5">
              <StateMark state={state} /> {countText(count)}
            </li>
          );
        })}
      </ul>
      <Section title="Some of them, the worst first">
        <ul>
          {node.sample.map((row) => (
            <li key={row.id} className="flex min-w-0 items-baseline gap-3 border-b py-1 last:border-b-0">
              <span className="w-24 shrink-0">
                <StateMark state={row.state} />
              </span>
              <Go to={`/tasks/${encodeURIComponent(row.id)}`} className="shrink-0 font-mono text-small hover:underline">
                {shortId(row.id)}
              </Go>
              <span className="min-w-0 truncate font-mono text-small text-dim" title={row.error}>
                {row.error ?? inlineArgs(row.args, row.kwargs)}
              </span>
            </li>
          ))}
        </ul>
      </Section>
    </Panel>
  );
}
