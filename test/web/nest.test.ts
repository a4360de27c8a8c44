/** What Nest has beyond the two pieces: tasks as methods with what is injected into them, a worker, a dashboard, health, and an end. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Injectable, type INestApplication, Module, Scope, type Type } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { afterEach, expect, test, vi } from "vitest";
import { type App, createApp } from "../../src/index.ts";
import {
  CELERIAC_APP,
  CeleriacHealth,
  CeleriacModule,
  InjectTask,
  TaskHandler,
  type TaskOf,
} from "../../src/nest/index.ts";
import { peer } from "../../src/nest/peer.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
  vi.unstubAllEnvs();
});

function appHere(broker = `memory:${crypto.randomUUID()}`): App {
  const app = createApp({ name: "nest-test", broker });
  closing.push(() => app.close());
  return app;
}

class Greetings {
  static count = 0;
  readonly made: number = ++Greetings.count;
  async greet(name: string): Promise<string> {
    return `hello ${name}, from ${this.made}`;
  }
}
TaskHandler("greet")(Greetings.prototype, "greet");

class Sender {
  readonly greet: TaskOf<Greetings, "greet">;
  constructor(greet: TaskOf<Greetings, "greet">) {
    this.greet = greet;
  }
}
Injectable()(Sender);
InjectTask("greet")(Sender, undefined, 0);

function rootOf(imports: NonNullable<Parameters<typeof Module>[0]["imports"]>, providers: Type[] = []): Type {
  class Root {}
  Module({ imports, providers })(Root);
  return Root;
}

async function start(root: Type): Promise<INestApplication> {
  const server = await NestFactory.create(root, { logger: false, abortOnError: false });
  closing.push(() => server.close());
  await server.listen(0, "127.0.0.1");
  return server;
}

test("a method is a task, injected where it is sent, and run by the worker of the application", async () => {
  const app = appHere();
  const imports = [CeleriacModule.forRoot({ app, worker: { concurrency: 2 } }), CeleriacModule.forFeature([Greetings])];
  const server = await start(rootOf(imports, [Sender]));
  const first = await server.get(Sender).greet.delay("Ada");
  const second = await server.get(Sender).greet.delay("Bob");
  const told = [await first.get({ timeout: "60s" }), await second.get({ timeout: "60s" })];
  expect(told.map((text) => text.replace(/\d+/, "N"))).toEqual(["hello Ada, from N", "hello Bob, from N"]);
  expect(new Set(told.map((text) => /\d+/.exec(text)?.[0])).size, "one provider for all runs").toBe(1);
  expect(server.get<App>(CELERIAC_APP)).toBe(app);
});

test("a provider that is made for each use is made for each run", async () => {
  class Visits extends Greetings {}
  TaskHandler("visit")(Visits.prototype, "greet");
  Injectable({ scope: Scope.TRANSIENT })(Visits);
  const app = appHere();
  await start(rootOf([CeleriacModule.forRoot({ app, worker: {} }), CeleriacModule.forFeature([Visits])]));
  const sent = [
    await app.delay(app.signature<() => string>("visit", "a")),
    await app.delay(app.signature<() => string>("visit", "b")),
  ];
  const told = await Promise.all(sent.map((each) => each.get({ timeout: "60s" })));
  expect(told[0]?.replace("a", "")).not.toBe(told[1]?.replace("b", ""));
});

test("children of a worker make a context of their own, with everything injected", async () => {
  const folder = mkdtempSync(join(tmpdir(), "celeriac-nest-"));
  closing.push(() => rmSync(folder, { recursive: true, force: true }));
  vi.stubEnv("NEST_TEST_BROKER", `sqlite:${join(folder, "queue.db")}`);
  const { app } = await import("./nest/app.ts");
  const { Root, Shop } = await import("./nest/root.ts");
  closing.push(() => app.close());
  const server = await start(Root);
  await using worker = await app.work({ processes: 1, concurrency: 1, env: ["NEST_TEST_BROKER"] });
  const sent = await server.get(Shop).price.delay({ order: 7 });
  const { price, pid, id } = await sent.get({ timeout: "60s" });
  expect({ price, id }).toEqual({ price: 21, id: sent.id });
  expect(worker.stats().children.map((child) => child.pid)).toContain(pid);
}, 240_000);

test("options may come from a factory; the dashboard is shown to whom they say; the end closes the app if they say so", async () => {
  const app = appHere();
  class Settings {
    readonly secret = "ops";
  }
  class SettingsModule {}
  Module({ providers: [Settings], exports: [Settings] })(SettingsModule);
  const server = await start(
    rootOf([
      CeleriacModule.forRootAsync({
        imports: [SettingsModule],
        inject: [Settings],
        useFactory: ({ secret }: Settings) => ({
          app,
          closeApp: true,
          dashboard: {
            prefix: "/celeriac",
            authorize: (request) => (request.get("x-role") === secret ? { name: "ops", role: "admin" } : undefined),
          },
        }),
      }),
    ]),
  );
  const url = `${await server.getUrl()}/celeriac/`;
  expect((await fetch(url)).status).toBe(401);
  const shown = await fetch(`${url}api/v1/me`, { headers: { "x-role": "ops" } });
  expect([401, 403]).not.toContain(shown.status);
  await server.close();
  await expect(app.task("late", () => null).delay()).rejects.toMatchObject({ code: "BACKEND_CLOSED" });
});

test("health is up while the broker answers, and says with its code why it is not", async () => {
  const healthOf = async (app: App): Promise<unknown> => {
    const server = await start(rootOf([CeleriacModule.forRoot({ app })]));
    return server.get(CeleriacHealth).check("queue", { timeout: "60s" });
  };
  expect(await healthOf(appHere())).toEqual({ queue: { status: "up" } });
  expect(await healthOf(appHere("redis://127.0.0.1:1/0"))).toMatchObject({
    queue: { status: "down", code: "BACKEND_UNREACHABLE" },
  });
});

test("what is written wrongly is told when the application starts", async () => {
  const app = appHere();
  const twice = rootOf([CeleriacModule.forRoot({ app }), CeleriacModule.forRoot({ app, at: "/jobs" })]);
  await expect(start(twice)).rejects.toMatchObject({ code: "MOUNTED_TWICE" });
  await expect(start(rootOf([CeleriacModule.forRoot({ app })], [Sender]))).rejects.toThrow('the celeriac task "greet"');
  class Nothing {}
  const invalid = expect.objectContaining({ code: "CONFIG_INVALID" }) as Error;
  expect(() => CeleriacModule.forFeature([Nothing])).toThrow(invalid);
  expect(() => InjectTask(Greetings, "made" as "greet")).toThrow(invalid);
  expect(() => TaskHandler("none")({ none: 1 }, "none")).toThrow(invalid);
  class Other extends Greetings {
    override async greet(): Promise<string> {
      return "another";
    }
  }
  TaskHandler("greet")(Other.prototype, "greet");
  const clash = rootOf([
    CeleriacModule.forRoot({ app }),
    CeleriacModule.forFeature([Greetings]),
    CeleriacModule.forFeature([Other]),
  ]);
  await expect(start(clash)).rejects.toMatchObject({ code: "TASK_DUPLICATE" });
});

test("a package that is missing is named, with what installs it", () => {
  const told = expect.objectContaining({
    code: "CLIENT_MISSING",
    message: expect.stringContaining("npm install @nestjs/common") as string,
  }) as Error;
  expect(() => peer("@nestjs/of-nobody")).toThrow(told);
});
