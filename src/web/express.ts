/**
 * The two pieces for Express, and for everything else that takes its middleware. Express itself is only a type here, so importing this file
 * loads nothing of it. Express does not tell its middleware that a server closes: whoever closes it calls `close`.
 */

import type { NextFunction, Request, Response } from "express";
import type { BackgroundTasks } from "./background.ts";
import { type ClosablePieces, closing } from "./closing.ts";
import { middlewareOf } from "./express-middleware.ts";
import { backgroundLog, type TasksOptions, TaskService } from "./task-service.ts";

export type { BackgroundTasks } from "./background.ts";
export type { Closable } from "./closing.ts";
export type { TasksOptions } from "./task-service.ts";

declare global {
  // What Express offers for it: modules add to its requests through this namespace.
  namespace Express {
    interface Request {
      /** Light work after the response, in this process. What must not be lost is a task. */
      readonly background: BackgroundTasks;
    }
  }
}

/**
 * The middleware, and how it ends.
 *
 * @example
 * ```ts
 * import express from "express";
 * import { tasks, type TasksMiddleware } from "celeriac/express";
 * const pieces: TasksMiddleware = tasks({ app });
 * const server = express().use(pieces);
 * await pieces.close();
 * ```
 */
export interface TasksMiddleware extends ClosablePieces {
  (request: Request, response: Response, next: NextFunction): void;
}

/**
 * The result routes and `request.background`. Put it before the routes that use it.
 *
 * @example
 * ```ts
 * import express from "express";
 * import { createApp } from "celeriac";
 * import { tasks } from "celeriac/express";
 *
 * const app = createApp({ name: "shop" });
 * const resize = app.task("image.resize", async (image: { file: string; width: number }) => image.width);
 *
 * const pieces = tasks({ app, at: "/tasks" });
 * const server = express().use(pieces);
 * server.post("/images", async (request, response) => {
 *   const sent = await resize.delay({ file: "a.jpg", width: 320 });
 *   request.background.add(console.log, "accepted", sent.id);
 *   response.status(202).location(`/tasks/${sent.id}`).json({ id: sent.id });
 * });
 * const listening = server.listen(3000, "127.0.0.1");
 * process.once("SIGTERM", () => void pieces.close(listening).then(() => app.close()));
 * ```
 */
export function tasks(options: TasksOptions<Request>): TasksMiddleware {
  const service = new TaskService(options, backgroundLog(options.app));
  service.durable?.startSoon();
  return Object.assign(middlewareOf(service), closing(service));
}
