/**
 * The image without a container: the steps of the Dockerfile done in a folder, its entry point and the commands of compose.yaml run there by
 * a user with no rights and no shell in between, against a Redis that is set up as compose.yaml has it. SIGTERM ends each of them in order.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, cp, glob, mkdir, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createApp } from "../../src/index.ts";
import { BuiltCheckout } from "../server/built-checkout.ts";
import { freePort } from "../server/free-port.ts";
import { type RedisServer, startRedis } from "../server/redis-server.ts";
import { describeWith } from "../server/required-program.ts";
import { unprivileged } from "../server/unprivileged.ts";
import { root } from "../source-tree.ts";
import { at, documents, execForm, folder, stages } from "./reading.ts";

const services = at(documents("compose.yaml")[0], "services");
const command = (service: string): readonly string[] => at(services, service, "command") as readonly string[];
/** A user who has what the image's `node` has: nothing. */
const user = unprivileged();

describeWith("redis-server", "the image's steps, in a folder", () => {
  let built: BuiltCheckout;
  let redis: RedisServer;
  let app: string;
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    built = await BuiltCheckout.make({ ui: true });
    app = join(built.folder, "image");
    await mkdir(app);
    for (const { name, rest } of stages().at(-1) ?? []) {
      const words = rest.split(" ");
      if (name !== "COPY") continue;
      // Of the stage before: `npm ci` would ask a registry for what has been built here.
      if (rest.startsWith("--from")) {
        await mkdir(join(app, "node_modules"));
        for (const package_ of ["commander", "fastify", "ioredis"])
          await symlink(join(root, "node_modules", package_), join(app, "node_modules", package_));
        await symlink(built.folder, join(app, "node_modules/celeriac"));
        continue;
      }
      for (const pattern of words.slice(0, -1))
        for await (const file of glob(pattern, { cwd: join(folder, "app") }))
          await cp(join(folder, "app", file), join(app, file));
    }
    for (const path of [built.folder, app]) await chmod(path, 0o755);
    await mkdir(join(app, "data"));
    if (user !== undefined) await chown(join(app, "data"), user.uid, user.gid);
    // As compose.yaml has it, but for names and ports.
    const options = command("redis").slice(1);
    const config = Object.fromEntries(
      options.flatMap((option, index) =>
        option.startsWith("--") && option !== "--requirepass" ? [[option.slice(2), options[index + 1] ?? ""]] : [],
      ),
    );
    redis = await startRedis({ password: "of-compose", config });
  }, 400_000);
  afterAll(async () => {
    for (const child of children) if (child.exitCode === null) child.kill("SIGKILL");
    await redis.stop();
    await built.remove();
  });

  interface Started {
    readonly child: ChildProcess;
    readonly said: () => string;
    readonly ended: Promise<number | null>;
  }
  function start(words: readonly string[], more: Readonly<Record<string, string>> = {}): Started {
    const [program = "", ...rest] = words;
    const child = spawn(program === "node" ? process.execPath : program, rest, {
      cwd: app,
      stdio: ["ignore", "pipe", "pipe"],
      ...(user !== undefined && { uid: user.uid, gid: user.gid }),
      env: { PATH: process.env["PATH"] ?? "", NODE_ENV: "production", CELERIAC_BROKER: redis.url, ...more },
    });
    children.push(child);
    let said = "";
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => (said += text));
    return { child, said: () => said, ended: once(child, "close").then(([code]) => code as number | null) };
  }
  /** What compose.yaml says, on ports that are free here. */
  const service = async (name: string, ports: Readonly<Record<string, number | string>>): Promise<Started> => {
    const words = command(name).map((word) => String(ports[word] ?? word).replace(/^\/data\//, `${app}/data/`));
    return start([...execForm("ENTRYPOINT"), ...words], { CELERIAC_DASHBOARD_PASSWORD: "long-enough" });
  };
  const answers = (port: number, path: string) => (): Promise<number> =>
    fetch(`http://127.0.0.1:${String(port)}${path}`).then(
      ({ status }) => status,
      () => 0,
    );
  const patience = { timeout: 90_000 };

  test("a worker runs as nobody, answers its probe, does a task, and ends in order on SIGTERM", async () => {
    const port = await freePort();
    const worker = await service("worker", { "8081": port });
    await expect.poll(answers(port, "/readyz"), patience).toBe(200);
    const uid = String(user?.uid ?? process.getuid?.());
    const status = await readFile(`/proc/${String(worker.child.pid)}/status`, "utf8");
    expect(status).toMatch(new RegExp(`^Uid:\\s+${uid}\\s+${uid}\\s`, "m"));
    await using client = createApp({ name: "client", broker: redis.url });
    const sent = await client
      .remote<(image: { file: string; width: number }) => { file: string }>("image.resize")
      .delay({
        file: "cat.jpg",
        width: 8,
      });
    expect(await sent.get({ timeout: "60s" })).toMatchObject({ file: "cat.jpg@8" });
    worker.child.kill("SIGTERM");
    expect([await worker.ended, worker.said()]).toEqual([0, expect.stringContaining('"event":"worker.stopped"')]);
  }, 240_000);

  test("a scheduler and the dashboard answer their probes, and end", async () => {
    const [beatPort, pagePort] = [await freePort(), await freePort()];
    const beat = await service("beat", { "8081": beatPort });
    const page = await service("dashboard", { "5555": pagePort, "0.0.0.0": "127.0.0.1" });
    await expect.poll(answers(beatPort, "/readyz"), patience).toBe(200);
    await expect.poll(answers(pagePort, "/readyz"), patience).toBe(200);
    expect(await answers(pagePort, "/api/openapi.json")()).toBe(401);
    for (const { child, ended, said } of [beat, page]) {
      child.kill("SIGTERM");
      expect([await ended, said()]).toEqual([0, expect.any(String)]);
    }
  }, 240_000);

  test("the API takes an order, answers what it has on SIGTERM, and ends", async () => {
    const port = await freePort();
    const api = start(at(services, "api", "entrypoint") as readonly string[], { PORT: String(port) });
    await expect.poll(answers(port, "/healthz"), patience).toBe(200);
    const order = await fetch(`http://127.0.0.1:${String(port)}/images`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ file: "dog.jpg", width: 3 }),
    });
    expect([order.status, order.headers.get("location")]).toEqual([202, expect.stringMatching(/^\/tasks\//)]);
    api.child.kill("SIGTERM");
    expect([await api.ended, api.said()]).toEqual([0, expect.any(String)]);
  }, 240_000);
});
