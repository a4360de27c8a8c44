/** Pages that the history answers alone: the overview and its charts, workflows; and what was done here. */

import type {
  AuditPage,
  Overview,
  QueueWait,
  Series,
  WaitReason,
  WorkflowGraph,
  WorkflowNode,
  WorkflowPage,
} from "../contract.ts";
import { maySee } from "../access/viewer.ts";
import { badRequest, forbidden, notFound } from "../http/failure.ts";
import type { Query } from "../http/query.ts";
import type { Visit } from "../http/route.ts";
import { knownTasks } from "./names.ts";
import { shownRow } from "./tasks.ts";
import { firstReason } from "./wait-reasons.ts";

const longest = 7 * 86_400_000;
const usual = 300_000;

export async function overview({ inside, viewer, query }: Visit): Promise<Overview> {
  const range = rangeOf(query, inside.clock.now());
  const [page, reasons] = await Promise.all([
    inside.past.overview(range, viewer.queues),
    range.at === undefined ? inside.waits.now(inside) : new Map<string, readonly WaitReason[]>(),
  ]);
  const { redact } = inside.settings;
  return {
    ...page,
    // Who is confined sees how it goes as a whole, and none of others' tasks.
    failing:
      viewer.queues === undefined
        ? page.failing.map((group) => ({ ...group, error: redact(group.error, { kind: "error", task: group.task }) }))
        : [],
    waiting: page.waiting
      .filter(({ queue }) => maySee(viewer, queue))
      .map((wait) => withReasons(wait, reasons.get(wait.queue))),
    longest: page.longest.filter(({ queue }) => maySee(viewer, queue)).map((row) => shownRow(row, inside)),
  };
}

function withReasons(wait: QueueWait, reasons: readonly WaitReason[] | undefined): QueueWait {
  if (reasons === undefined) return wait;
  const reason = firstReason(reasons);
  return { ...wait, reasons, ...(reason !== undefined && { reason }) };
}

export async function series({ inside, viewer, query }: Visit): Promise<Series> {
  const [task, queue, worker] = [query.name("task"), query.name("queue"), query.name("worker")];
  if ([task, queue, worker].filter((name) => name !== undefined).length > 1)
    throw badRequest("Give at most one of task, queue and worker.", "task");
  if (queue !== undefined && !maySee(viewer, queue)) throw forbidden(`The queue "${queue}" is not one of yours.`);
  if (task !== undefined && !(await knownTasks(inside, viewer))(task))
    throw forbidden(`The task "${task}" runs in none of your queues.`);
  const points = query.whole("points", 1, 1_000);
  const asked = {
    ...rangeOf(query, inside.clock.now()),
    ...(task !== undefined && { task }),
    ...(queue !== undefined && { queue }),
    ...(worker !== undefined && { worker }),
    ...(points !== undefined && { points }),
  };
  return inside.past.series(asked, viewer.queues);
}

export async function workflows({ inside, viewer, query }: Visit): Promise<WorkflowPage> {
  if (viewer.queues !== undefined) throw forbidden("Workflows cross queues, and some of them are not yours.");
  const [only, after, at] = [query.oneOf("only", ["open", "failed"]), query.cursor(), query.moment("at")];
  return inside.past.workflows({
    limit: query.whole("limit", 1, 200) ?? 50,
    ...(only !== undefined && { only }),
    ...(after !== undefined && { after }),
    ...(at !== undefined && { at }),
  });
}

export async function workflow({ inside, viewer, params, query }: Visit): Promise<WorkflowGraph> {
  if (viewer.queues !== undefined) throw forbidden("Workflows cross queues, and some of them are not yours.");
  const graph = await inside.past.workflow(params["root"] ?? "", query.moment("at"));
  if (graph === undefined) throw notFound("Nothing is kept of a workflow with this root.");
  const { redact } = inside.settings;
  const covered = (node: WorkflowNode): WorkflowNode => {
    if (node.kind === "task") return { ...node, row: shownRow(node.row, inside) };
    if (node.kind === "group") return { ...node, sample: node.sample.map((row) => shownRow(row, inside)) };
    return node;
  };
  const blockedBy = graph.blockedBy.map((block) => ({ ...block, text: redact(block.text, { kind: "error" }) }));
  return { ...graph, nodes: graph.nodes.map(covered), blockedBy };
}

export function auditPage({ inside, query }: Visit): AuditPage {
  return inside.audit.page(query.cursor(), query.whole("limit", 1, 200) ?? 50, inside.clock.now());
}

/** The last 5 minutes unless said otherwise, a week at most. */
function rangeOf(query: Query, now: number): { readonly from: number; readonly until: number; readonly at?: number } {
  const at = query.moment("at");
  const until = query.moment("until") ?? at ?? now;
  const from = query.moment("from") ?? until - usual;
  if (from >= until) throw badRequest("from must be before until.", "from");
  return { from: Math.max(from, until - longest), until, ...(at !== undefined && { at }) };
}
