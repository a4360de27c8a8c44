/** The dashboard in a Fastify server. Fastify itself is only a type here. The app stays its owner's. */

import type { FastifyInstance, FastifyRequest } from "fastify";
import type { App } from "../../app/app.ts";
import type { Viewer } from "../access/viewer.ts";
import { dashboard } from "../dashboard.ts";
import type { DashboardOptions } from "../options.ts";
import { nodeListener } from "./node-listener.ts";

/** For @fastify/swagger: the dashboard has a document of its own. */
const unlisted: object = { hide: true };

/**
 * How the dashboard is mounted in Fastify: its own options, and who may come by what the server knows of a request.
 *
 * @example
 * ```ts
 * import { dashboardPlugin, type DashboardPluginOptions } from "celeriac/dashboard";
 * const options: DashboardPluginOptions = { app, prefix: "/celeriac", readOnly: true };
 * await server.register(dashboardPlugin, options);
 * ```
 */
export interface DashboardPluginOptions extends Omit<DashboardOptions, "authorize" | "prefix"> {
  readonly app: App;
  /** Where it is, such as "/celeriac". */
  readonly prefix?: string;
  /** Who this is, as the server knows it. `undefined`: nobody, answered with 401. Excludes `login`. */
  readonly authorize?: (request: FastifyRequest) => Viewer | undefined | Promise<Viewer | undefined>;
}

/**
 * Mounts the dashboard.
 *
 * @example
 * ```ts
 * import Fastify from "fastify";
 * import { createApp } from "celeriac";
 * import { dashboardPlugin } from "celeriac/dashboard";
 *
 * const app = createApp({ name: "shop" });
 * const server = Fastify();
 * await server.register(dashboardPlugin, {
 *   app,
 *   prefix: "/celeriac",
 *   authorize: (request) => (request.headers["x-admin"] === "yes" ? { name: "ops", role: "admin" } : undefined),
 * });
 * ```
 */
export async function dashboardPlugin(server: FastifyInstance, options: DashboardPluginOptions): Promise<void> {
  const { app, prefix, authorize, ...rest } = options;
  const requests = new WeakMap<object, FastifyRequest>();
  const page = dashboard(app, {
    ...rest,
    ...(prefix !== undefined && { prefix }),
    // Found out before, from Fastify's own request; here only so that no other login is asked for.
    ...(authorize !== undefined && { authorize: () => undefined }),
  });
  const listener = nodeListener(
    page,
    authorize === undefined
      ? {}
      : {
          authorize: (raw) => {
            const request = requests.get(raw);
            return request === undefined ? undefined : authorize(request);
          },
        },
  );
  // The body belongs to the dashboard, which reads it up to a bound of its own.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser("*", (_request, _payload, done) => done(null));
  for (const url of ["/", "/*"]) {
    server.all(url, { schema: unlisted }, (request, reply) => {
      requests.set(request.raw, request);
      reply.hijack();
      listener(request.raw, reply.raw);
    });
  }
  server.addHook("onReady", () => page.start());
  server.addHook("preClose", () => page.close());
}
