import { once } from "node:events";
import { request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import Fastify, { type FastifyInstance } from "fastify";
import { afterEach, expect, test } from "vitest";
import { type App, coreOf, createApp } from "../app/app.ts";
import { encodeTaskMeta } from "../wire/outcome.ts";
import { tasks, type TasksOptions } from "./fastify.ts";
import { ResultRoutes } from "./result-routes.ts";

const open: { app: App; server: FastifyInstance }[] = [];

afterEach(async () => {
  for (const { app, server } of open.splice(0)) {
    await server.close();
    await app.close();
  }
});

interface Bench {
  readonly app: App;
  readonly server: FastifyInstance;
  readonly base: () => string;
  readonly store: (
    id: string,
    state: string,
    result: unknown,
    more?: { traceback?: string; outcome?: "dead" | "expired" },
  ) => Promise<void>;
}

/** A real server and a real store; what a worker would store is stored by the test. */
async function bench(
  options: Partial<TasksOptions> = {},
  routes: (server: FastifyInstance, app: App) => void = () => {},
): Promise<Bench> {
  const app = createApp({ name: "web-test", broker: `memory:${crypto.randomUUID()}` });
  const server = Fastify();
  open.push({ app, server });
  await server.register(tasks, { app, ...options });
  routes(server, app);
  await server.listen({ host: "127.0.0.1", port: 0 });
  let fence = 1;
  return {
    app,
    server,
    base: () => `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`,
    async store(id, state, value, more = {}) {
      const final = state === "SUCCESS" || state === "FAILURE" || state === "REVOKED";
      const meta = encodeTaskMeta({
        id,
        status: state,
        result: { value },
        traceback: more.traceback ?? null,
        dateDone: final ? Date.now() : null,
        celeriac: { fence: ++fence, ...(more.outcome === undefined ? {} : { outcome: more.outcome }) },
      });
      const { store } = await coreOf(app).connect();
      const [answer] = await store.commit([{ id, state, final, fence, meta, ttl: 60_000 }]);
      expect(answer).toBe("stored");
    },
  };
}

async function get(url: string): Promise<{ status: number; headers: Headers; body: unknown }> {
  const response = await fetch(url);
  return { status: response.status, headers: response.headers, body: await response.json() };
}

/** Read on a connection of its own: fetch opens spare ones, for which a closing server waits four seconds. */
function openStream(url: string): Promise<{ status: number | undefined; ended: Promise<unknown>; leave: () => void }> {
  return new Promise((resolve, reject) => {
    const asked = httpRequest(url, { agent: false }, (response) => {
      response.on("error", () => {}); // of our own leaving
      const ended = new Promise((over) => response.resume().on("end", over));
      resolve({ status: response.statusCode, ended, leave: () => asked.destroy() });
    });
    asked.on("error", reject).end();
  });
}

/** The events of a stream, one by one; comments are left out. */
async function* eventsOf(response: Response): AsyncGenerator<{ event: string; data: unknown }, void, undefined> {
  if (response.body === null) throw new Error("no body");
  let text = "";
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let end = text.indexOf("\n\n"); end !== -1; end = text.indexOf("\n\n")) {
      const fields = text.slice(0, end).split("\n");
      text = text.slice(end + 2);
      const field = (name: string): string | undefined =>
        fields.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      const data = field("data");
      if (data !== undefined) yield { event: field("event") ?? "message", data: JSON.parse(data) };
    }
  }
}

test("an accepted task is known before anybody has started it; one nobody sent is not", async () => {
  const { app, base } = await bench();
  const sent = await app.task("web.one", (n: number) => n).delay(1);
  const known = await get(`${base()}/tasks/${sent.id}`);
  expect(known.status).toBe(202);
  expect(known.body).toEqual({ id: sent.id, state: "PENDING", progress: null });
  expect(known.headers.get("retry-after")).toBe("1");
  expect(known.headers.get("cache-control")).toBe("no-store");
  const unknown = await get(`${base()}/tasks/${crypto.randomUUID()}`);
  expect(unknown.status).toBe(404);
  expect(unknown.body).toMatchObject({ error: "TASK_UNKNOWN" });
});

