/** Workflows as the events tell of them: whose task sent which, and which tasks are one group. */

import type {
  TaskRow,
  TaskState,
  WorkflowEdge,
  WorkflowGraph,
  WorkflowNode,
  WorkflowPage,
  WorkflowQuery,
  WorkflowRow,
} from "../contract.ts";
import { idOf, keyOf, recordColumns, recordOf, type TaskRecord } from "./record.ts";
import { stateNamed } from "./schema.ts";
import type { Asking } from "./task-page.ts";
import { bySeen, present, rowOf } from "./task-row.ts";

const usualRows = 50;
const mostRows = 200;
/** Workflows that are looked through for a page of some kind only. */
const mostLooked = 2_000;
/** Tasks of one workflow that are read. */
const mostTasks = 5_000;
const mostNodes = 500;
/** Members of a group that are shown one by one. */
const smallGroup = 12;
const mostSamples = 20;

const open: ReadonlySet<TaskState> = new Set(["queued", "delayed", "running", "retrying"]);
/** The worst first. */
const gravity: readonly TaskState[] = [
  "dead",
  "failed",
  "retrying",
  "revoked",
  "running",
  "queued",
  "delayed",
  "succeeded",
];

type FlowRow = readonly [id: number, root: Uint8Array | string, seen: number, changed: number];
type States = Partial<Record<TaskState, number>>;

export function workflowsOf(asking: Asking, query: WorkflowQuery): Omit<WorkflowPage, "gaps" | "since"> {
  const at = query.at ?? asking.now;
  const limit = Math.min(Math.max(Math.trunc(query.limit ?? usualRows), 1), mostRows);
  const [changed = Number.MAX_SAFE_INTEGER, id = 0] = (query.after ?? "")
    .split(".")
    .map((part) => Number.parseInt(part, 36))
    .filter((part) => Number.isSafeInteger(part));
  const rows = asking.database
    .query(
      "SELECT id, root, seen, changed FROM flow WHERE seen <= ? AND (changed, id) < (?, ?) ORDER BY changed DESC, id DESC LIMIT ?",
    )
    .all(at, changed, id, query.only === undefined ? limit + 1 : mostLooked);
  const items: WorkflowRow[] = [];
  let last: FlowRow | undefined;
  for (const row of rows as unknown as readonly FlowRow[]) {
    const item = workflowRow(asking, row, at);
    const states = Object.keys(item.states) as TaskState[];
    const wanted =
      query.only === undefined ||
      states.some((state) => (query.only === "open" ? open.has(state) : state === "failed" || state === "dead"));
    if (wanted && item.total > 0) {
      if (items.length === limit) return { at, items, ...next(last) };
      items.push(item);
    }
    last = row;
  }
  return { at, items, ...(rows.length === mostLooked && next(last)) };
}

/** Where the next page begins. */
function next(last: FlowRow | undefined): { readonly next?: string } {
  return last ? { next: `${last[3].toString(36)}.${last[0].toString(36)}` } : {};
}

function workflowRow(asking: Asking, [id, root, seen, changed]: FlowRow, at: number): WorkflowRow {
  const { database, words } = asking;
  const first = database.query(`SELECT ${recordColumns}, flow FROM task WHERE uuid = ?`).get(root);
  const head = first && recordOf(idOf(root), first, words);
  const row = head && rowOf(head, at);
  // The present is counted in the index alone; the past needs each task's steps.
  const states: States = at >= changed ? countNow(asking, id) : {};
  if (at < changed) for (const { state } of membersOf(asking, id, at)) states[state] = (states[state] ?? 0) + 1;
  if (row && !inFlow(first, id)) states[row.state] = (states[row.state] ?? 0) + 1;
  return present<WorkflowRow>({
    root: idOf(root),
    task: row?.task,
    seen: Math.min(seen, row?.seen ?? seen),
    changed: Math.min(changed, at),
    states,
    total: totalOf(states),
  });
}

