/** The dashboard in a server of its own, in Fastify, and behind a plain listener as Express has it. */

import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Fastify from "fastify";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type App, createApp } from "../../index.ts";
import { hashPassword } from "../access/password.ts";
import type { Session } from "../contract.ts";
import { dashboard } from "../dashboard.ts";
import { dashboardPlugin } from "./fastify-plugin.ts";
import { nodeListener } from "./node-listener.ts";
import { boundedServer, serveDashboard } from "./server.ts";
import { Interface } from "./ui.ts";

const quiet = { history: ":memory:" };

let app: App;
beforeEach(() => {
  app = createApp({ name: "shop", broker: `memory:${crypto.randomUUID()}` });
  return () => app.close();
});

describe("served", () => {
  test("on this machine it needs no login; anywhere else it does not start without one", async () => {
    await using served = await serveDashboard(app, { ...quiet, port: 0 });
    expect((await fetch(`${served.url}api/session`)).status).toBe(200);
    for (const host of ["0.0.0.0", "::", "192.0.2.1", "example.com"]) {
      await expect(serveDashboard(app, { ...quiet, port: 0, host })).rejects.toMatchObject({
        code: "LOGIN_MISSING",
        message: expect.stringContaining("--user"),
      });
    }
    const users = [{ name: "ops", role: "view" as const, password: await hashPassword("word", 10) }];
    await using open = await serveDashboard(app, { ...quiet, port: 0, host: "0.0.0.0", login: { users } });
    const url = open.url.replace("0.0.0.0", "127.0.0.1");
    expect((await fetch(`${url}api/session`)).status).toBe(401);
    const authorization = `Basic ${Buffer.from("ops:word").toString("base64")}`;
    expect((await fetch(`${url}api/session`, { headers: { authorization } })).status).toBe(200);
  });

  test("a port that is taken is said", async () => {
    await using served = await serveDashboard(app, { ...quiet, port: 0 });
    const port = Number(new URL(served.url).port);
    await expect(serveDashboard(app, { ...quiet, port })).rejects.toMatchObject({
      message: expect.stringContaining("--port"),
    });
  });

  test("a body without end, and headers without end, are cut off", async () => {
    await using served = await serveDashboard(app, { ...quiet, port: 0 });
    const { csrf } = (await (await fetch(`${served.url}api/session`)).json()) as Session;
    const { origin, port } = new URL(served.url);
    const headers = { "content-type": "application/json", origin, "x-csrf-token": csrf };
    const endless = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
    });
    const init = { method: "POST", headers, body: endless, duplex: "half" } as RequestInit;
    const answer = await fetch(`${served.url}api/actions`, init).then(
      ({ status }) => status,
      () => 413, // the connection was cut before the answer was read
    );
    expect(answer).toBe(413);
    const socket = connect(Number(port), "127.0.0.1");
    socket.write(`GET /api/session HTTP/1.1\r\nHost: localhost\r\nX-Long: ${"x".repeat(20_000)}\r\n\r\n`);
    const [told] = (await once(socket, "data")) as [Buffer];
    expect(told.toString()).toMatch(/^HTTP\/1\.1 431/);
    socket.destroy();
  });

  test("strange requests get an answer, and the server goes on", async () => {
    await using served = await serveDashboard(app, { ...quiet, port: 0 });
    const port = Number(new URL(served.url).port);
    for (const text of [
      "GET http://evil.example/api/session HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "GET /api/session HTTP/1.1\r\nHost: a b\r\n\r\n",
      "GET /api/session HTTP/1.0\r\n\r\n",
      "TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "GET /%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "GET /api/tasks/%E0%A4%A HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "GET /..%2f..%2fetc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ]) {
      const socket = connect(port, "127.0.0.1");
      socket.write(text);
      const [told] = (await once(socket, "data")) as [Buffer];
      expect(told.toString(), text).toMatch(/^HTTP\/1\.1 [24]\d\d/);
      expect(told.toString()).not.toContain("root:");
      socket.destroy();
    }
    expect((await fetch(`${served.url}api/session`)).status).toBe(200);
  });
});

