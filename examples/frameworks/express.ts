/** Express: `node express.ts`. */

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { dashboard, nodeListener } from "celeriac/dashboard";
import { tasks } from "celeriac/express";
import express from "express";
import { app } from "./app.ts";
import { readOrder, takeOrder } from "./orders.ts";
import { announce, durable, history, port, viewerOf } from "./settings.ts";

const pieces = tasks({ app, at: "/tasks", durable });
// Whoever is no user of the server is nobody here.
const page = dashboard(app, { prefix: "/celeriac", history, authorize: () => undefined });
await page.start();

const server = express();
server.use(pieces); // before the routes that use it
server.use(
  "/celeriac",
  nodeListener<express.Request>(page, { authorize: (request) => viewerOf(request.get("authorization")) }),
);
server.post("/orders", express.json(), async (request, response) => {
  const order = readOrder(request.body);
  if (order === undefined) return void response.status(400).json({ error: "NO_ORDER" });
  const taken = await takeOrder(order, request.background);
  response.status(202).location(`/tasks/${taken.id}`).json(taken);
});

const listening = server.listen(port, "127.0.0.1");
process.once("SIGTERM", () => void close());
await once(listening, "listening");
announce(`http://127.0.0.1:${String((listening.address() as AddressInfo).port)}`);

async function close(): Promise<void> {
  await page.close(); // its pages listen, and a server waits for its connections
  await pieces.close(listening);
  await app.close();
}
