/**
 * A web server that is killed: `POST /orders/:n` keeps the order in its file before it answers, and a task notes it in a journal. Even orders
 * wait for the next life of the server, so that every kill finds some; odd ones run at once. It opens when it is told to.
 */

import { once } from "node:events";
import { appendFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import Fastify from "fastify";
import { createApp } from "../../../src/app/app.ts";
import { tasks } from "../../../src/web/fastify.ts";

const [file = "", journal = ""] = process.argv.slice(2);
const app = createApp({ name: "killed", broker: "memory:killed" });
const taken = new Set<number>();
// Dies with the server again and again, through no fault of its own.
const note = app.task("order.note", { crashes: 10_000 }, async ({ order }: { order: number }) => {
  if (taken.has(order) && order % 2 === 0) await new Promise(() => {});
  appendFileSync(journal, `${order}\n`);
});

// A test that is gone leaves nobody to kill it.
process.once("disconnect", () => process.exit());
await once(process, "message");
const server = Fastify();
await server.register(tasks, { app, durable: { file, concurrency: 50 } });
server.post<{ Params: { n: string } }>("/orders/:n", async (request, reply) => {
  const order = Number(request.params.n);
  taken.add(order);
  await request.background.durable(note, { order });
  return reply.code(202).send();
});
await server.listen({ host: "127.0.0.1", port: 0 });
process.send?.((server.server.address() as AddressInfo).port);
