/**
 * The handler where requests are web-standard: Hono, Bun, Deno, and whatever takes a `fetch`. Each hands over what it knows of a connection in
 * a shape of its own, beside the request.
 */

import type { Viewer } from "../access/viewer.ts";
import { unauthenticated } from "../access/gate.ts";
import { failureAnswer, protect } from "./answer.ts";
import type { Handler } from "./node-listener.ts";

/**
 * How a dashboard is mounted where requests are web-standard. `Around` is what comes beside a request there: Hono's context, Bun's server, …
 *
 * @example
 * ```ts
 * import { dashboard, fetchHandler, type FetchHandlerOptions } from "celeriac/dashboard";
 * const options: FetchHandlerOptions = {
 *   authorize: (request) => (request.headers.get("x-user") === "ann" ? { name: "ann", role: "view" } : undefined),
 * };
 * const handle = fetchHandler(dashboard(app, { prefix: "/celeriac" }), options);
 * ```
 */
export interface FetchHandlerOptions<Around = unknown> {
  /**
   * Who this is, as the server around it knows. `undefined`: nobody, answered with 401. Default: the dashboard finds out by itself.
   */
  readonly authorize?: (request: Request, around: Around) => Viewer | undefined | Promise<Viewer | undefined>;
}

/** Takes a request, and what came beside it. Never rejects, but where `authorize` does. */
export type FetchHandler<Around = unknown> = (request: Request, around?: Around) => Promise<Response>;

/**
 * A `fetch` for servers of web-standard requests. Give it what they hand over beside the request: the address of the other end is read from
 * it, without which nobody is taken for this machine. Streams end with the request's signal, or when their body is cancelled.
 *
 * @example
 * ```ts
 * import { type Context, Hono } from "hono";
 * import { createApp } from "celeriac";
 * import { dashboard, fetchHandler } from "celeriac/dashboard";
 *
 * const app = createApp({ name: "shop" });
 * const page = dashboard(app, { prefix: "/celeriac" });
 * const handle = fetchHandler<Context>(page);
 * export const server = new Hono().all("/celeriac/*", (context) => handle(context.req.raw, context));
 * ```
 */
export function fetchHandler<Around = unknown>(
  handler: Handler,
  { authorize }: FetchHandlerOptions<Around> = {},
): FetchHandler<Around> {
  return async (request, around) => {
    const address = addressIn(around, request);
    if (authorize === undefined) return handler(request, { address });
    const viewer = await authorize(request, around as Around);
    if (viewer === undefined) return protect(failureAnswer(unauthenticated()));
    return handler(request, { address, viewer });
  };
}

/** Node's bindings in Hono's server, alone or in a context; Deno's and Cloudflare's info; Bun's server, which is asked. */
function addressIn(around: unknown, request: Request): string | undefined {
  const { env, incoming, remoteAddr, requestIP } = recordOf(around);
  if (incoming !== undefined) return textOf(recordOf(recordOf(incoming)["socket"])["remoteAddress"]);
  if (remoteAddr !== undefined) return textOf(recordOf(remoteAddr)["hostname"]);
  if (typeof requestIP === "function") return textOf(recordOf(requestIP.call(around, request))["address"]);
  return env === undefined || env === around ? undefined : addressIn(env, request);
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
