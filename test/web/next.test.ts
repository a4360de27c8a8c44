/**
 * What Next has of its own: `after` that lasts as long as the work, errors that are answers, functions without `after`, several copies of one module,
 * and processes that only look at it. `examples/frameworks` does the same in Next itself.
 */

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test, vi } from "vitest";
import { type App, createApp } from "../../src/app/app.ts";
import type { StructuredLogger } from "../../src/app/structured-log.ts";
import { tasks, type NextTasksOptions } from "../../src/web/next.ts";

const silent: StructuredLogger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const open: AsyncDisposable[] = [];
const folders: string[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const each of open.splice(0).toReversed()) await each[Symbol.asyncDispose]();
  for (const each of folders.splice(0)) rmSync(each, { recursive: true, force: true });
});

function fileHere(): string {
  const folder = mkdtempSync(join(tmpdir(), "celeriac-next-"));
  folders.push(folder);
  return join(folder, "background.db");
}

function piecesOf(options: Partial<NextTasksOptions> = {}): ReturnType<typeof tasks> {
  const app: App = createApp({ name: "next-test", broker: `memory:${crypto.randomUUID()}`, log: silent });
  const pieces = tasks({ app, ...options });
  open.push(app, pieces);
  return pieces;
}
const asked = (path: string, method = "GET"): Request => new Request(`http://shop.test${path}`, { method });

