/** The two pieces, the same requests in every framework that has them. */

import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { type App, coreOf, createApp } from "../../src/app/app.ts";
import type { StructuredLogger } from "../../src/app/structured-log.ts";
import { encodeTaskMeta } from "../../src/wire/outcome.ts";
import { type Asked, type Framework, frameworks, type Running, type Setting, type Told } from "./frameworks.ts";

const open: { app: App; server: Running }[] = [];

afterEach(async () => {
  for (const { app, server } of open.splice(0)) {
    await server.close();
    await app.close();
  }
});

/** What these tests provoke is nobody's news. */
const silent: StructuredLogger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

interface Bench {
  readonly app: App;
  readonly base: string;
  readonly close: () => Promise<void>;
  readonly store: (
    id: string,
    state: string,
    result: unknown,
    more?: { traceback?: string; outcome?: "dead" | "expired" },
  ) => Promise<void>;
}

/** A real server and a real store; what a worker would store is stored by the test. */
async function benchOf(
  framework: Framework,
  { options = {}, ...setting }: Partial<Omit<Setting, "options">> & { options?: Partial<Setting["options"]> } = {},
): Promise<Bench> {
  const app = createApp({ name: "web-test", broker: `memory:${crypto.randomUUID()}`, log: silent });
  const server = await framework.start({ options: { app, ...options }, ...setting });
  open.push({ app, server });
  let fence = 1;
  return {
    app,
    base: server.base,
    close: server.close,
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

/** Announces work, and then fails. */
function failing(seen: string[]): (asked: Asked) => Promise<Told> {
  return async ({ background }) => {
    background.add(() => seen.push("never"));
    throw new Error("no");
  };
}

describe.each(Object.entries(frameworks))("%s", (_name, framework) => {
  const bench = (setting?: Parameters<typeof benchOf>[1]): Promise<Bench> => benchOf(framework, setting);

  test("an accepted task is known before anybody has started it; one nobody sent is not", async () => {
    const { app, base } = await bench();
    const sent = await app.task("web.one", (n: number) => n).delay(1);
    const known = await get(`${base}/tasks/${sent.id}`);
    expect(known.status).toBe(202);
    expect(known.body).toEqual({ id: sent.id, state: "PENDING", progress: null });
    expect(known.headers.get("retry-after")).toBe("1");
    expect(known.headers.get("cache-control")).toBe("no-store");
    const unknown = await get(`${base}/tasks/${crypto.randomUUID()}`);
    expect(unknown.status).toBe(404);
    expect(unknown.body).toMatchObject({ error: "TASK_UNKNOWN" });
  });

  test("202 with progress while it runs, 200 with the result when it is final", async () => {
    const { base, store } = await bench({ options: { at: "/jobs/" } });
    await store("a", "PROGRESS", { current: 3, total: 8, note: "page 3" });
    expect(await get(`${base}/jobs/a`)).toMatchObject({
      status: 202,
      body: { id: "a", state: "PROGRESS", progress: { done: 3, total: 8, note: "page 3" } },
    });
    await store("a", "SUCCESS", { when: new Date(0), bytes: new Uint8Array([1, 2]), big: 2n ** 60n, rows: [1, null] });
    const response = await fetch(`${base}/jobs/a`);
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(
      '{"id":"a","state":"SUCCESS","result":{"when":"1970-01-01T00:00:00.000Z","bytes":"AQI=","big":1152921504606846976,"rows":[1,null]}}',
    );
  });

  test("a failure is final: 200, class and message, what became of it, and no traceback", async () => {
    const { base, store } = await bench();
    const failure = { exc_type: "WorkerLostError", exc_message: ["died thrice"], exc_module: "billiard.exceptions" };
    await store("f", "FAILURE", failure, { traceback: "at /srv/secret/path.ts:1", outcome: "dead" });
    const answer = await get(`${base}/tasks/f`);
    expect(answer).toMatchObject({ status: 200 });
    expect(answer.body).toEqual({
      id: "f",
      state: "FAILURE",
      error: { type: "WorkerLostError", message: "died thrice" },
      outcome: "dead",
    });
    await store("r", "RETRY", { exc_type: "Error", exc_message: ["again"], exc_module: "Error" });
    expect(await get(`${base}/tasks/r`)).toMatchObject({
      status: 202,
      body: { state: "RETRY", error: { message: "again" } },
    });
  });

  test("an id that can be none is refused, and no path leads out of the mount point", async () => {
    const { base } = await bench();
    for (const id of ["a%20b", "a%0Ab", "%00", "x".repeat(100).replace("x", "%09")]) {
      expect(await get(`${base}/tasks/${id}`), id).toMatchObject({ status: 400, body: { error: "NAME_INVALID" } });
      expect(await get(`${base}/tasks/${id}/events`), id).toMatchObject({ status: 400 });
    }
    expect((await get(`${base}/tasks/..%2F..%2Fetc`)).status).toBe(404);
  });

  test("authorize is asked first: false is 403, also for unknown ids, and what it throws is the answer", async () => {
    const { base, store } = await bench({
      authorize: (header, id) => {
        if (header === undefined) throw framework.refusal(401);
        return header === `Bearer ${id}`;
      },
    });
    await store("mine", "SUCCESS", 1);
    const ask = async (path: string, token?: string): Promise<number> =>
      (
        await fetch(
          `${base}/tasks/${path}`,
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
    const response = await fetch(`${base}/tasks/s/events`);
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    const events = eventsOf(response);
    expect((await events.next()).value).toEqual({
      event: "progress",
      data: { id: "s", state: "STARTED", progress: null },
    });
    await store("s", "PROGRESS", { current: 1, total: 2, note: null });
    expect((await events.next()).value).toMatchObject({ event: "progress", data: { progress: { done: 1, total: 2 } } });
    await store("s", "SUCCESS", "done");
    expect((await events.next()).value).toEqual({
      event: "result",
      data: { id: "s", state: "SUCCESS", result: "done" },
    });
    expect((await events.next()).done).toBe(true);
    const late = eventsOf(await fetch(`${base}/tasks/s/events`));
    expect((await late.next()).value).toMatchObject({ event: "result" });
    expect((await late.next()).done).toBe(true);
    expect((await get(`${base}/tasks/nobody/events`)).status).toBe(404);
  });

  test("streams are bounded, a client that leaves frees its place, and closing the server ends them", async () => {
    const { base, store, close } = await bench({ options: { maxStreams: 1 } });
    await store("s", "STARTED", null);
    const first = await openStream(`${base}/tasks/s/events`);
    expect(first.status).toBe(200);
    expect((await openStream(`${base}/tasks/s/events`)).status).toBe(503);
    first.leave();
    let second = await openStream(`${base}/tasks/s/events`);
    while (second.status === 503) second = await openStream(`${base}/tasks/s/events`);
    expect(second.status).toBe(200);
    await close();
    await second.ended;
  });

  test("background work runs after the response, in order, and its errors reach nobody", async () => {
    const seen: string[] = [];
    const held = Promise.withResolvers<void>();
    const { base, close } = await bench({
      routes: {
        "/orders": async ({ background }) => {
          background.add(async () => {
            await held.promise;
            seen.push("first");
          });
          background.add(() => {
            throw new Error("mail server is down");
          });
          background.add((what: string) => seen.push(what), "third");
          return { status: 201, body: { ok: true } };
        },
      },
    });
    expect(await get(`${base}/orders`)).toMatchObject({ status: 201, body: { ok: true } });
    expect(seen).toEqual([]);
    const closed = close();
    held.resolve();
    await closed;
    expect(seen).toEqual(["first", "third"]);
  });

  test("a failed handler runs none", async () => {
    const seen: string[] = [];
    const { base, close } = await bench({ routes: { "/fails": failing(seen) } });
    expect((await fetch(`${base}/fails`)).status).toBe(500);
    await close();
    expect(seen).toEqual([]);
  });

  test("a failed handler runs none, where an error handler of the server's own answers 500", async () => {
    const seen: string[] = [];
    const { base, close } = await bench({ hides: true, routes: { "/fails": failing(seen) } });
    expect(await get(`${base}/fails`)).toMatchObject({ status: 500, body: { oops: "no" } });
    await close();
    expect(seen).toEqual([]);
  });

  test("a client that leaves before the answer cancels nothing", async () => {
    const seen: string[] = [];
    const inside = Promise.withResolvers<void>();
    const may = Promise.withResolvers<void>();
    const { base, close } = await bench({
      routes: {
        "/slow": async ({ background, gone }) => {
          background.add(() => seen.push("added before"));
          inside.resolve();
          await gone;
          expect(seen, "the handler has not answered yet").toEqual([]);
          await may.promise;
          background.add(() => seen.push("added after"));
          return { status: 200, body: { ok: true } };
        },
      },
    });
    const client = httpRequest(`${base}/slow`).end();
    client.on("error", () => {});
    await inside.promise;
    client.destroy();
    may.resolve();
    await close();
    await expect.poll(() => seen).toEqual(["added before", "added after"]);
  });

  test("work that is added when the response is out runs at once", async () => {
    const { base, close } = await bench({
      routes: {
        "/later": async ({ background }) => {
          background.add(() => background.add(() => more.resolve("ran")));
          return { status: 200, body: null };
        },
      },
    });
    const more = Promise.withResolvers<string>();
    expect((await get(`${base}/later`)).status).toBe(200);
    expect(await more.promise).toBe("ran");
    await close();
  });

  test("closing gives up in time, and tells the work", async () => {
    const gone = Promise.withResolvers<void>();
    const { base, close } = await bench({
      options: { drain: 20 },
      routes: {
        "/": async ({ background }) => {
          const { signal } = background;
          background.add(async () => {
            await once(signal, "abort");
            gone.resolve();
          });
          return { status: 200, body: { ok: true } };
        },
      },
    });
    expect((await get(`${base}/`)).status).toBe(200);
    await close();
    await gone.promise;
  });

  test("what is not asked of them is the server's: other methods, other paths", async () => {
    const { base } = await bench({
      routes: { "/tasks/a/other": async () => ({ status: 200, body: { its: "own" } }) },
    });
    expect(await get(`${base}/tasks/a/other`)).toMatchObject({ status: 200, body: { its: "own" } });
    expect((await fetch(`${base}/tasks/a`, { method: "DELETE" })).status).toBe(404);
    const head = await fetch(`${base}/tasks/a`, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([404, ""]);
  });
});
