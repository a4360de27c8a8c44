/** The API: takes an order for a task, and tells how it stands. Ends in order when it is told to. */

import { tasks } from "celeriac/fastify";
import Fastify from "fastify";
import { app } from "./app.ts";
import { resize } from "./tasks.ts";

const server = Fastify({ logger: true });
await server.register(tasks, { app, at: "/tasks" });

server.get("/healthz", () => ({ alive: true }));
server.post<{ Body: { file: string; width: number } }>("/images", async (request, reply) => {
  const sent = await resize.delay(request.body);
  return reply.code(202).header("location", `/tasks/${sent.id}`).send({ id: sent.id });
});

const stop = (): void => {
  process.removeAllListeners("SIGTERM").removeAllListeners("SIGINT");
  void server.close().then(() => app.close());
};
process.once("SIGTERM", stop).once("SIGINT", stop);

await server.listen({ host: process.env["HOST"] ?? "127.0.0.1", port: Number(process.env["PORT"] ?? 3000) });
