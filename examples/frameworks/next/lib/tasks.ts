/** Made once, in a module that the routes import. */

import { dashboard, fetchHandler } from "celeriac/dashboard";
import { tasks } from "celeriac/next";
import { app } from "../../app.ts";
import { durable, history, viewerOf } from "../../settings.ts";
// In a project with Next: import { after } from "next/server";
import { after } from "./after.ts";

export const pieces = tasks({ app, at: "/tasks", durable, after });

// Next tells its routes no address, so the dashboard is for whoever the server knows, and for nobody else.
const page = dashboard(app, { prefix: "/celeriac", history, authorize: () => undefined });
export const celeriac = fetchHandler(page, {
  authorize: (request) => viewerOf(request.headers.get("authorization")),
});

export async function close(): Promise<void> {
  await page.close();
  await pieces.close();
  await app.close();
}
