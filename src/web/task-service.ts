/**
 * The two pieces that every framework gets, before any framework: routes that answer how a task is, and background work after a response.
 * What is left to each adapter is how it takes a request, sends an answer, and learns that a response is over.
 */

import { type App, coreOf } from "../app/app.ts";
import { durationMs, type Duration } from "../task/duration.ts";
import { Background, type BackgroundLog } from "./background.ts";
import { DurableQueue, type DurableOptions } from "./durable-queue.ts";
import { ResultRoutes } from "./result-routes.ts";

/**
 * What `tasks` takes in every framework. `Request` is the framework's own.
 *
 * @example
 * ```ts
 * import type { FastifyRequest } from "fastify";
 * import { tasks, type TasksOptions } from "celeriac/fastify";
 * const options: TasksOptions<FastifyRequest> = {
 *   app,
 *   at: "/tasks",
 *   authorize: (request) => request.headers.authorization !== undefined,
 *   durable: "sqlite:background.db",
 * };
 * await server.register(tasks, options);
 * ```
 */
export interface TasksOptions<Request> {
  /** Whose results the routes show, and whose enqueues leave a PENDING record. It stays its owner's: it is opened when first asked, and never closed here. */
  readonly app: App;
  /** Where the routes are. Default "/tasks": `GET /tasks/:id` and `GET /tasks/:id/events`. */
  readonly at?: string;
  /**
   * May this request read this task? `false` answers 403. What it throws is the answer, as in any handler.
   * Default: whoever knows an id may read it; ids are random unless you choose them.
   */
  readonly authorize?: ((request: Request, id: string) => boolean | Promise<boolean>) | undefined;
  /** How long an accepted task that nobody has started is known, so that the route answers 202 and not 404. Default "1d". */
  readonly pendingTtl?: Duration;
  /** How long closing waits for background tasks. Default "10s". */
  readonly drain?: Duration;
  /** Event streams open at once; one more answers 503. Default 1000. */
  readonly maxStreams?: number;
  /**
   * The file of `background.durable`, such as "sqlite:background.db", or `{ file, concurrency }`. Its tasks run in this process, ten at once.
   * What an earlier process left there is run from the start on. Default: none, and `background.durable` rejects.
   */
  readonly durable?: string | URL | DurableOptions;
}

/** Which of the two routes a path asks, and of which task. */
export interface Question {
  readonly id: string;
  readonly events: boolean;
}

/** What one `tasks` of one server works with. */
export class TaskService<Request> {
  readonly at: string;
  readonly background: Background;
  readonly routes: ResultRoutes<Request>;
  readonly durable: DurableQueue | undefined;

  constructor(options: TasksOptions<Request>, log: BackgroundLog) {
    const core = coreOf(options.app);
    this.at = (options.at ?? "/tasks").replace(/\/+$/, "");
    const pendingTtl = durationMs(options.pendingTtl ?? "1d");
    core.keepPending(pendingTtl);
    const durable =
      options.durable === undefined
        ? undefined
        : new DurableQueue({ app: options.app, options: options.durable, log, pendingTtl });
    this.durable = durable;
    this.background = new Background({ log, patience: durationMs(options.drain ?? "10s"), clock: core.clock, durable });
    this.routes = new ResultRoutes<Request>(core, {
      beside: durable === undefined ? undefined : () => durable.results(),
      authorize: options.authorize,
      ...(options.maxStreams === undefined ? {} : { maxStreams: options.maxStreams }),
    });
  }

  /** What a request asks of the routes; nothing where it is for somebody else. HEAD asks as GET does, but for no stream. */
  question(method: string | undefined, path: string): Question | undefined {
    if ((method !== "GET" && method !== "HEAD") || !path.startsWith(`${this.at}/`)) return undefined;
    const [id = "", events, ...more] = path.slice(this.at.length + 1).split("/");
    if (id === "" || more.length > 0 || (events !== undefined && events !== "events")) return undefined;
    if (events !== undefined && method === "HEAD") return undefined;
    return { id: decoded(id), events: events !== undefined };
  }
}

/** What cannot be decoded becomes what no id can be, so that the routes refuse it with their own words. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return "\u0000";
  }
}

/** The app's own logger, or else standard error, in the way of the framework's own messages. */
export function backgroundLog(app: App): BackgroundLog {
  return coreOf(app).config.log ?? consoleLog;
}

const consoleLog: BackgroundLog = {
  warn: (fields, message) => console.warn(`celeriac: ${message}`, fields),
  error: (fields, message) => console.error(`celeriac: ${message}`, fields["err"] ?? fields),
};
