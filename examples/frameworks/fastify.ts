/** Fastify: `node fastify.ts`. */

import { dashboardPlugin } from "celeriac/dashboard";
import { tasks } from "celeriac/fastify";
import Fastify from "fastify";
import { app } from "./app.ts";
import { readOrder, takeOrder } from "./orders.ts";
import { announce, durable, history, port, viewerOf } from "./settings.ts";

const server = Fastify();
await server.register(tasks, { app, at: "/tasks", durable });
await server.register(dashboardPlugin, {
  app,
  prefix: "/celeriac",
  history,
  authorize: (request) => viewerOf(request.headers.authorization),
});

server.post("/orders", async (request, reply) => {
  const order = readOrder(request.body);
  if (order === undefined) return reply.code(400).send({ error: "NO_ORDER" });
  const taken = await takeOrder(order, request.background);
  return reply.code(202).header("location", `/tasks/${taken.id}`).send(taken);
});

server.addHook("onClose", () => app.close());
process.once("SIGTERM", () => void server.close());
announce(await server.listen({ host: "127.0.0.1", port }));