test("after is asked for once a request that has work, and lasts until all of it is done", async () => {
  const later: (() => Promise<void>)[] = [];
  const pieces = piecesOf({ after: (work) => void later.push(work) });
  const held = Promise.withResolvers<void>();
  const seen: string[] = [];
  const POST = pieces.route(async (_request, background) => {
    background.add(() => held.promise);
    background.add(() => seen.push("second"));
    return Response.json({ ok: true }, { status: 201 });
  });
  expect((await POST(asked("/orders", "POST"), undefined)).status).toBe(201);
  expect(later).toHaveLength(1);
  let over = false;
  const lasting = later[0]?.().then(() => (over = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect({ seen, over }).toEqual({ seen: [], over: false });
  held.resolve();
  await lasting;
  expect(seen).toEqual(["second"]);
  const idle = pieces.route(() => new Response("nothing to do"));
  await idle(asked("/"), undefined);
  expect(later).toHaveLength(1);
});

test("redirect and notFound are answers, any other error is a failure, and what was thrown goes on", async () => {
  const pieces = piecesOf();
  const ran: string[] = [];
  const throwing = async (name: string, digest: string | undefined): Promise<void> => {
    const error = Object.assign(new Error(name), digest === undefined ? {} : { digest });
    const GET = pieces.route((_request, background) => {
      background.add(() => ran.push(name));
      throw error;
    });
    await expect(GET(asked("/"), undefined)).rejects.toBe(error);
  };
  await throwing("redirect", "NEXT_REDIRECT;replace;/login;307;");
  await throwing("not found", "NEXT_HTTP_ERROR_FALLBACK;404");
  await throwing("bug", undefined);
  await throwing("wrapped", "3141592653");
  await pieces.close();
  expect(ran).toEqual(["redirect", "not found"]);
});

test("without after the work begins when the response is handed over; params are handed on", async () => {
  const pieces = piecesOf({ at: "/api/tasks" });
  const ran = Promise.withResolvers<string>();
  const GET = pieces.route<{ params: Promise<{ id: string }> }>(async (_request, background, { params }) => {
    const { id } = await params;
    background.add(() => ran.resolve(id));
    return Response.json({ id });
  });
  const response = await GET(asked("/orders/7"), { params: Promise.resolve({ id: "7" }) });
  expect(await response.json()).toEqual({ id: "7" });
  expect(await ran.promise).toBe("7");
  expect(await (await pieces.handlers.GET(asked("/api/tasks/nobody"))).json()).toMatchObject({ error: "TASK_UNKNOWN" });
  for (const path of ["/api/tasks/nobody/", "/api/tasks/nobody/events/"])
    expect(await (await pieces.handlers.GET(asked(path))).json()).toMatchObject({ error: "TASK_UNKNOWN" });
  expect(await (await pieces.handlers.GET(asked("/elsewhere"))).json()).toEqual({ error: "NOT_FOUND" });
});

/** As Next makes it of one module: an app, its task and its pieces, once more. */
function copyOf(broker: string, file: string, onClose?: () => Promise<void>) {
  const app = createApp({ name: "next-copies", broker, log: silent });
  const ran: number[] = [];
  const receipt = app.task("order.receipt", async ({ order }: { order: number }) => void ran.push(order));
  const pieces = tasks({ app, durable: `sqlite:${file}`, drain: 200, ...(onClose !== undefined && { onClose }) });
  open.push(app, pieces);
  const POST = pieces.route<undefined>(async (request, background) => {
    await background.durable(receipt, { order: Number(new URL(request.url).searchParams.get("order")) });
    return new Response(null, { status: 202 });
  });
  return { ran, pieces, order: (number: number) => POST(asked(`/orders?order=${number}`, "POST"), undefined) };
}

test("of several copies in one process the newest runs what is durable, whichever it is sent by", async () => {
  const [broker, file] = [`memory:${crypto.randomUUID()}`, fileHere()];
  const first = copyOf(broker, file);
  await first.order(1);
  await expect.poll(() => first.ran).toEqual([1]);
  const second = copyOf(broker, file);
  for (const number of [2, 3, 4, 5]) await (number % 2 === 0 ? first : second).order(number);
  await expect.poll(() => second.ran.toSorted((left, right) => left - right)).toEqual([2, 3, 4, 5]);
  expect(first.ran).toEqual([1]);
});

test("what the newest copy does not know it runs with the handler of the one that sent it", async () => {
  const [broker, file] = [`memory:${crypto.randomUUID()}`, fileHere()];
  const first = copyOf(broker, file);
  await first.order(1);
  await expect.poll(() => first.ran).toEqual([1]);
  const bare = createApp({ name: "next-copies", broker, log: silent });
  open.push(bare, tasks({ app: bare, durable: `sqlite:${file}`, drain: 200 }));
  await first.order(2);
  await expect.poll(() => first.ran).toEqual([1, 2]);
});

test("closing one copy closes all, each with its own, and no pieces of another path", async () => {
  const [broker, file] = [`memory:${crypto.randomUUID()}`, fileHere()];
  const closed: string[] = [];
  const first = copyOf(broker, file, async () => void closed.push("first"));
  const second = copyOf(broker, file, async () => void closed.push("second"));
  const other = piecesOf({ at: "/others", onClose: async () => void closed.push("other") });
  await Promise.all([first.pieces.close(), second.pieces.close()]);
  expect(closed.toSorted()).toEqual(["first", "second"]);
  await expect(second.order(1)).rejects.toMatchObject({ code: "BACKGROUND_CLOSED" });
  await other.close();
  expect(closed).toHaveLength(3);
});

test("closing waits for handlers that have not answered, and what they add still runs", async () => {
  const ran: string[] = [];
  const pieces = piecesOf({ onClose: async () => void ran.push("closed") });
  const held = Promise.withResolvers<void>();
  const POST = pieces.route(async (_request, background) => {
    await held.promise;
    background.add(() => ran.push("added"));
    return new Response(null, { status: 202 });
  });
  const answer = POST(asked("/orders", "POST"), undefined);
  const closing = pieces.close();
  await new Promise((resolve) => setImmediate(resolve));
  expect(ran).toEqual([]);
  held.resolve();
  expect((await answer).status).toBe(202);
  await closing;
  expect(ran).toEqual(["added", "closed"]);
});

test.each([
  ["next build", (): void => void vi.stubEnv("NEXT_PHASE", "phase-production-build")],
  [
    "a child of next dev",
    (): void => void (process.argv[1] = "/shop/node_modules/next/dist/compiled/jest-worker/processChild.js"),
  ],
])("%s only looks at the routes: nothing durable is opened or run", async (_name, pretend) => {
  const script = process.argv[1] ?? "";
  const [file, serving] = [fileHere(), fileHere()];
  try {
    pretend();
    copyOf(`memory:${crypto.randomUUID()}`, file);
  } finally {
    vi.unstubAllEnvs();
    process.argv[1] = script;
  }
  copyOf(`memory:${crypto.randomUUID()}`, serving);
  await expect.poll(() => existsSync(serving)).toBe(true);
  await sleep(50); // nothing tells that something was not done
  expect(existsSync(file)).toBe(false);
});
