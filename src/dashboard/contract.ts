/**
 * What the dashboard's HTTP API gives and takes, as types alone: the server answers with these, the user interface is built on them,
 * `docs` describe them. Everything is JSON. Times are unix milliseconds, durations milliseconds, sizes bytes. What nobody can tell is
 * absent, never a guess. Texts come from other people's messages: they are data, to be shown as text and never as markup.
 *
 *   GET  /api/session                       Session                  GET /api/workflows?…            WorkflowPage
 *   GET  /api/overview?Moment&Range         Overview                 GET /api/workflows/:root        WorkflowGraph
 *   GET  /api/series?SeriesQuery            Series                   GET /api/queues                 QueueList
 *   GET  /api/tasks?TaskQuery               TaskPage                 GET /api/queues/:name/messages  MessagePage
 *   GET  /api/tasks/counts?TaskFilter       TaskCounts               GET /api/workers                WorkerList
 *   GET  /api/tasks/:id                     TaskDetail               GET /api/workers/:name          WorkerDetail
 *   GET  /api/tasks/:id/log?LogQuery        LogPage                  GET /api/schedules              ScheduleList
 *   GET  /api/tasks/:id/why                 WhyNot                   GET /api/dead?…                 DeadLetterPage
 *   GET  /api/tasks/:id/message             RawMessage               GET /api/names                  Names
 *   GET  /api/stream                        server-sent StreamEvent  GET /api/audit                  AuditPage
 *   POST /api/actions                       ActionRequest → ActionResult; every failure is ApiFailure
 *
 * Requests say `Accept: application/json`: `GET /api/workers` and `/api/tasks` of a program that says no such thing, and is no browser, are
 * answered as Flower answers them. Pages find where they are mounted in `<meta name="celeriac-prefix" content="/celeriac">`.
 */

export type * from "./contract/action.ts";
export type * from "./contract/cluster.ts";
export type * from "./contract/overview.ts";
export type * from "./contract/session.ts";
export type * from "./contract/stream.ts";
export type * from "./contract/task.ts";
export type * from "./contract/workflow.ts";
