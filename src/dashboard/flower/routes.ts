/** The paths of Flower's HTTP API, with its parameters and its answers; below `/flower` too, where nothing stands in their way. */

import { textAnswer } from "../http/answer.ts";
import type { Route, Visit } from "../http/route.ts";
import { asksAsFlower } from "./dialect.ts";
import { limitTask, queueLengths, revokeTask, sendTask, taskInfo, taskResult, tasks, taskTypes } from "./tasks.ts";
import { workerCommands, workers } from "./workers.ts";

type Handle = (visit: Visit) => object | Promise<object>;

/** Waits for a result at most, and a little more, ms. */
const waiting = 65_000;

const get = (path: string, summary: string, handle: Handle, more: Partial<Route> = {}): Route => ({
  method: "GET",
  path,
  role: "view",
  dialect: "flower",
  summary: `Flower: ${summary}`,
  handle,
  ...more,
});
const post = (
  path: string,
  role: "operate" | "admin",
  summary: string,
  handle: Handle,
  more: Partial<Route> = {},
): Route => ({
  method: "POST",
  path,
  role,
  dialect: "flower",
  summary: `Flower: ${summary}`,
  handle,
  ...more,
});

const paths: readonly Route[] = [
  get("/api/workers", "workers and what they say of themselves", workers, { only: asksAsFlower }),
  ...Object.entries(workerCommands).map(([name, handle]) =>
    post(`/api/worker/${name}/:worker`, "admin", name.replace("/", " "), handle),
  ),
  get("/api/tasks", "tasks", tasks, { only: asksAsFlower }),
  get("/api/task/types", "names of tasks", taskTypes),
  get("/api/queues/length", "messages in queues", queueLengths),
  get("/api/task/info/:id", "one task", taskInfo),
  get("/api/task/result/:id", "its result", taskResult, { patience: waiting }),
  post("/api/task/apply/:name", "operate", "run a task and wait", (visit) => sendTask(visit, "apply"), {
    patience: waiting,
  }),
  post("/api/task/async-apply/:name", "operate", "run a task", (visit) => sendTask(visit, "async-apply")),
  post("/api/task/send-task/:name", "operate", "run a task by its name", (visit) => sendTask(visit, "send-task")),
  post("/api/task/abort/:id", "operate", "abort a task", (visit) => revokeTask(visit, "abort")),
  post("/api/task/revoke/:id", "operate", "revoke a task", (visit) => revokeTask(visit, "revoke")),
  post("/api/task/timeout/:name", "admin", "time limits of a task", (visit) => limitTask(visit, "timeout")),
  post("/api/task/rate-limit/:name", "admin", "rate limit of a task", (visit) => limitTask(visit, "rate-limit")),
];

export const flowerRoutes: readonly Route[] = [
  ...paths,
  ...paths.map(({ only: _only, ...route }): Route => ({ ...route, path: `/flower${route.path}` })),
  get("/healthcheck", "the process answers", () => textAnswer("OK"), { role: "open" }),
];
