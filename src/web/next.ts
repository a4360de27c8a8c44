/**
 * The two pieces for the route handlers of Next's App Router. Nothing of Next is loaded or needed here: its `after` is handed in, and keeps the
 * function alive until background work is done, also where functions end with their response.
 */

import { coreOf } from "../app/app.ts";
import type { BackgroundBatch, BackgroundTasks } from "./background.ts";
import { type Closable, type ClosablePieces, closing } from "./closing.ts";
import { joinCopies, servesRequests } from "./next-copies.ts";
import { RequestBackground } from "./request-background.ts";
import { conclude } from "./response-end.ts";
import { responseTo } from "./route-response.ts";
import { backgroundLog, type TasksOptions, TaskService } from "./task-service.ts";

export type { BackgroundTasks } from "./background.ts";

/**
 * What `tasks` takes for Next: as in every framework, and `after`.
 *
 * @example
 * ```ts
 * import { type NextTasksOptions, tasks } from "celeriac/next";
 * const options: NextTasksOptions = { app, at: "/tasks", after: (work) => void setImmediate(work) }; // in Next: its own after
 * export const pieces = tasks(options);
 * ```
 */
export interface NextTasksOptions extends TasksOptions<Request> {
  /** `after` of "next/server". Without it background work begins when the response has been handed over, and ends with the function. */
  readonly after?: (work: () => Promise<void>) => void;
  /**
   * What ends with the pieces, after their background work: the app, and its dashboard with it. Next makes several of the module that calls `tasks`,
   * and `close` of one closes them all, each with its own.
   */
  readonly onClose?: () => Promise<void>;
}

/**
 * The handlers for Next's files, and how they end.
 *
 * @example
 * ```ts
 * import { type NextTasks, tasks } from "celeriac/next";
 * const pieces: NextTasks = tasks({ app, at: "/tasks" });
 * export const { GET } = pieces.handlers;
 * export const POST = pieces.route(async (_request, background) => {
 *   background.add(console.log, "accepted");
 *   return new Response(null, { status: 202 });
 * });
 * ```
 */
export interface NextTasks extends ClosablePieces {
  /**
   * Ends event streams, closes `server` if one is given, waits for handlers of `route` that have not answered, then for background work for `drain` at
   * most; then does `onClose`. The same for all that Next made of the module.
   */
  close(server?: Closable): Promise<void>;
  /** The result routes: `export const { GET } = pieces.handlers` in `app/tasks/[...task]/route.ts`, with `at: "/tasks"`. */
  readonly handlers: { readonly GET: (request: Request) => Promise<Response> };
  /** A route handler with background work. `context` is Next's, with the route's `params`. */
  route<Context>(
    handle: (request: Request, background: BackgroundTasks, context: Context) => Response | Promise<Response>,
  ): (request: Request, context: Context) => Promise<Response>;
}

/**
 * The result routes and background work for Next. Make them in a module that the routes and `instrumentation.ts` import.
 *
 * @example
 * ```ts
 * import { createApp } from "celeriac";
 * import { tasks } from "celeriac/next";
 *
 * const app = createApp({ name: "shop" });
 * const resize = app.task("image.resize", async (image: { file: string; width: number }) => image.width);
 *
 * export const pieces = tasks({ app, at: "/tasks" }); // in Next: and `after`, of "next/server"
 * export const POST = pieces.route(async (_request, background) => {
 *   const sent = await resize.delay({ file: "a.jpg", width: 320 });
 *   background.add(console.log, "accepted", sent.id);
 *   return Response.json({ id: sent.id }, { status: 202, headers: { location: `/tasks/${sent.id}` } });
 * });
 * ```
 */
export function tasks({ after, onClose, ...options }: NextTasksOptions): NextTasks {
  const service = new TaskService(options, backgroundLog(options.app));
  const answering = new Set<Promise<unknown>>();
  const pieces = closing(service);
  let ended: Promise<void> | undefined;
  /** Next shows nobody its server: what can be waited for are the handlers that were called through these pieces. */
  const end = async (server?: Closable): Promise<void> => {
    const answered = { close: (done: () => void): void => void Promise.allSettled(answering).then(() => done()) };
    try {
      if (server !== undefined) await pieces.close(server);
      else await pieces.close(answered);
    } finally {
      await onClose?.();
    }
  };
  const closeAll = joinCopies(keyOf(options, service), {
    durable: service.durable,
    end: () => (ended ??= end()),
  });
  if (servesRequests()) service.durable?.startSoon();
  const close = (server?: Closable): Promise<void> => {
    if (server !== undefined) ended ??= end(server);
    return closeAll();
  };
  return {
    close,
    [Symbol.asyncDispose]: () => close(),
    handlers: {
      async GET(request) {
        // With `trailingSlash` every path of a project ends with one.
        const question = service.question(request.method, new URL(request.url).pathname.replace(/\/$/, ""));
        return question === undefined
          ? Response.json({ error: "NOT_FOUND" }, { status: 404 })
          : responseTo(service.routes, question, request, request.signal);
      },
    },
    route: (handle) => async (request, context) => {
      const work = new RouteBackground(service, after);
      const answer = Promise.withResolvers<void>();
      answering.add(answer.promise);
      try {
        const response = await handle(request, work, context);
        work.answered(response.status);
        return response;
      } catch (error) {
        work.answered(statusOf(error));
        throw error;
      } finally {
        answer.resolve();
        answering.delete(answer.promise);
      }
    },
  };
}

/** The same for all that Next makes of one module, and no other pieces'. */
function keyOf({ app }: TasksOptions<Request>, { at, durable }: TaskService<Request>): string {
  const { name, config } = coreOf(app);
  return [name, String(config.broker), at, durable?.file].join("\n");
}

/** Next's `after` is asked for a batch that is there, and for no other. */
class RouteBackground extends RequestBackground {
  readonly #service: TaskService<Request>;
  readonly #after: NextTasksOptions["after"];
  readonly #status = Promise.withResolvers<number>();
  #known: number | undefined;
  #held = false;

  constructor(service: TaskService<Request>, after: NextTasksOptions["after"]) {
    super();
    this.#service = service;
    this.#after = after;
  }

  answered(status: number): void {
    this.#known = status;
    this.#status.resolve(status);
    if (this.batch !== undefined && !this.#held) conclude(status, this.batch);
  }

  protected override begin(): BackgroundBatch {
    const batch = this.#service.background.batch();
    if (this.#known !== undefined) conclude(this.#known, batch);
    else if (this.#after !== undefined) {
      this.#held = true;
      this.#after(async () => {
        // A client that leaves ends the response before the handler has given it.
        conclude(await this.#status.promise, batch);
        await batch.ended();
      });
    }
    return batch;
  }
}

/** `redirect()` and `notFound()` of Next are thrown, and are answers: their error's digest says which. */
function statusOf(error: unknown): number {
  const { digest } = (typeof error === "object" && error !== null ? error : {}) as { readonly digest?: unknown };
  if (typeof digest !== "string") return 500;
  if (digest.startsWith("NEXT_REDIRECT;")) return 307;
  return Number(/^NEXT_HTTP_ERROR_FALLBACK;(4\d\d)$/.exec(digest)?.[1] ?? 500);
}
