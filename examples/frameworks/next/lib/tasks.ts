/** In a module that the routes and `instrumentation.ts` import. Next makes several of it; the pieces know of each other. */

import { dashboard, fetchHandler } from "celeriac/dashboard";
import { tasks } from "celeriac/next";
import { after } from "next/server";
import { app } from "../../app.ts";
import { durable, history, viewerOf } from "../../settings.ts";

export const pieces = tasks({
  app,
  at: "/tasks",
  durable,
  after,
  onClose: () => app.close(), // and the dashboard with it
});

// Next tells its routes no address, so the dashboard is for whoever the server knows, and for nobody else.
const page = dashboard(app, { prefix: "/celeriac", history, authorize: () => undefined });
export const celeriac = fetchHandler(page, {
  authorize: (request) => viewerOf(request.headers.get("authorization")),
});
