/**
 * The two pieces for the route handlers of Next's App Router. Nothing of Next is loaded or needed here: its `after` is handed in, and keeps the
 * function alive until background work is done, also where functions end with their response.
 */

import type { BackgroundBatch, BackgroundTasks } from "./background.ts";
import { type ClosablePieces, closing } from "./closing.ts";
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
  /** The result routes: `export const { GET } = pieces.handlers` in `app/tasks/[...task]/route.ts`, with `at: "/tasks"`. */
  readonly handlers: { readonly GET: (request: Request) => Promise<Response> };
  /** A route handler with background work. `context` is Next's, with the route's `params`. */
  route<Context>(
    handle: (request: Request, background: BackgroundTasks, context: Context) => Response | Promise<Response>,
  ): (request: Request, context: Context) => Promise<Response>;
}

/**
 * The result routes and background work for Next. Make them once, in a module that the routes import.
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
export function tasks({ after, ...options }: NextTasksOptions): NextTasks {
  const service = new TaskService(options, backgroundLog(options.app));
  service.durable?.startSoon();
  return {
    ...closing(service),
    handlers: {
      async GET(request) {
        const question = service.question(request.method, new URL(request.url).pathname);
        return question === undefined
          ? Response.json({ error: "NOT_FOUND" }, { status: 404 })
          : responseTo(service.routes, question, request, request.signal);
      },
    },
    route: (handle) => async (request, context) => {
      const work = new RouteBackground(service, after);
      try {
        const response = await handle(request, work, context);
        work.answered(response.status);
        return response;
      } catch (error) {
        work.answered(statusOf(error));
        throw error;
      }
    },
  };
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