/** The first task may be a member of a group itself, and is not counted twice then. */
function inFlow(columns: readonly unknown[], flow: number): boolean {
  return columns[11] === flow;
}

function countNow({ database }: Asking, flow: number): States {
  const rows = database.query("SELECT state, count(*) FROM task WHERE flow = ? GROUP BY state").all(flow);
  return Object.fromEntries(rows.map(([state, count]) => [stateNamed(state as number), count as number]));
}

function totalOf(states: States): number {
  return Object.values(states).reduce((sum, count) => sum + count, 0);
}

function membersOf(asking: Asking, flow: number, at: number): readonly (TaskRow & { readonly record: TaskRecord })[] {
  const { database, words } = asking;
  return database
    .query(`SELECT uuid, ${recordColumns} FROM task WHERE flow = ? ORDER BY id LIMIT ?`)
    .all(flow, mostTasks)
    .flatMap(([uuid, ...columns]) => {
      const record = recordOf(idOf(uuid as Uint8Array | string), columns, words);
      const row = rowOf(record, at);
      return row ? [{ ...row, record }] : [];
    })
    .toSorted(bySeen);
}

/** By the id of its first task, or of a group that is one by itself. `undefined`: there is none. */
export function workflowOf(
  asking: Asking,
  root: string,
  at: number,
): Omit<WorkflowGraph, "gaps" | "since"> | undefined {
  const flow = asking.database.query("SELECT flow FROM flow_name WHERE name = ?").get(keyOf(root))?.[0] as
    | number
    | undefined;
  const head = asking.database.query(`SELECT ${recordColumns} FROM task WHERE uuid = ?`).get(keyOf(root));
  const members = flow === undefined ? [] : [...membersOf(asking, flow, at)];
  if (head && !members.some(({ id }) => id === root)) {
    const record = recordOf(root, head, asking.words);
    const row = rowOf(record, at);
    if (row) members.push({ ...row, record });
    members.sort(bySeen);
  }
  if (members.length === 0) return undefined;
  const states: States = {};
  for (const { state } of members) states[state] = (states[state] ?? 0) + 1;
  const planned = flow === undefined ? [] : plannedIn(asking, flow, at);
  const { nodes, nodeOf, leftOut } = nodesOf(members, planned);
  const edges = edgesOf(members, planned, nodes, nodeOf);
  return {
    at,
    root,
    nodes,
    edges,
    states,
    total: members.length,
    criticalPath: criticalPath(members, nodeOf),
    blockedBy: blockers(members, nodeOf),
    leftOut,
  };
}

/** A step that somebody's message tells of; it may be sent by now. */
interface Planned {
  readonly id: string;
  readonly task: string;
  readonly after: readonly string[];
  readonly joins?: string;
  readonly group?: string;
}

function plannedIn({ database, words }: Asking, flow: number, at: number): readonly Planned[] {
  return database
    .query("SELECT id, name, place FROM planned WHERE flow = ? AND at <= ? ORDER BY at, id LIMIT ?")
    .all(flow, at, mostNodes)
    .map(([id, name, place]) => ({
      ...(JSON.parse(place as string) as Omit<Planned, "id" | "task">),
      id: idOf(id as Uint8Array | string),
      task: words.text(name as number) ?? "",
    }));
}

type Member = TaskRow & { readonly record: TaskRecord };
type NodeOf = ReadonlyMap<string, string>;

