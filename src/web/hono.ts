/**
 * The two pieces for Hono, on whatever it runs. Hono itself is only a type here, so importing this file loads nothing of it. Hono does not tell
 * its middleware that a server closes: whoever closes it calls `close`.
 */

import type { ServerResponse } from "node:http";
import type { Context, MiddlewareHandler } from "hono";
import type { BackgroundBatch, BackgroundTasks } from "./background.ts";
import { mountedTwice } from "./mounted-twice.ts";
import { RequestBackground } from "./request-background.ts";
import { conclude, releaseAfter } from "./response-end.ts";
import { type ClosablePieces, closing } from "./closing.ts";
import { responseTo } from "./route-response.ts";
import { backgroundLog, type TasksOptions, TaskService } from "./task-service.ts";

export type { BackgroundTasks } from "./background.ts";
export type { Closable } from "./closing.ts";
export type { TasksOptions } from "./task-service.ts";

/**
 * What the middleware adds to a context: `context.var.background`.
 *
 * @example
 * ```ts
 * import { Hono } from "hono";
 * import { tasks, type TasksEnv } from "celeriac/hono";
 * const routes = new Hono<TasksEnv>().use(tasks({ app }));
 * routes.post("/orders", (context) => {
 *   context.var.background.add(console.log, "ordered");
 *   return context.body(null, 202);
 * });
 * ```
 */
export interface TasksEnv {
  readonly Variables: {
    /** Light work after the response, in this process. What must not be lost is a task. */
    readonly background: BackgroundTasks;
  };
}

/** The middleware, and how it ends. */
export type TasksMiddleware = MiddlewareHandler<TasksEnv> & ClosablePieces;

/**
 * The result routes and `context.var.background`. Put it before the routes that use it. On Node's server background work waits until the
 * response is sent; on others until it is handed over, for more is not told there.
 *
 * @example
 * ```ts
 * import { serve } from "@hono/node-server";
 * import { Hono } from "hono";
 * import { createApp } from "celeriac";
 * import { tasks } from "celeriac/hono";
 *
 * const app = createApp({ name: "shop" });
 * const resize = app.task("image.resize", async (image: { file: string; width: number }) => image.width);
 *
 * const pieces = tasks({ app, at: "/tasks" });
 * const server = new Hono().use(pieces).post("/images", async (context) => {
 *   const sent = await resize.delay({ file: "a.jpg", width: 320 });
 *   context.var.background.add(console.log, "accepted", sent.id);
 *   return context.json({ id: sent.id }, 202, { location: `/tasks/${sent.id}` });
 * });
 * const listening = serve({ fetch: server.fetch, hostname: "127.0.0.1", port: 3000 });
 * process.once("SIGTERM", () => void pieces.close(listening).then(() => app.close()));
 * ```
 */
export function tasks(options: TasksOptions<Context>): TasksMiddleware {
  const service = new TaskService(options, backgroundLog(options.app));
  service.durable?.startSoon();
  const middleware: MiddlewareHandler<TasksEnv> = async (context, next) => {
    if (context.get("background") !== undefined) throw mountedTwice("tasks()");
    const question = service.question(context.req.method, pathOf(context.req.raw.url));
    if (question !== undefined) return responseTo(service.routes, question, context, context.req.raw.signal);
    const work = new AfterResponse(service, outgoingOf(context.env));
    context.set("background", work);
    await next();
    work.answered(context.res.status);
    return undefined;
  };
  return Object.assign(middleware, closing(service));
}

class AfterResponse extends RequestBackground {
  readonly #service: TaskService<Context>;
  /** Undefined where the server is not Node's. */
  readonly #outgoing: ServerResponse | undefined;
  #status: number | undefined;

  constructor(service: TaskService<Context>, outgoing: ServerResponse | undefined) {
    super();
    this.#service = service;
    this.#outgoing = outgoing;
  }

  /** The handler has given its response, or its error was made one. */
  answered(status: number): void {
    this.#status = status;
    if (this.batch !== undefined && !this.#willFinish()) conclude(status, this.batch);
  }

  protected override begin(): BackgroundBatch {
    const batch = this.#service.background.batch();
    if (this.#outgoing !== undefined && this.#willFinish())
      releaseAfter(this.#outgoing, batch, () => this.#status !== undefined);
    else if (this.#status !== undefined) conclude(this.#status, batch);
    return batch;
  }

  #willFinish(): boolean {
    return this.#outgoing !== undefined && !this.#outgoing.destroyed;
  }
}

/** As it was sent: Hono decodes its own `path`, and an encoded slash with it. */
function pathOf(url: string): string {
  return new URL(url).pathname;
}

/** The response of Node's server, where there is one. */
function outgoingOf(env: unknown): ServerResponse | undefined {
  const { outgoing } = (typeof env === "object" && env !== null ? env : {}) as { readonly outgoing?: ServerResponse };
  return typeof outgoing?.writableFinished === "boolean" ? outgoing : undefined;
}