test("202 with progress while it runs, 200 with the result when it is final", async () => {
  const { base, store } = await bench({ at: "/jobs/" });
  await store("a", "PROGRESS", { current: 3, total: 8, note: "page 3" });
  expect(await get(`${base()}/jobs/a`)).toMatchObject({
    status: 202,
    body: { id: "a", state: "PROGRESS", progress: { done: 3, total: 8, note: "page 3" } },
  });
  await store("a", "SUCCESS", { when: new Date(0), bytes: new Uint8Array([1, 2]), big: 2n ** 60n, rows: [1, null] });
  const response = await fetch(`${base()}/jobs/a`);
  expect(response.status).toBe(200);
  expect(await response.text()).toBe(
    '{"id":"a","state":"SUCCESS","result":{"when":"1970-01-01T00:00:00.000Z","bytes":"AQI=","big":1152921504606846976,"rows":[1,null]}}',
  );
});

test("a failure is final: 200, class and message, what became of it, and no traceback", async () => {
  const { base, store } = await bench();
  const failure = { exc_type: "WorkerLostError", exc_message: ["died thrice"], exc_module: "billiard.exceptions" };
  await store("f", "FAILURE", failure, { traceback: "at /srv/secret/path.ts:1", outcome: "dead" });
  const answer = await get(`${base()}/tasks/f`);
  expect(answer).toMatchObject({ status: 200 });
  expect(answer.body).toEqual({
    id: "f",
    state: "FAILURE",
    error: { type: "WorkerLostError", message: "died thrice" },
    outcome: "dead",
  });
  await store("r", "RETRY", { exc_type: "Error", exc_message: ["again"], exc_module: "Error" });
  expect(await get(`${base()}/tasks/r`)).toMatchObject({
    status: 202,
    body: { state: "RETRY", error: { message: "again" } },
  });
});

test("an id that can be none is refused, and no path leads out of the mount point", async () => {
  const { base } = await bench();
  for (const id of ["a%20b", "a%0Ab", "%00", "x".repeat(100).replace("x", "%09")]) {
    expect(await get(`${base()}/tasks/${id}`), id).toMatchObject({ status: 400, body: { error: "NAME_INVALID" } });
    expect(await get(`${base()}/tasks/${id}/events`), id).toMatchObject({ status: 400 });
  }
  expect((await get(`${base()}/tasks/..%2F..%2Fetc`)).status).toBe(404);
});

test("authorize is asked first: false is 403, also for unknown ids, and what it throws is the answer", async () => {
  const { base, store } = await bench({
    authorize: (request, id) => {
      if (request.headers.authorization === undefined)
        throw Object.assign(new Error("who are you?"), { statusCode: 401 });
      return request.headers.authorization === `Bearer ${id}`;
    },
  });
  await store("mine", "SUCCESS", 1);
  const ask = async (path: string, token?: string): Promise<number> =>
    (
      await fetch(
        `${base()}/tasks/${path}`,
        token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } },
      )
    ).status;
  expect(await ask("mine")).toBe(401);
  expect(await ask("mine", "yours")).toBe(403);
  expect(await ask("nobody", "yours")).toBe(403);
  expect(await ask("mine/events", "yours")).toBe(403);
  expect(await ask("mine", "mine")).toBe(200);
});

test("events: the present state at once, each change as it comes, the result last, then the end", async () => {
  const { base, store } = await bench();
  await store("s", "STARTED", { pid: 1 });
  const response = await fetch(`${base()}/tasks/s/events`);
  expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  const events = eventsOf(response);
  expect((await events.next()).value).toEqual({
    event: "progress",
    data: { id: "s", state: "STARTED", progress: null },
  });
  await store("s", "PROGRESS", { current: 1, total: 2, note: null });
  expect((await events.next()).value).toMatchObject({ event: "progress", data: { progress: { done: 1, total: 2 } } });
  await store("s", "SUCCESS", "done");
  expect((await events.next()).value).toEqual({ event: "result", data: { id: "s", state: "SUCCESS", result: "done" } });
  expect((await events.next()).done).toBe(true);
  const late = eventsOf(await fetch(`${base()}/tasks/s/events`));
  expect((await late.next()).value).toMatchObject({ event: "result" });
  expect((await late.next()).done).toBe(true);
  expect((await get(`${base()}/tasks/nobody/events`)).status).toBe(404);
});

