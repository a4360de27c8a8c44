/** What Next has of its own: `after` that lasts as long as the work, errors that are answers, and functions without `after`. */

import { afterEach, expect, test } from "vitest";
import { type App, createApp } from "../../src/app/app.ts";
import type { StructuredLogger } from "../../src/app/structured-log.ts";
import { tasks, type NextTasksOptions } from "../../src/web/next.ts";

const silent: StructuredLogger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of open.splice(0).toReversed()) await each[Symbol.asyncDispose]();
});

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
  expect((await pieces.handlers.GET(asked("/api/tasks/nobody"))).status).toBe(404);
  expect(await (await pieces.handlers.GET(asked("/elsewhere"))).json()).toEqual({ error: "NOT_FOUND" });
});
