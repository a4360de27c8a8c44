/** What Express runs for each request. Whoever mounts it starts and ends its pieces: `tasks` of `celeriac/express`, and Nest's module. */

import { Readable } from "node:stream";
import type { NextFunction, Request, Response } from "express";
import type { BackgroundBatch, BackgroundTasks } from "./background.ts";
import { mountedTwice } from "./mounted-twice.ts";
import { conclude, releaseAfter } from "./response-end.ts";
import type { RouteAnswer } from "./result-routes.ts";
import type { Question, TaskService } from "./task-service.ts";

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
