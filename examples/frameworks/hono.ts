/** Hono, on Node: `node hono.ts`. */

import { serve } from "@hono/node-server";
import { dashboard, fetchHandler } from "celeriac/dashboard";
import { tasks } from "celeriac/hono";
import { type Context, Hono } from "hono";
import { app } from "./app.ts";
import { readOrder, takeOrder } from "./orders.ts";
import { announce, durable, history, port, viewerOf } from "./settings.ts";

const pieces = tasks({ app, at: "/tasks", durable });
// Whoever is no user of the server is nobody here.
const page = dashboard(app, { prefix: "/celeriac", history, authorize: () => undefined });
await page.start();
const celeriac = fetchHandler<Context>(page, {
  authorize: (request) => viewerOf(request.headers.get("authorization")),
});

const server = new Hono()
  .use(pieces) // before the routes that use it
  .all("/celeriac/*", (context) => celeriac(context.req.raw, context))
  .post("/orders", async (context) => {
    const order = readOrder(await context.req.json());
    if (order === undefined) return context.json({ error: "NO_ORDER" }, 400);
    const taken = await takeOrder(order, context.var.background);
    return context.json(taken, 202, { location: `/tasks/${taken.id}` });
  });

const listening = serve({ fetch: server.fetch, hostname: "127.0.0.1", port }, (address) =>
  announce(`http://127.0.0.1:${String(address.port)}`),
);
process.once("SIGTERM", () => void close());

async function close(): Promise<void> {
  await page.close(); // its pages listen, and a server waits for its connections
  await pieces.close(listening);
  await app.close();
}