describe("a client that takes its time", () => {
  const bounds = { headers: 500, request: 1_000, idle: 500, looked: 20, connections: 3, headerBytes: 16_384 };

  async function start(): Promise<{ readonly port: number; readonly end: () => Promise<void> }> {
    const page = dashboard(app, quiet);
    await page.start();
    const server = boundedServer(nodeListener(page), bounds);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const end = async (): Promise<void> => {
      server.closeAllConnections();
      server.close();
      await page.close();
    };
    return { port: (server.address() as AddressInfo).port, end };
  }

  /** All that the server says until it hangs up. `drip`: written again and again until then. */
  async function toTheEnd(port: number, text: string, drip: string): Promise<string> {
    const socket = connect(port, "127.0.0.1");
    let told = "";
    socket.on("data", (bytes: Buffer) => void (told += bytes.toString()));
    const closed = closing(socket);
    socket.write(text);
    const timer = setInterval(() => socket.write(drip), 20);
    await closed;
    clearInterval(timer);
    return told;
  }

  /** Also by an error: what is written after the other end has hung up is one. */
  function closing(socket: Socket): Promise<void> {
    socket.on("error", () => {});
    return new Promise((resolve) => socket.once("close", () => resolve()));
  }

  test.each([
    ["whose headers come one by one for ever", "GET / HTTP/1.1\r\nHost: localhost\r\n", "X-A: b\r\n"],
    ["whose request line comes letter by letter", "GET /", "a"],
  ])("%s is cut off", async (_what, text, drip) => {
    const { port, end } = await start();
    // What it says is lost where the other end goes on writing.
    expect(await toTheEnd(port, text, drip)).toMatch(/^(?:HTTP\/1\.1 408|$)/);
    await end();
  });

  test("whose body comes byte by byte is cut off, and holds up nobody meanwhile", async () => {
    const { port, end } = await start();
    const host = `127.0.0.1:${String(port)}`;
    const session = async (): Promise<Session> => (await (await fetch(`http://${host}/api/session`)).json()) as Session;
    const head = [
      "POST /api/actions HTTP/1.1",
      `Host: ${host}`,
      `Origin: http://${host}`,
      `X-CSRF-Token: ${(await session()).csrf}`,
      "Content-Type: application/json",
      "Content-Length: 100000",
    ];
    const slow = toTheEnd(port, `${head.join("\r\n")}\r\n\r\n`, " ");
    expect((await session()).readOnly).toBe(false);
    expect(await slow).toMatch(/^(?:HTTP\/1\.1 408|$)/);
    await end();
  });

  test("with more connections than there may be gets no more", async () => {
    const { port, end } = await start();
    const held = Array.from({ length: bounds.connections }, () => connect(port, "127.0.0.1"));
    await Promise.all(held.map((socket) => once(socket, "connect")));
    await closing(connect(port, "127.0.0.1"));
    for (const socket of held) socket.destroy();
    await end();
  });
});

test("an answer that is broken off ends the connection of who never reads", async () => {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  let pulls = 0;
  const body = new ReadableStream<Uint8Array>({
    start: (given) => void (controller = given),
    pull: (given) => {
      pulls++;
      given.enqueue(new Uint8Array(1_048_576));
    },
  });
  const server = createServer(nodeListener(() => Promise.resolve(new Response(body))));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1").on("error", () => {});
  socket.pause();
  socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const connections = (): Promise<number> =>
    new Promise((resolve) => server.getConnections((_, count) => resolve(count)));
  // Until the system's buffers are full and nobody asks for more.
  let before = -1;
  await expect.poll(() => pulls > 0 && before === (before = pulls), { interval: 200 }).toBe(true);
  expect(await connections()).toBe(1);
  controller?.error(new Error("dropped"));
  await expect.poll(connections).toBe(0);
  socket.destroy();
  server.close();
});

