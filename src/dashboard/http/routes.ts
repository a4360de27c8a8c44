/** The table of the dashboard's own API; `contract.ts` says what each answers. */

import { checkJson } from "../access/origin.ts";
import { readAction } from "../action/reading.ts";
import { deadLetters } from "../page/dead.ts";
import { flowerRoutes } from "../flower/routes.ts";
import { health, metrics, readiness } from "../metrics/page.ts";
import { names } from "../page/names.ts";
import { auditPage, overview, series, workflow, workflows } from "../page/past-pages.ts";
import { messages, queueList, taskMessage } from "../page/queues.ts";
import { scheduleList } from "../page/schedules.ts";
import { session } from "../page/session.ts";
import { taskCounts, taskDetail, taskLog, taskPage } from "../page/tasks.ts";
import { whyNot } from "../page/why.ts";
import { workerDetail, workerList } from "../page/workers.ts";
import type { Oidc } from "../access/oidc.ts";
import type { Inside } from "../inside.ts";
import { notFound } from "./failure.ts";
import { readJson } from "./body.ts";
import { openApi } from "./openapi.ts";
import type { Route } from "./route.ts";

const at = { at: "The moment to answer for, unix ms. Absent: now." };
const page = { after: "`next` of the page before.", limit: "Default 50, at most 200." };
const range = { ...at, from: "Unix ms.", until: "Unix ms; at most 7 days after `from`." };
const filter = {
  ...at,
  state: { each: "Any of these." },
  task: { each: "A name, as it stands: any of these." },
  queue: { each: "A name, as it stands: any of these." },
  worker: { each: "A name, as it stands: any of these." },
  from: "It came into its state at or after this moment.",
  until: "And before this one.",
  text: "Part of id, arguments, result or error; at most 200 characters, never a pattern.",
};

const bodyLimit = 1_048_576;

const ownRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/api/session",
    role: "view",
    summary: "Who looks, and what may be done",
    answer: "Session",
    handle: session,
  },
  {
    method: "GET",
    path: "/api/overview",
    role: "view",
    summary: "How it goes, and what is wrong",
    query: range,
    answer: "Overview",
    handle: overview,
  },
  {
    method: "GET",
    path: "/api/series",
    role: "view",
    summary: "Figures over time",
    query: {
      ...range,
      task: "Of this task alone.",
      queue: "Of this queue alone.",
      worker: "Of this worker alone.",
      points: "Default 240, at most 1 000.",
    },
    answer: "Series",
    handle: series,
  },
  {
    method: "GET",
    path: "/api/tasks",
    role: "view",
    summary: "Tasks, a page",
    query: { ...filter, ...page, order: "newest or oldest first." },
    answer: "TaskPage",
    handle: taskPage,
  },
  {
    method: "GET",
    path: "/api/tasks/counts",
    role: "view",
    summary: "How many fit, by state",
    query: filter,
    answer: "TaskCounts",
    handle: taskCounts,
  },
  {
    method: "GET",
    path: "/api/tasks/:id",
    role: "view",
    summary: "One task with all that happened to it",
    query: at,
    answer: "TaskDetail",
    handle: taskDetail,
  },
  {
    method: "GET",
    path: "/api/tasks/:id/log",
    role: "view",
    summary: "What it logged",
    query: { ...at, after: page.after, limit: "Default 200, at most 1 000." },
    answer: "LogPage",
    handle: taskLog,
  },
  {
    method: "GET",
    path: "/api/tasks/:id/why",
    role: "view",
    summary: "Why it is not running",
    answer: "WhyNot",
    // Workers are asked, and what it waits for is followed.
    patience: 20_000,
    handle: whyNot,
  },
  {
    method: "GET",
    path: "/api/tasks/:id/message",
    role: "view",
    summary: "Its exact message, as it lies with the broker",
    query: { queue: "Look in this queue." },
    answer: "RawMessage",
    handle: taskMessage,
  },
  {
    method: "GET",
    path: "/api/workflows",
    role: "view",
    summary: "Workflows, a page",
    query: { ...at, ...page, only: "open or failed ones." },
    answer: "WorkflowPage",
    handle: workflows,
  },
  {
    method: "GET",
    path: "/api/workflows/:root",
    role: "view",
    summary: "One workflow as a graph",
    query: at,
    answer: "WorkflowGraph",
    handle: workflow,
  },
  {
    method: "GET",
    path: "/api/queues",
    role: "view",
    summary: "Queues",
    query: at,
    answer: "QueueList",
    handle: queueList,
  },
  {
    method: "GET",
    path: "/api/queues/:name/messages",
    role: "view",
    summary: "Messages in a queue, a page; looking changes nothing",
    query: { where: "ready, delayed or leased.", ...page },
    answer: "MessagePage",
    handle: messages,
  },
  {
    method: "GET",
    path: "/api/workers",
    role: "view",
    summary: "Workers",
    query: at,
    answer: "WorkerList",
    handle: workerList,
  },
  {
    method: "GET",
    path: "/api/workers/:name",
    role: "view",
    summary: "One worker, which is asked",
    query: at,
    answer: "WorkerDetail",
    handle: workerDetail,
  },
  {
    method: "GET",
    path: "/api/schedules",
    role: "view",
    summary: "Schedules with their next runs and last ticks",
    answer: "ScheduleList",
    handle: scheduleList,
  },
  {
    method: "GET",
    path: "/api/dead",
    role: "view",
    summary: "Dead letters, a page",
    query: { queue: "Of this queue.", task: "Of this task.", reason: "With this reason.", ...page },
    answer: "DeadLetterPage",
    handle: deadLetters,
  },
  {
    method: "GET",
    path: "/api/names",
    role: "view",
    summary: "Names that filters offer",
    answer: "Names",
    handle: names,
  },
  {
    method: "GET",
    path: "/api/audit",
    role: "admin",
    summary: "What was done here, and what was refused",
    query: page,
    answer: "AuditPage",
    handle: auditPage,
  },
  {
    method: "GET",
    path: "/api/stream",
    role: "view",
    summary: "Changes as they happen, as server-sent events",
    query: {
      topics: { each: "overview, tasks, task:ID, workflow:ROOT, queues, workers, schedules or dead." },
    },
    answer: "StreamEvent",
    produces: "text/event-stream",
    handle: ({ inside, viewer, query, request }) => {
      const last = request.headers.get("last-event-id") ?? query.name("lastEventId");
      return inside.hub.open(query.names("topics") ?? [], viewer, last ?? undefined, request.signal);
    },
  },
  {
    method: "GET",
    path: "/metrics",
    role: "view",
    summary: "Figures for Prometheus",
    produces: "text/plain",
    handle: metrics,
  },
  {
    method: "GET",
    path: "/login",
    role: "open",
    summary: "Log in at the provider",
    produces: "text/html",
    handle: ({ inside }) => providerOf(inside).begin(),
  },
  {
    method: "GET",
    path: "/login/callback",
    role: "open",
    summary: "Where the provider sends the browser back to",
    produces: "text/html",
    handle: ({ inside, request }) => providerOf(inside).finish(request),
  },
  {
    method: "GET",
    path: "/logout",
    role: "open",
    summary: "End the session",
    produces: "text/html",
    handle: ({ inside }) => providerOf(inside).end(),
  },
  { method: "GET", path: "/healthz", role: "open", summary: "The process answers", handle: health },
  { method: "GET", path: "/readyz", role: "open", summary: "It can do its work", handle: readiness },
  {
    method: "POST",
    path: "/api/actions",
    role: "view",
    summary: "Does something; who may do what is in the session",
    body: "ActionRequest",
    answer: "ActionResult",
    patience: 20_000,
    handle: async ({ inside, viewer, request, address }) => {
      checkJson(request);
      return inside.perform.run(readAction(await readJson(request, bodyLimit)), viewer, address);
    },
  },
];

function providerOf({ oidc }: Inside): Oidc {
  if (oidc === undefined) throw notFound("No login provider is set up here.");
  return oidc;
}

/** All there are, in the order in which they are tried. */
export const routes: readonly Route[] = [
  ...flowerRoutes,
  ...ownRoutes,
  {
    method: "GET",
    path: "/api/openapi.json",
    role: "view",
    summary: "This document",
    handle: ({ inside }) => openApi(routes, inside.settings.prefix),
  },
];
