/** The command line on RabbitMQ: Python workers are called and asked; what this broker cannot tell is said, and breaks nothing. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { releaseNames, releases } from "../interop/release.ts";
import { startCelery } from "../server/celery-worker.ts";
import { celeriac, type Environment, type Finished } from "../server/command-line.ts";
import { type RabbitServer, startRabbit } from "../server/rabbitmq-server.ts";
import { startRedis } from "../server/redis-server.ts";
import { describeNeeding, describeWith } from "../server/required-program.ts";

const folder = fileURLToPath(new URL("./typed/", import.meta.url));

describeWith("rabbitmq-server", "the command line on RabbitMQ", () => {
  let rabbit: RabbitServer;
  beforeAll(async () => {
    rabbit = await startRabbit();
  }, 240_000);
  afterAll(() => rabbit.stop());
  const run = (args: readonly string[], env: Environment = {}): Promise<Finished> =>
    celeriac(args, { CELERIAC_BROKER: rabbit.url, CELERIAC_RESULTS: "", PYTHONDONTWRITEBYTECODE: "1", ...env });

  for (const name of releaseNames) {
    const release = releases[name];
    describeNeeding(release, `beside Celery ${name}`, () => {
      test("calls a task whose result comes back over rpc://, and writes its declaration", async () => {
        const env = { SHOP_BROKER: rabbit.url, SHOP_RESULTS: "rpc://" };
        await using _worker = await startCelery({ release, folder, app: "shop.tasks", name: "w@rpc", env });
        const sum = await run(["call", "shop.tasks.add", "--args", "[2,2]", "--wait"]);
        expect(sum).toEqual({ code: 0, stdout: "SUCCESS  4\n", stderr: "" });
        const refused = await run(["call", "shop.tasks.refuse", "--args", '["no"]', "--timeout", "100s"]);
        expect(refused).toMatchObject({
          code: 3,
          stdout: expect.stringMatching(/^FAILURE {2}ValueError: no\nTraceback/),
        });
        const places = ["--python", release.interpreter, "--path", folder];
        const declared = await run(["types", ...places, "--destination", "w@rpc", "--timeout", "100s"]);
        expect(declared.stdout).toContain(
          'export const tasks_add = app.remote<(x: number, y?: number) => number>("shop.tasks.add");\n',
        );
        expect(declared.stderr).toBe("");
      });

      test("calls a task whose result is kept in Redis", async () => {
        await using redis = await startRedis();
        const env = { SHOP_BROKER: rabbit.url, SHOP_RESULTS: redis.url };
        await using _worker = await startCelery({ release, folder, app: "shop.tasks", name: "w@redis", env });
        const results = ["--results", redis.url];
        const sent = await run(["call", "shop.tasks.add", "--args", "[2,3]", "--id", `kept-${name}`, ...results]);
        expect(sent.stdout).toBe(`kept-${name}\n`);
        const kept = await run(["result", `kept-${name}`, "--timeout", "100s", ...results]);
        expect(kept).toEqual({ code: 0, stdout: "SUCCESS  5\n", stderr: "" });
      });
    });
  }

  describe("of its queues", () => {
    let own: string;
    let app: readonly string[];
    beforeAll(async () => {
      own = await mkdtemp(join(tmpdir(), "celeriac-cli-"));
      const index = new URL("../../src/index.ts", import.meta.url).href;
      const file = join(own, "app.ts");
      app = ["-A", file];
      await writeFile(
        file,
        `import { createApp } from ${JSON.stringify(index)};
         export const app = createApp({ broker: ${JSON.stringify(rabbit.url)} });
         app.task("mail.send", { queue: "mail" }, (to: string) => to);`,
      );
      for (let count = 0; count < 3; count++) await run(["call", "mail.send", "--args", '["a@b"]', ...app]);
    });
    afterAll(() => rm(own, { recursive: true, force: true }));
    const withApp = (...args: readonly string[]): Promise<Finished> => run([...args, ...app], { CELERIAC_BROKER: "" });

    test("lists those that the app knows, and says that it does", async () => {
      const listed = await withApp("queues");
      expect(listed.stdout).toMatch(/^mail +3 +\? +\? *$/m);
      expect(listed.stdout).toContain("this broker lists no queues: these are the ones that the app (-A) knows\n");
      expect(JSON.parse((await withApp("queues", "--json")).stdout)).toContainEqual(
        expect.objectContaining({ name: "mail", ready: 3, consumers: 0 }),
      );
      expect(listed.stderr + listed.code).toBe("0");
    });

    test("status tells what there is to tell", async () => {
      const told = await withApp("status");
      expect(told).toMatchObject({ code: 0, stderr: "" });
      expect(told.stdout).toMatch(/^mail +3/m);
      expect(told.stdout).toContain("this broker does not tell which workers hold tasks\n");
      expect(told.stdout).toMatch(/^dead letters {2}0$/m);
      expect(JSON.parse((await withApp("status", "--json")).stdout)).toMatchObject({ deadLetters: { total: 0 } });
    });

    test("doctor warns of a queue that nobody takes from", async () => {
      const told = await withApp("doctor");
      expect(told.code).toBe(0);
      expect(told.stdout).toMatch(/^warning +queues +messages wait and no worker takes from there: mail$/m);
      expect(told.stdout).toMatch(/^ok +clock +not compared/m);
      expect(told.stdout).toMatch(/^ok +dead letters +none$/m);
      expect(told.stdout).toContain("; results rpc://\n");
    });

    test("doctor --production sees what can be seen over AMQP", async () => {
      const told = await withApp("doctor", "--production");
      expect(told.code).toBe(1); // tasks wait, and nobody works
      expect(told.stdout).toMatch(/^warning +persistence +queues are declared as durable classic queues/m);
      expect(told.stdout).toMatch(/^warning +password +.* is used as guest/m);
      expect(told.stdout).toMatch(/^warning +timeouts +results are sent over rpc:/m);
      expect(told.stdout).toMatch(/^ok +version +RabbitMQ \d/m);
      expect(told.stdout).toMatch(/^FAILED +workers +no worker answers, and \d+ tasks wait/m);
    });

    test("dlq has nothing to show", async () => {
      expect(await withApp("dlq", "list")).toEqual({ code: 0, stdout: "no dead letters\n", stderr: "" });
      expect(await withApp("dlq", "show", "x")).toMatchObject({
        code: 1,
        stderr: expect.stringContaining("DEAD_LETTER"),
      });
    });

    test("purge drops what waits, and refuses what it could not", async () => {
      const delayed = await withApp("purge", "mail", "--delayed", "--yes");
      expect(delayed).toMatchObject({
        code: 1,
        stderr: expect.stringContaining("NOT_SUPPORTED: This broker cannot drop"),
      });
      // A queue that neither app nor URL names: it can be purged all the same.
      expect(await run(["purge", "mail", "--yes"])).toMatchObject({
        code: 0,
        stdout: "dropped 3 messages; what workers hold goes on\n",
      });
    });
  });
});