/** Large groups come as one node; `nodeOf` says which node a task is in. */
function nodesOf(
  members: readonly Member[],
  planned: readonly Planned[],
): {
  readonly nodes: readonly WorkflowNode[];
  readonly nodeOf: NodeOf;
  readonly leftOut: number;
} {
  const groups = Map.groupBy(members, ({ record }) => record.fact("group"));
  const nodes: WorkflowNode[] = [];
  const nodeOf = new Map<string, string>();
  let leftOut = 0;
  for (const [group, all] of groups) {
    for (const [task, alike] of Map.groupBy(all, (member) => member.task)) {
      if (group === undefined || alike.length <= smallGroup) {
        for (const { record: _, ...row } of alike) {
          if (nodes.length >= mostNodes) leftOut++;
          else {
            nodes.push({ kind: "task", id: row.id, row, ...(group !== undefined && { group }) });
            nodeOf.set(row.id, row.id);
          }
        }
        continue;
      }
      const id = `${group}:${task ?? ""}`;
      const states: States = {};
      for (const member of alike) {
        states[member.state] = (states[member.state] ?? 0) + 1;
        nodeOf.set(member.id, id);
      }
      const worst = alike.toSorted((a, b) => gravity.indexOf(a.state) - gravity.indexOf(b.state));
      const sample = worst.slice(0, mostSamples).map(({ record: _, ...row }) => row);
      nodes.push({
        kind: "group",
        id,
        group,
        states,
        total: alike.length,
        sample,
        ...(task !== undefined && { task }),
      });
    }
  }
  for (const { id, task, group } of planned) {
    if (nodeOf.has(id)) continue;
    if (nodes.length >= mostNodes) leftOut++;
    else {
      nodes.push({ kind: "planned", id, task, ...(group !== undefined && { group }) });
      nodeOf.set(id, id);
    }
  }
  return { nodes, nodeOf, leftOut };
}

/** Who sent whom, and who will; a chord's body is sent by the member that was the last, and waits for all. */
function edgesOf(
  members: readonly Member[],
  planned: readonly Planned[],
  nodes: readonly WorkflowNode[],
  nodeOf: NodeOf,
): readonly WorkflowEdge[] {
  const edges = new Map<string, WorkflowEdge>();
  for (const { id, record } of members) {
    const parent = record.fact("parent");
    const [from, to] = [parent === undefined ? undefined : nodeOf.get(parent), nodeOf.get(id)];
    if (from !== undefined && to !== undefined && from !== to) edges.set(`${from} ${to}`, { from, to, kind: "sent" });
  }
  for (const { id, after, joins } of planned) {
    const to = nodeOf.get(id);
    if (to === undefined) continue;
    for (const before of after) {
      const from = nodeOf.get(before);
      if (from !== undefined && from !== to && !edges.has(`${from} ${to}`))
        edges.set(`${from} ${to}`, { from, to, kind: "sent" });
    }
    for (const { id: from, group } of joins === undefined ? [] : nodes)
      if (group === joins && from !== to) edges.set(`${from} ${to}`, { from, to, kind: "joins" });
  }
  return [...edges.values()];
}

/** Back from what ended last, or still goes on: each waited for the one that sent it. */
function criticalPath(members: readonly Member[], nodeOf: NodeOf): readonly string[] {
  const byId = new Map(members.map((member) => [member.id, member]));
  const end = (member: Member): number => (open.has(member.state) ? Infinity : member.since);
  let last: Member | undefined = members.reduce((a, b) => (end(b) > end(a) ? b : a));
  const path: string[] = [];
  for (const seen = new Set<string>(); last && !seen.has(last.id);) {
    seen.add(last.id);
    const node = nodeOf.get(last.id);
    if (node !== undefined && path[0] !== node) path.unshift(node);
    last = byId.get(last.record.fact("parent") ?? "");
  }
  return path;
}

/** What is not over: everything that is still to come waits for it. */
function blockers(members: readonly Member[], nodeOf: NodeOf): WorkflowGraph["blockedBy"] {
  const texts = new Map<string, string>();
  for (const member of members) {
    const node = nodeOf.get(member.id);
    const bad = member.state === "failed" || member.state === "dead";
    if (node === undefined || texts.size >= mostSamples || !(bad || open.has(member.state))) continue;
    const where =
      member.state === "running" && member.worker !== undefined
        ? ` on ${member.worker}`
        : member.queue === undefined
          ? ""
          : ` in ${member.queue}`;
    if (!texts.has(node)) texts.set(node, `${member.task ?? member.id} is ${member.state}${where}`);
  }
  return [...texts].map(([node, text]) => ({ node, text }));
}
