/** What the module puts in front of Nest's own routes: result routes, `request.background`, the dashboard. And how they end. */

import type { HttpServer } from "@nestjs/common";
import type { Request } from "express";
import type { App } from "../app/app.ts";
import type { Dashboard, DashboardOptions, Viewer } from "../dashboard/index.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import { middlewareOf } from "../web/express-middleware.ts";
import { mountedTwice } from "../web/mounted-twice.ts";
import { backgroundLog, type TasksOptions, TaskService } from "../web/task-service.ts";

/**
 * Where the dashboard is, and for whom; besides that as in {@link DashboardOptions}.
 *
 * @example
 * ```ts
 * import { CeleriacModule, type DashboardMount } from "celeriac/nest";
 * const dashboard: DashboardMount = {
 *   prefix: "/celeriac",
 *   authorize: (request) => (request.headers["x-admin"] === "yes" ? { name: "ops", role: "admin" } : undefined),
 * };
 * CeleriacModule.forRoot({ app, dashboard });
 * ```
 */
export interface DashboardMount extends Omit<DashboardOptions, "authorize"> {
  readonly prefix: string;
  /** Who this is. `undefined`: nobody, answered with 401. Default: the dashboard finds out by itself. */
  readonly authorize?: (request: Request) => Viewer | undefined | Promise<Viewer | undefined>;
}

/** Says on a server that it has them. */
const mounted: unique symbol = Symbol.for("celeriac.nest.mounted");

export class Mount {
  readonly #app: App;
  readonly #service: TaskService<Request>;
  #page: Dashboard | undefined;

  constructor(options: TasksOptions<Request>) {
    this.#app = options.app;
    this.#service = new TaskService(options, backgroundLog(options.app));
  }

  /** Rejects with NOT_SUPPORTED on another platform than Express, MOUNTED_TWICE, and with what opening the dashboard's history rejects with. */
  async into(adapter: HttpServer, dashboard: DashboardMount | undefined): Promise<void> {
    if (adapter.getType() !== "express") throw otherPlatform(adapter.getType());
    const server = adapter.getInstance() as { [mounted]?: true };
    if (server[mounted]) throw mountedTwice("CeleriacModule.forRoot");
    server[mounted] = true;
    adapter.use?.(middlewareOf(this.#service));
    if (dashboard === undefined) return;
    // Only who wants one loads it.
    const { dashboard: make, nodeListener } = await import("../dashboard/index.ts");
    const { authorize, ...options } = dashboard;
    const page = make(this.#app, { ...options, ...(authorize !== undefined && { authorize: () => undefined }) });
    this.#page = page;
    await page.start();
    adapter.use?.(page.prefix, nodeListener<Request>(page, authorize === undefined ? {} : { authorize }));
  }

  /** Runs what an earlier process left. Rejects with BACKGROUND_UNAVAILABLE. */
  async start(): Promise<void> {
    await this.#service.durable?.start();
  }

  /** Before the server waits for its connections. */
  async endStreams(): Promise<void> {
    this.#service.routes.close();
    await this.#page?.close();
  }

  /** After its last response. */
  async drain(): Promise<void> {
    await this.#service.background.close();
  }
}

function otherPlatform(platform: string): CeleriacError {
  return new CeleriacError(
    "NOT_SUPPORTED",
    `CeleriacModule mounts its routes on Nest's Express platform, and this is "${platform}". On Fastify register the plugin of celeriac/fastify with app.getHttpAdapter().getInstance(), and give forRoot({ http: false }).`,
    { details: { platform } },
  );
}
