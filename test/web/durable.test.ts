/** `background.durable` in every framework: what it promises, and what it says where it cannot. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type App, createApp } from "../../src/app/app.ts";
import type { StructuredLogger } from "../../src/app/structured-log.ts";
import { CeleriacError } from "../../src/error/celeriac-error.ts";
import type { TaskContext } from "../../src/task/context.ts";
import { type Asked, type Framework, frameworks, type Running, type Told } from "./frameworks.ts";

const silent: StructuredLogger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

let folder: string;
const open: { app: App; server: Running }[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "celeriac-durable-"));
});
afterEach(async () => {
  for (const { app, server } of open.splice(0)) {
    await server.close();
    await app.close();
  }
  rmSync(folder, { recursive: true, force: true });
});

const file = (name = "background.db"): string => `sqlite:${join(folder, name)}`;
const appHere = (): App => createApp({ name: "durable-test", broker: `memory:${crypto.randomUUID()}`, log: silent });

async function serve(
  framework: Framework,
  app: App,
  durable: string | undefined,
  handle: (asked: Asked) => Promise<Told>,
): Promise<Running> {
  const server = await framework.start({
    options: { app, drain: 50, ...(durable !== undefined && { durable }) },
    routes: { "/orders": handle },
  });
  open.push({ app, server });
  return server;
}

async function answerOf(url: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(url);
  return { status: response.status, body: await response.json() };
}

/** What the route's handler was refused. */
function refusalOf(app: App, work: (asked: Asked) => Promise<unknown>): (asked: Asked) => Promise<Told> {
  return async (asked) => {
    const error = await work(asked).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (!(error instanceof CeleriacError)) throw new Error(`${app.name}: no coded error`, { cause: error });
    return { status: 200, body: { code: error.code, message: error.message, cause: String(error.cause) } };
  };
}

describe.each(Object.entries(frameworks))("durable work in %s", (_name, framework) => {
  test("is run once its handler knows the id, and the routes tell how it is", async () => {
    const app = appHere();
    const price = app.task("order.price", { queue: "prices" }, async ({ order }: { order: number }) => order * 3);
    const { base } = await serve(framework, app, file(), async ({ background }) => {
      const sent = await background.durable(price, { order: 7 });
      return { status: 202, body: { id: sent.id } };
    });
    const { status, body } = await answerOf(`${base}/orders`);
    const { id } = body as { readonly id: string };
    expect(status).toBe(202);
    expect([200, 202]).toContain((await answerOf(`${base}/tasks/${id}`)).status);
    await expect
      .poll(() => answerOf(`${base}/tasks/${id}`))
      .toEqual({ status: 200, body: { id, state: "SUCCESS", result: 21 } });
    expect(await (await fetch(`${base}/tasks/${id}/events`)).text()).toContain("event: result");
  });

  test("does not hold the response, and is done by the next server where the first did not come to it", async () => {
    const started = Promise.withResolvers<void>();
    const first = appHere();
    const held = first.task("order.ship", async (_: { order: number }, { signal }: TaskContext) => {
      started.resolve();
      await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
    });
    const server = await serve(framework, first, file(), async ({ background }) => {
      await background.durable(held, { order: 7 });
      return { status: 202, body: {} };
    });
    expect((await answerOf(`${server.base}/orders`)).status).toBe(202);
    await started.promise;
    await server.close();
    const shipped = Promise.withResolvers<number>();
    const second = appHere();
    second.task("order.ship", async ({ order }: { order: number }) => shipped.resolve(order));
    await serve(framework, second, file(), async () => ({ status: 200, body: {} }));
    expect(await shipped.promise).toBe(7);
  });

  test("is refused with a code where no file is named, and where the task is another app's", async () => {
    const app = appHere();
    const mine = app.task("mine", async () => 1);
    const other = appHere().task("others", async () => 1);
    const without = await serve(
      framework,
      app,
      undefined,
      refusalOf(app, (asked) => asked.background.durable(mine)),
    );
    expect(await answerOf(`${without.base}/orders`)).toMatchObject({
      body: { code: "BACKGROUND_NOT_DURABLE", message: expect.stringContaining('durable: "sqlite:') as string },
    });
    const far = await serve(
      framework,
      appHere(),
      file(),
      refusalOf(app, (asked) => asked.background.durable(other)),
    );
    expect(await answerOf(`${far.base}/orders`)).toMatchObject({ body: { code: "TASK_UNKNOWN" } });
  });

  test("is refused with a code where the file cannot be opened, and its server says so", async () => {
    writeFileSync(join(folder, "letter.txt"), "this is no database, and is not to become one\n".repeat(200));
    const app = appHere();
    const mine = app.task("mine", async () => 1);
    const refused = refusalOf(app, (asked) => asked.background.durable(mine));
    const told = await serve(framework, app, file("letter.txt"), refused).then(
      async ({ base }) => (await answerOf(`${base}/orders`)).body,
      (error: unknown) => error,
    );
    expect(told).toMatchObject({
      code: "BACKGROUND_UNAVAILABLE",
      message: expect.stringContaining("letter.txt") as string,
    });
  });

  test("cannot share the app's own file, nor lie on a server", async () => {
    const app = createApp({ name: "durable-test", broker: `${file("own.db")}?durability=process`, log: silent });
    for (const wrong of [file("own.db"), "redis://127.0.0.1:1/0", "memory:there"])
      await expect(serve(framework, app, wrong, async () => ({ status: 200, body: {} }))).rejects.toMatchObject({
        code: "CONFIG_INVALID",
      });
    await app.close();
  });
});
