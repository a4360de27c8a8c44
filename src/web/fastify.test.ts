import { once } from "node:events";
import Fastify, { type FastifyInstance, type FastifyRequest } from "fastify";
import { afterEach, expect, test } from "vitest";
import { type App, coreOf, createApp } from "../app/app.ts";
import { encodeTaskMeta } from "../wire/outcome.ts";
import { tasks, type TasksOptions } from "./fastify.ts";
import { ResultRoutes } from "./result-routes.ts";

const open: { app: App; server: FastifyInstance }[] = [];

afterEach(async () => {
  for (const { app, server } of open.splice(0)) {
    await server.close();
    await app.close(); // safe twice: two servers may share one
  }
});

async function serverOf(app: App, options: Partial<TasksOptions<FastifyRequest>> = {}): Promise<FastifyInstance> {
  const server = Fastify();
  open.push({ app, server });
  await server.register(tasks, { app, ...options });
  return server;
}

const appHere = (): App => createApp({ name: "web-test", broker: `memory:${crypto.randomUUID()}` });

test("request.background works with inject, and close gives up in time", async () => {
  let gone = false;
  const server = await serverOf(appHere(), { drain: 20 });
  server.get("/", async (request) => {
    const { signal } = request.background;
    request.background.add(async () => {
      await once(signal, "abort");
      gone = true;
    });
    return "ok";
  });
  expect((await server.inject("/")).body).toBe("ok");
  await server.close();
  expect(gone).toBe(true);
});

test("two servers share an app and nothing else", async () => {
  const app = appHere();
  const one = await serverOf(app);
  const other = await serverOf(app, { at: "" });
  const { id } = await app.task("web.shared", (n: number) => n).delay(1);
  expect((await other.inject(`/${id}`)).statusCode).toBe(202);
  await other.close();
  expect((await one.inject(`/tasks/${id}`)).statusCode).toBe(202);
});

test("an event stream that nobody began to read is counted out", async () => {
  const app = appHere();
  try {
    const core = coreOf(app);
    const { store } = await core.connect();
    const meta = encodeTaskMeta({
      id: "a",
      status: "PENDING",
      result: { value: null },
      traceback: null,
      dateDone: null,
    });
    await store.commit([{ id: "a", state: "PENDING", final: false, fence: 0, meta, ttl: 60_000 }]);
    const routes = new ResultRoutes(core, { maxStreams: 1 });
    for (let n = 0; n < 3; n++) {
      const answer = await routes.events("a", undefined, new AbortController().signal);
      if (!("stream" in answer)) throw new Error(`no stream but ${answer.body}`);
      expect(routes.streams).toBe(1);
      // As Node's Readable does whose response is closed before it is read.
      await answer.stream[Symbol.asyncIterator]().return?.();
      expect(routes.streams).toBe(0);
    }
  } finally {
    await app.close();
  }
});