test("streams are bounded, a client that leaves frees its place, and closing the server ends them", async () => {
  const { server, base, store } = await bench({ maxStreams: 1 });
  await store("s", "STARTED", null);
  const first = await openStream(`${base()}/tasks/s/events`);
  expect(first.status).toBe(200);
  expect((await openStream(`${base()}/tasks/s/events`)).status).toBe(503);
  first.leave();
  let second = await openStream(`${base()}/tasks/s/events`);
  while (second.status === 503) second = await openStream(`${base()}/tasks/s/events`);
  expect(second.status).toBe(200);
  await server.close();
  await second.ended;
});

test("background work runs after the response, in order, and its errors reach nobody", async () => {
  const seen: string[] = [];
  let release = (): void => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  const { server, base } = await bench({}, (server) => {
    server.post("/orders", async (request, reply) => {
      request.background.add(async () => {
        await held;
        seen.push("first");
      });
      request.background.add(() => {
        throw new Error("mail server is down");
      });
      request.background.add((what: string) => seen.push(what), "third");
      return reply.code(201).send({ ok: true });
    });
  });
  const response = await fetch(`${base()}/orders`, { method: "POST" });
  expect(response.status).toBe(201);
  expect(await response.json()).toEqual({ ok: true });
  expect(seen).toEqual([]);
  const closed = server.close();
  release();
  await closed;
  expect(seen).toEqual(["first", "third"]);
});

test("a failed handler runs none, also where a custom error handler hides it behind a 500", async () => {
  const seen: string[] = [];
  const { server, base } = await bench({}, (server) => {
    server.setErrorHandler(async (error: Error, _request, reply) => reply.code(500).send({ oops: error.message }));
    server.get("/fails", async (request) => {
      request.background.add(() => seen.push("never"));
      throw new Error("no");
    });
  });
  expect((await fetch(`${base()}/fails`)).status).toBe(500);
  await server.close();
  expect(seen).toEqual([]);
});

test("a client that leaves before the answer cancels nothing", async () => {
  const seen: string[] = [];
  let arrived = (): void => {};
  const inside = new Promise<void>((resolve) => (arrived = resolve));
  let answer = (): void => {};
  const may = new Promise<void>((resolve) => (answer = resolve));
  const { server, base } = await bench({}, (server) => {
    server.get("/slow", async (request, reply) => {
      request.background.add(() => seen.push("added before"));
      arrived();
      await once(reply.raw, "close");
      expect(seen, "the handler has not answered yet").toEqual([]);
      await may;
      request.background.add(() => seen.push("added after"));
      return { ok: true };
    });
  });
  const client = httpRequest(`${base()}/slow`).end();
  client.on("error", () => {});
  await inside;
  client.destroy();
  answer();
  await server.close();
  expect(seen).toEqual(["added before", "added after"]);
});

test("request.background works with inject, and close gives up in time", async () => {
  let gone = false;
  const { server } = await bench({ drain: 20 }, (server) => {
    server.get("/", async (request) => {
      const { signal } = request.background;
      request.background.add(async () => {
        await once(signal, "abort");
        gone = true;
      });
      return "ok";
    });
  });
  expect((await server.inject("/")).body).toBe("ok");
  await server.close();
  expect(gone).toBe(true);
});

test("two servers share an app and nothing else", async () => {
  const one = await bench();
  const other = Fastify();
  await other.register(tasks, { app: one.app, at: "" });
  await one.store("x", "SUCCESS", 1);
  expect((await other.inject("/x")).statusCode).toBe(200);
  await other.close();
  expect((await get(`${one.base()}/tasks/x`)).status).toBe(200);
});

test("an event stream that nobody began to read is counted out", async () => {
  const app = createApp({ name: "web-test", broker: `memory:${crypto.randomUUID()}` });
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
