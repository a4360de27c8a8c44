/** The same requests through every server in which the dashboard can be mounted, each a real one of its framework. */

import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { serve } from "@hono/node-server";
import express from "express";
import Fastify from "fastify";
import { type Context, Hono } from "hono";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type App, createApp } from "../../index.ts";
import type { DashboardUser } from "../access/login.ts";
import { hashPassword } from "../access/password.ts";
import type { Viewer } from "../access/viewer.ts";
import type { ActionResult, Session } from "../contract.ts";
import { dashboard } from "../dashboard.ts";
import type { DashboardOptions } from "../options.ts";
import { dashboardPlugin } from "./fastify-plugin.ts";
import { fetchHandler } from "./fetch-handler.ts";
import { type Handler, nodeListener } from "./node-listener.ts";

const prefix = "/ops/tasks";
const quiet = { history: ":memory:", prefix };
const ops: Viewer = { name: "ops", role: "admin" };
/** As the server's own login would know it. */
const viewerOf = (key: unknown): Viewer | undefined => (key === "k" ? ops : undefined);
const noOther = { authorize: () => undefined };

interface Mounted {
  readonly base: string;
  readonly close: () => Promise<void>;
}
type Login = "own" | "the server's";

async function listening(server: Server, page: AsyncDisposable): Promise<Mounted> {
  if (!server.listening) server.listen(0, "127.0.0.1");
  if (!server.listening) await once(server, "listening");
  return {
    base: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    close: async () => {
      await page[Symbol.asyncDispose]();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

const nothing: AsyncDisposable = { [Symbol.asyncDispose]: () => Promise.resolve() };

/** A handler, which may be none of a dashboard, in a server. */
const servers: Readonly<Record<string, (handler: Handler, login: Login) => Server>> = {
  "Node's server": (handler, login) =>
    createServer(
      nodeListener(handler, login === "own" ? {} : { authorize: ({ headers }) => viewerOf(headers["x-key"]) }),
    ),
  Express: (handler, login) => {
    const server = express();
    server.use(express.json(), express.urlencoded());
    server.use(
      prefix,
      nodeListener<express.Request>(
        handler,
        login === "own" ? {} : { authorize: (request) => viewerOf(request.get("x-key")) },
      ),
    );
    return createServer(server);
  },
  Hono: (handler, login) => {
    const handle = fetchHandler<Context>(
      handler,
      login === "own" ? {} : { authorize: (_request, context) => viewerOf(context.req.header("x-key")) },
    );
    const server = new Hono().all(`${prefix}/*`, (context) => handle(context.req.raw, context));
    return serve({ fetch: server.fetch, port: 0, hostname: "127.0.0.1" }) as Server;
  },
  "a bare fetch": (handler, login) => {
    const handle = fetchHandler(
      handler,
      login === "own" ? {} : { authorize: (request) => viewerOf(request.headers.get("x-key")) },
    );
    return serve({ fetch: handle, port: 0, hostname: "127.0.0.1" }) as Server;
  },
};

type Mount = (app: App, login: Login, options?: DashboardOptions) => Promise<Mounted>;
const mounts: Readonly<Record<string, Mount>> = {
  ...Object.fromEntries(
    Object.entries(servers).map(([name, make]): [string, Mount] => [
      name,
      async (app, login, options = {}) => {
        const page = dashboard(app, { ...quiet, ...(login === "own" ? {} : noOther), ...options });
        return listening(make(page, login), page);
      },
    ]),
  ),
  Fastify: async (app, login, options = {}) => {
    const server = Fastify();
    const { authorize: _own, ...rest } = options;
    await server.register(dashboardPlugin, {
      app,
      ...quiet,
      ...rest,
      ...(login !== "own" && { authorize: (request) => viewerOf(request.headers["x-key"]) }),
    });
    const base = await server.listen({ port: 0, host: "127.0.0.1" });
    return {
      base,
      close: async () => {
        server.server.closeAllConnections();
        await server.close();
      },
    };
  },
};

let users: readonly DashboardUser[];
const basic = { authorization: `Basic ${Buffer.from("ann:word").toString("base64")}` };
beforeAll(async () => {
  users = [{ name: "ann", role: "admin", password: await hashPassword("word", 10) }];
});

let app: App;
beforeEach(() => {
  app = createApp({ name: "shop", broker: `memory:${crypto.randomUUID()}` });
  return () => app.close();
});

describe.each(Object.entries(mounts))("mounted in %s", (_name, mount) => {
  let mounted: Mounted;
  const open = async (login: Login, options?: DashboardOptions): Promise<string> => {
    mounted = await mount(app, login, options);
    return mounted.base + prefix;
  };
  beforeEach(() => () => mounted.close());

  test("the page knows where it is, its files are found, and what is beside it is not its own", async () => {
    const url = await open("own");
    for (const path of ["", "/", "/queues/", "/tasks/1.2.3", "/queues/mail?where=ready"]) {
      const page = await fetch(url + path, { headers: { accept: "text/html" }, redirect: "manual" });
      expect([page.status, page.headers.get("x-content-type-options")]).toEqual([200, "nosniff"]);
      const text = await page.text();
      expect(text).toContain(`<meta name="celeriac-prefix" content="${prefix}">`);
      // None where the interface was not built.
      for (const [asset] of text.matchAll(/\/ops\/tasks\/assets\/index-[^"]+\.js/g)) {
        const file = await fetch(mounted.base + asset);
        expect([file.status, file.headers.get("cache-control")]).toEqual([200, expect.stringContaining("immutable")]);
        expect((await file.text()).length).toBeGreaterThan(100);
      }
    }
    expect((await fetch(`${url}/assets/missing.js`)).status).toBe(404);
    expect((await fetch(`${mounted.base}/ops/tasksandmore`)).status).toBe(404);
    const head = await fetch(`${url}/api/session`, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
  });

  test("its own login: who asks is found out, and guesses get nothing", async () => {
    const url = await open("own", { login: { users } });
    const none = await fetch(`${url}/api/session`);
    expect([none.status, none.headers.get("www-authenticate")]).toEqual([401, expect.stringMatching(/^Basic /)]);
    const { user } = (await (await fetch(`${url}/api/session`, { headers: basic })).json()) as Session;
    expect(user).toEqual({ name: "ann", role: "admin" });
  });

  test("without a login its own machine is served, as its address tells", async () => {
    const url = await open("own");
    const { user } = (await (await fetch(`${url}/api/session`)).json()) as Session;
    expect(user).toBeNull();
    expect((await fetch(`${url}/api/session`, { headers: { "x-forwarded-for": "203.0.113.9" } })).status).toBe(403);
  });

  test("the server's login is taken, and nobody is nobody", async () => {
    const url = await open("the server's");
    for (const headers of [{}, { "x-key": "wrong" }]) {
      const refused = await fetch(`${url}/api/session`, { headers });
      expect([refused.status, await refused.json()]).toMatchObject([401, { code: "UNAUTHENTICATED" }]);
    }
    const { user } = (await (await fetch(`${url}/api/session`, { headers: { "x-key": "k" } })).json()) as Session;
    expect(user).toEqual(ops);
  });

  test("actions need the token, the origin and a body of bounded size", async () => {
    const url = await open("own", { login: { users } });
    const { csrf } = (await (await fetch(`${url}/api/session`, { headers: basic })).json()) as Session;
    const post = (body: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
      fetch(`${url}/api/actions`, {
        method: "POST",
        headers: {
          ...basic,
          "content-type": "application/json",
          origin: mounted.base,
          "x-csrf-token": csrf,
          ...headers,
        },
        body,
      });
    const pause = JSON.stringify({ do: "queue.pause", queue: "mail" });
    const answer = await post(pause);
    expect([answer.status, await answer.json()]).toMatchObject([200, { done: 1 } satisfies Partial<ActionResult>]);
    expect((await post(pause, { "x-csrf-token": "" })).status).toBe(403);
    expect((await post(pause, { origin: "https://evil.example" })).status).toBe(403);
    expect((await post("{}")).status).toBe(400);
    const large = await post(JSON.stringify({ do: "x".repeat(2_000_000) })).then(
      ({ status }) => status,
      () => 413, // the connection was cut before the answer was read
    );
    expect(large).toBe(413);
    expect((await app.queues.list()).find(({ name }) => name === "mail")?.paused).toBe(true);
  });

  test("the stream tells what happens, and ends with who listens", async () => {
    const url = await open("own", { maxStreams: 1 });
    const { csrf } = (await (await fetch(`${url}/api/session`)).json()) as Session;
    const listen = async (): Promise<[Response, AbortController]> => {
      const gone = new AbortController();
      return [await fetch(`${url}/api/stream?topics=queues`, { signal: gone.signal }), gone];
    };
    const [first, gone] = await listen();
    expect([first.status, first.headers.get("content-type")]).toEqual([200, expect.stringContaining("event-stream")]);
    await fetch(`${url}/api/actions`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-csrf-token": csrf },
      body: JSON.stringify({ do: "queue.pause", queue: "mail" }),
    });
    const reader = first.body?.getReader();
    let text = "";
    while (!text.includes('"mail"')) text += new TextDecoder().decode((await reader?.read())?.value);
    expect((await listen())[0].status).toBe(503);
    gone.abort();
    await expect
      .poll(async () => {
        const [again, end] = await listen();
        end.abort();
        return again.status;
      })
      .toBe(200);
  });

  test("what is open ends when the dashboard is closed", async () => {
    const url = await open("own");
    const stream = await fetch(`${url}/api/stream?topics=overview`);
    const reading = stream.text().then(
      () => "ended",
      () => "ended",
    );
    await app.close();
    expect(await reading).toBe("ended");
  });
});

describe.each(Object.entries(servers))("in %s", (_name, make) => {
  test("an answer is made at the pace of who reads it, and no further once nobody does", async () => {
    let pulls = 0;
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>(
      {
        pull: (controller) => {
          pulls++;
          controller.enqueue(new Uint8Array(1_048_576));
        },
        cancel: () => void (cancelled = true),
      },
      { highWaterMark: 0 },
    );
    const { base, close } = await listening(
      make(() => Promise.resolve(new Response(body)), "own"),
      nothing,
    );
    const socket = connect(Number(new URL(base).port), "127.0.0.1").on("error", () => {});
    socket.pause();
    socket.write(`GET ${prefix}/ HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    // Until the system's buffers are full and nobody asks for more.
    let before = -1;
    await expect.poll(() => pulls > 0 && before === (before = pulls), { interval: 200 }).toBe(true);
    expect(pulls).toBeLessThan(64);
    socket.destroy();
    await expect.poll(() => cancelled).toBe(true);
    await close();
  });
});

describe("the other end's address", () => {
  const seen: (string | undefined)[] = [];
  const handle = fetchHandler((_request, peer) => {
    seen.push(peer?.address);
    return Promise.resolve(new Response());
  });

  test.each([
    ["Deno", { remoteAddr: { hostname: "192.0.2.1", port: 1 } }],
    ["Bun", { requestIP: () => ({ address: "192.0.2.1" }) }],
    ["Hono in Bun", { req: {}, env: { requestIP: () => ({ address: "192.0.2.1" }) } }],
    ["Hono in Node", { req: {}, env: { incoming: { socket: { remoteAddress: "192.0.2.1" } } } }],
  ])("is what %s says", async (_server, around) => {
    await handle(new Request("http://localhost/"), around);
    expect(seen.at(-1)).toBe("192.0.2.1");
  });

  test("is nobody's where nobody says it", async () => {
    await handle(new Request("http://localhost/"));
    await handle(new Request("http://localhost/"), { env: { SECRET: "x" } });
    expect(seen.slice(-2)).toEqual([undefined, undefined]);
  });
});
