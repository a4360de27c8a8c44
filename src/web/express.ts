/**
 * The two pieces for Express, and for everything else that takes its middleware. Express itself is only a type here, so importing this file
 * loads nothing of it. Express does not tell its middleware that a server closes: whoever closes it calls `close`.
 */

import { Readable } from "node:stream";
import type { NextFunction, Request, Response } from "express";
import type { BackgroundBatch, BackgroundTasks } from "./background.ts";
import { type ClosablePieces, closing } from "./closing.ts";
import { mountedTwice } from "./mounted-twice.ts";
import { conclude, releaseAfter } from "./response-end.ts";
import type { RouteAnswer } from "./result-routes.ts";
import { backgroundLog, type Question, type TasksOptions, TaskService } from "./task-service.ts";

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

/** The middleware, and how it ends. */
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

/** The middleware alone, for who starts and ends its pieces himself. */
export function middlewareOf(
  service: TaskService<Request>,
): (request: Request, response: Response, next: NextFunction) => void {
  return (request, response, next) => {
    if (Object.hasOwn(request, "background")) return next(mountedTwice("tasks()"));
    offerBackground(service, request, response);
    const question = service.question(request.method, request.path);
    if (question === undefined) next();
    else answer(service, question, request, response).catch(next);
  };
}

/** Made on first use: requests without any pay for one property. */
function offerBackground(service: TaskService<Request>, request: Request, response: Response): void {
  let batch: BackgroundBatch | undefined;
  Object.defineProperty(request, "background", {
    configurable: true,
    get(): BackgroundTasks {
      if (batch === undefined) {
        batch = service.background.batch();
        const held = batch;
        releaseAfter(response, held, () => response.headersSent);
        response.once("close", () => {
          if (!response.headersSent) awaitAnswer(response, held);
        });
      }
      return batch;
    },
  });
}

/** The client has gone before its answer. A response that nobody hears never finishes, and says nothing when the handler ends it. */
function awaitAnswer(response: Response, batch: BackgroundBatch): void {
  const end = response.end.bind(response) as (...args: unknown[]) => Response;
  response.end = (...args: unknown[]): Response => {
    const ended = end(...args);
    conclude(response.statusCode, batch);
    return ended;
  };
}

async function answer(
  { routes }: TaskService<Request>,
  { id, events }: Question,
  request: Request,
  response: Response,
): Promise<void> {
  if (!events) return send(response, await routes.read(id, request));
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const told = await routes.events(id, request, gone.signal);
  if (!("stream" in told)) return send(response, told);
  // As with any stream that outlives the start of a close: a connection kept alive after it would hold the server until its idle limit.
  if (request.httpVersionMajor === 1) response.setHeader("connection", "close");
  response.status(told.status).set(told.headers);
  const stream = Readable.from(told.stream, { objectMode: false });
  response.once("close", () => stream.destroy());
  stream.once("error", () => response.destroy());
  stream.pipe(response);
}

function send(response: Response, { status, headers, body }: RouteAnswer): void {
  response.status(status).set(headers).end(body);
}