describe("mounted", () => {
  test("in Fastify, under a prefix, with the server's own login", async () => {
    const server = Fastify();
    server.post("/own", (request) => ({ got: request.body }));
    await server.register(dashboardPlugin, {
      app,
      ...quiet,
      prefix: "/ops/tasks",
      authorize: (request) => (request.headers["x-key"] === "k" ? { name: "ops", role: "admin" } : undefined),
    });
    const base = await server.listen({ port: 0, host: "127.0.0.1" });
    try {
      const headers = { "x-key": "k" };
      expect((await fetch(`${base}/ops/tasks/api/session`)).status).toBe(401);
      const session = (await (await fetch(`${base}/ops/tasks/api/session`, { headers })).json()) as Session;
      expect(session.user).toEqual({ name: "ops", role: "admin" });
      const post = await fetch(`${base}/ops/tasks/api/actions`, {
        method: "POST",
        headers: { ...headers, "content-type": "application/json", origin: base, "x-csrf-token": session.csrf },
        body: JSON.stringify({ do: "queue.pause", queue: "mail" }),
      });
      expect(await post.json()).toMatchObject({ done: 1 });
      const stream = await fetch(`${base}/ops/tasks/api/stream?topics=overview`, { headers });
      expect(new TextDecoder().decode((await stream.body?.getReader().read())?.value)).toContain("retry:");
      const own = await fetch(`${base}/own`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: "[1]",
      });
      expect(await own.json()).toEqual({ got: [1] });
    } finally {
      await server.close();
    }
  });

  test("where the path of the mount was cut off, as Express does it", async () => {
    await using page = dashboard(app, { ...quiet, prefix: "/celeriac" });
    const listener = nodeListener(page);
    const server = createServer((request, response) => {
      const { url = "" } = request;
      Object.assign(request, { originalUrl: url, url: url.replace("/celeriac", "") });
      listener(request, response);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    expect((await fetch(`http://127.0.0.1:${String(port)}/celeriac/api/session`)).status).toBe(200);
    const bare = await fetch(`http://127.0.0.1:${String(port)}/celeriac`, { redirect: "manual" });
    expect(await bare.text()).toContain('content="/celeriac"');
    await page.close();
    server.close();
  });
});

describe("the files of the interface", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "celeriac-ui-"));
    mkdirSync(join(folder, "assets"));
    writeFileSync(
      join(folder, "index.html"),
      '<html><head></head><script src="./assets/app-AbCd1234.js"></script></html>',
    );
    writeFileSync(join(folder, "assets/app-AbCd1234.js"), `console.log(${"1".repeat(5_000)})`);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const ask = (path: string, headers: Record<string, string> = {}, prefix = "/x"): Response =>
    new Interface(folder).answer(new Request(`http://localhost${path}`, { headers }), path, {
      prefix,
      environment: 'a"<b',
    });

  test("are not packed for Next, which would send them as they are but without saying so", async () => {
    const request = new Request("http://localhost/", { headers: { "accept-encoding": "gzip, br" } });
    const next = Object.assign(request, { nextUrl: new URL(request.url) });
    const script = new Interface(folder).answer(next, "/assets/app-AbCd1234.js", { prefix: "/x", environment: "a" });
    expect(script.headers.get("content-encoding")).toBeNull();
    expect((await script.text()).length).toBe(5_013);
  });

  test("are packed, kept for ever where their names say what is in them, and found by name alone", async () => {
    const script = ask("/assets/app-AbCd1234.js", { "accept-encoding": "gzip, br" });
    expect(script.headers.get("cache-control")).toContain("immutable");
    expect(script.headers.get("content-encoding")).toBe("br");
    expect(Number(script.headers.get("content-length"))).toBeLessThan(500);
    expect(ask("/assets/app-AbCd1234.js", { "accept-encoding": "gzip;q=1" }).headers.get("content-encoding")).toBe(
      "gzip",
    );
    expect((await ask("/assets/app-AbCd1234.js").text()).length).toBe(5_013);
    const etag = script.headers.get("etag") ?? "";
    expect(ask("/assets/app-AbCd1234.js", { "if-none-match": `W/${etag}` }).status).toBe(304);
    for (const path of ["/assets/../../secret.js", "/assets/missing.js", "//etc/passwd.txt"]) {
      expect(() => ask(path)).toThrow(expect.objectContaining({ status: 404 }));
    }
  });

  test("every other path is the one page, which knows where it is", async () => {
    for (const path of ["/", "/tasks", "/tasks/1.2.3", "/index.html"]) {
      const page = ask(path, { accept: "text/html" });
      const text = await page.text();
      expect(text).toContain('src="/x/assets/app-AbCd1234.js"');
      expect(text).toContain('<meta name="celeriac-prefix" content="/x">');
      expect(text).not.toContain('a"<b');
      expect(page.headers.get("cache-control")).toBe("no-cache");
    }
    expect(await ask("/", {}, "").text()).toContain('src="/assets/app-AbCd1234.js"');
  });
});
