/** What the stream tells, put into the answers that pages have already: only those for now, never those for a moment of the past. */

import type { InfiniteData, QueryClient } from "@tanstack/react-query";
import type {
  Overview,
  QueueList,
  Session,
  StreamEvent,
  TaskDetail,
  TaskPage,
  TaskRow,
  WorkerList,
} from "../../../src/dashboard/contract.ts";

/** Second part of the key of every question for now. */
export const live = "live";

/** Changes what is cached, and marks as stale what must be asked again. */
export function applyEvent(client: QueryClient, event: StreamEvent): void {
  switch (event.type) {
    case "overview":
      client.setQueriesData<Overview>({ queryKey: ["overview", live] }, (old) =>
        old === undefined ? old : { ...old, now: { ...old.now, ...event.now }, health: event.health },
      );
      client.setQueryData(["health"], event.health);
      return;
    case "tasks":
      client.setQueriesData<InfiniteData<TaskPage>>({ queryKey: ["tasks", live] }, (old) =>
        patchPages(old, event.rows),
      );
      return;
    case "task":
      client.setQueriesData<TaskDetail>({ queryKey: ["task", live, event.id] }, (old) =>
        old === undefined ? old : { ...old, row: newer(old.row, event.row) },
      );
      stale(client, ["task", live, event.id]);
      stale(client, ["why", live, event.id]);
      return;
    case "log":
      stale(client, ["log", live, event.id]);
      return;
    case "workflow":
      stale(client, ["workflow", live, event.root]);
      return;
    case "queues":
      client.setQueriesData<QueueList>({ queryKey: ["queues", live] }, (old) =>
        old === undefined ? old : { ...old, items: patchNamed(old.items, event.rows) },
      );
      return;
    case "workers":
      client.setQueriesData<WorkerList>({ queryKey: ["workers", live] }, (old) =>
        old === undefined ? old : { ...old, items: patchNamed(old.items, event.rows) },
      );
      return;
    case "schedules":
    case "dead":
      stale(client, [event.type, live]);
      return;
    case "action":
      stale(client, ["audit", live]);
      return;
    case "history":
      patchSession(client, (session) => ({ ...session, history: event.history }));
      return;
    case "broker":
      patchSession(client, (session) => ({ ...session, broker: { ...session.broker, connected: event.connected } }));
      return;
    case "reset":
      for (const key of ["overview", "tasks", "counts", "task", "why", "log", "workflow", "workflows"])
        stale(client, [key, live]);
      for (const key of ["queues", "workers", "worker", "schedules", "dead", "messages"]) stale(client, [key, live]);
  }
}

/** Rows that are there already, in their places; new ones are the page's to ask for. */
export function patchPages(
  old: InfiniteData<TaskPage> | undefined,
  rows: readonly TaskRow[],
): InfiniteData<TaskPage> | undefined {
  if (old === undefined) return old;
  const told = new Map(rows.map((row) => [row.id, row]));
  let changed = false;
  const pages = old.pages.map((page) => {
    if (!page.items.some(({ id }) => told.has(id))) return page;
    changed = true;
    const items = page.items.map((row) => {
      const told1 = told.get(row.id);
      return told1 === undefined ? row : newer(row, told1);
    });
    return { ...page, items };
  });
  return changed ? { ...old, pages } : old;
}

/** By name, changed rows in their places, new ones where their name puts them. */
export function patchNamed<Row extends { readonly name: string }>(
  old: readonly Row[],
  rows: readonly Row[],
): readonly Row[] {
  const merged = new Map(old.map((row) => [row.name, row]));
  for (const row of rows) merged.set(row.name, row);
  if (merged.size === old.length) return [...merged.values()];
  return [...merged.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Answers and events cross on their way: what is older does not replace what is newer. */
function newer(old: TaskRow, told: TaskRow): TaskRow {
  return told.since < old.since ? old : told;
}

function stale(client: QueryClient, queryKey: readonly unknown[]): void {
  void client.invalidateQueries({ queryKey });
}

function patchSession(client: QueryClient, change: (session: Session) => Session): void {
  client.setQueryData<Session>(["session"], (old) => (old === undefined ? old : change(old)));
}
