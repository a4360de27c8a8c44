/** A server that has the pieces twice says so, and runs no work that one of them would lose. */

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import express from "express";
import Fastify from "fastify";
import { Hono } from "hono";
import { expect, test } from "vitest";
import { createApp } from "../../src/app/app.ts";
import { tasks as expressTasks } from "../../src/web/express.ts";
import { tasks as fastifyTasks } from "../../src/web/fastify.ts";
import { tasks as honoTasks } from "../../src/web/hono.ts";

const told = expect.objectContaining({ code: "MOUNTED_TWICE" }) as Error;

test("Fastify refuses to start", async () => {
  await using app = createApp({ name: "twice", broker: "memory:twice" });
  const server = Fastify();
  await server.register(fastifyTasks, { app });
  await expect(async () => server.register(fastifyTasks, { app, at: "/jobs" })).rejects.toEqual(told);
  await server.close();
});

test("Express gives it to the error handler", async () => {
  await using app = createApp({ name: "twice", broker: "memory:twice" });
  const server = express().use(expressTasks({ app }), expressTasks({ app, at: "/jobs" }));
  const thrown = Promise.withResolvers<unknown>();
  server.use((error: unknown, _request: express.Request, response: express.Response, _next: express.NextFunction) => {
    thrown.resolve(error);
    response.sendStatus(500);
  });
  const listening = server.listen(0, "127.0.0.1");
  await once(listening, "listening");
  const { port } = listening.address() as AddressInfo;
  expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(500);
  expect(await thrown.promise).toEqual(told);
  listening.close();
});

test("Hono gives it to the error handler", async () => {
  await using app = createApp({ name: "twice", broker: "memory:twice" });
  const server = new Hono().use(honoTasks({ app }), honoTasks({ app, at: "/jobs" }));
  const thrown = Promise.withResolvers<unknown>();
  server.onError((error, context) => {
    thrown.resolve(error);
    return context.text("no", 500);
  });
  expect((await server.request("/")).status).toBe(500);
  expect(await thrown.promise).toEqual(told);
});
