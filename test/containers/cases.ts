/** What is tried, in order: each begins with what the one before has left. */

import { type Case, expectThat } from "../browser/case.ts";
import { nodeImage } from "./base-images.ts";
import { type Shop, until } from "./shop.ts";

/** A lease (30 s), the look for those that are over, and a machine that has much else to do, ms. */
const backAgain = 120_000;
const patience = 120_000;
const megabyte = 1_000_000;

const isDone = ({ state }: { readonly state?: string }): boolean => state === "SUCCESS";

/** `image` comes after the build, the others after the compose file is up. */
export const cases = (shop: Shop): { readonly image: readonly Case[]; readonly running: readonly Case[] } => ({
  image: [
    { name: "the image has packages of production alone, and its user may change nothing", run: () => contents(shop) },
    { name: "a worker that is number 1 ends in order on SIGTERM", run: () => numberOne(shop) },
  ],
  running: [
    { name: "an order gets 202, and its picture", run: () => order(shop) },
    { name: "every health check is passed", run: () => health(shop) },
    { name: "two workers run tasks", run: () => bothWork(shop) },
    { name: "one scheduler sends, and the other takes over when it is killed", run: () => schedulers(shop) },
    { name: "the dashboard opens for who has the password", run: () => dashboard(shop) },
    { name: "workers that are stopped end what they run", run: () => drain(shop) },
    { name: "a killed worker comes back, and its task with it", run: () => kill(shop) },
    { name: "everything stops in order", run: () => stopAll(shop) },
  ],
});

async function contents({ engine, name }: Shop): Promise<void> {
  const look = `
    const { readdirSync, writeFileSync } = require("node:fs");
    const may = (path) => { try { writeFileSync(path, ""); return true; } catch { return false; } };
    console.log(JSON.stringify({ uid: process.getuid(), packages: readdirSync("node_modules"), writes: ["/app/x", "/data/x", "/etc/x"].filter(may) }));`;
  const hardened = ["--rm", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--network", "none"];
  const said = await engine.run(["run", ...hardened, "--entrypoint", "node", name, "-e", look]);
  const { uid, packages, writes } = JSON.parse(said) as { uid: number; packages: string[]; writes: string[] };
  expectThat(uid === 1000, `it runs as user ${String(uid)}`);
  expectThat(writes.join() === "/data/x", `it may write ${writes.join(", ")}`);
  expectThat(packages.includes("celeriac") && packages.includes("fastify"), `it has ${packages.join(", ")}`);
  const development = packages.filter((each) => ["typescript", "vitest", "oxlint", "@types"].includes(each));
  expectThat(development.length === 0, `it has ${development.join(", ")}`);
  const size = async (image: string): Promise<number> =>
    Number(await engine.run(["image", "inspect", "--format", "{{.Size}}", image]));
  const own = (await size(name)) - (await size(nodeImage));
  expectThat(own < 60 * megabyte, `it has ${String(Math.round(own / megabyte))} MB beside Node's image`);
}

async function numberOne({ engine, name }: Shop): Promise<void> {
  const container = `${name}-one`;
  const hardened = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--network", "none"];
  const broker = ["--env", "CELERIAC_BROKER=sqlite:/tmp/queue.db"];
  await engine.run([
    "run",
    "--detach",
    "--name",
    container,
    ...hardened,
    ...broker,
    name,
    "worker",
    "-A",
    "./app.ts",
    "--json",
  ]);
  try {
    const logs = async (): Promise<string> => (await engine.try(["logs", container])).text;
    const said = await until("the worker is ready", patience, logs, (text) => text.includes('"worker.ready"'));
    expectThat(/"pid":1,[^\n]*"worker\.ready"/.test(said), `it is not number 1:\n${said.slice(-500)}`);
    await engine.run(["stop", "--time", "45", container]);
    const code = await engine.run(["inspect", "--format", "{{.State.ExitCode}}", container]);
    expectThat(
      code === "0" && (await logs()).includes('"worker.stopped"'),
      `it ended with ${code}:\n${(await logs()).slice(-800)}`,
    );
  } finally {
    await engine.try(["rm", "--force", container]);
  }
}

async function order(shop: Shop): Promise<void> {
  await until(
    "the API answers",
    patience,
    () => shop.api("/healthz"),
    ({ ok }) => ok,
  );
  const reply = await shop.api("/images", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ file: "cat.jpg", width: 8 }),
  });
  const path = reply.headers.get("location") ?? "";
  expectThat(reply.status === 202 && path.startsWith("/tasks/"), `${String(reply.status)} ${path}`);
  const { result } = await until("the picture is there", patience, () => shop.task(path), isDone);
  expectThat((result as { file: string }).file === "cat.jpg@8", JSON.stringify(result));
}

/** Asked for by hand: an engine without systemd does not ask by itself. */
async function health(shop: Shop): Promise<void> {
  for (const container of await shop.containers()) {
    const asks = async (): Promise<string> =>
      shop.engine.program === "podman"
        ? (await shop.engine.try(["healthcheck", "run", container])).code === 0
          ? "healthy"
          : "not yet"
        : shop.inspect(container, "{{.State.Health.Status}}");
    await until(`${container} is healthy`, patience, asks, (word) => word === "healthy");
  }
}

async function bothWork(shop: Shop): Promise<void> {
  const workers = await shop.containers("worker");
  expectThat(workers.length === 2, `there are ${String(workers.length)} workers`);
  const share = async (): Promise<readonly boolean[]> => {
    await shop.slow(1);
    return Promise.all(workers.map(async (worker) => (await shop.logs(worker)).includes('"task.succeeded"')));
  };
  await until("each has run something", patience, share, (ran) => ran.every(Boolean));
}

async function schedulers(shop: Shop): Promise<void> {
  const beats = await shop.containers("beat");
  const leaders = async (): Promise<readonly string[]> => {
    const logs = await Promise.all(beats.map(async (beat) => [beat, await shop.logs(beat)] as const));
    return logs.filter(([, text]) => text.includes('"beat.leading"')).map(([beat]) => beat);
  };
  const [first = ""] = await until("one leads", patience, leaders, ({ length }) => length === 1);
  const history = async (): Promise<string> => shop.celeriac("schedule", "history", "often", "--json");
  const before = await until("it has sent", patience, history, (text) => text.includes('"id"'));
  await killInside(shop, first);
  await until("the other leads", 60_000, leaders, ({ length }) => length === 2);
  await until("it sends", patience, history, (text) => text !== before && text.includes('"id"'));
  await until(
    "who was killed is back",
    patience,
    () => shop.inspect(first, "{{.State.Running}}"),
    (up) => up === "true",
  );
}

async function dashboard(shop: Shop): Promise<void> {
  const seen = [await shop.page(), await shop.page("wrong"), await shop.page(shop.passwords.dashboard)];
  expectThat(
    seen.join() === "401,401,200",
    `without a login, with a wrong one, with the right one: ${seen.join(", ")}`,
  );
}

async function drain(shop: Shop): Promise<void> {
  const ids = await Promise.all([shop.slow(15), shop.slow(15)]);
  await until(
    "both run",
    15_000,
    () => held(shop),
    (count) => count === 2,
  );
  await shop.compose("stop", "worker");
  for (const id of ids) {
    const { state } = await shop.task(`/tasks/${id}`);
    expectThat(state === "SUCCESS", `the workers have ended, and ${id} is ${String(state)}`);
  }
  await endedInOrder(shop, "worker");
  await shop.compose("start", "worker");
  // Podman's name server says nothing for some seconds after containers have come.
  const reached = (): Promise<boolean> =>
    shop.celeriac("queues").then(
      () => true,
      () => false,
    );
  await until("the broker is reached again", patience, reached, Boolean);
}

async function kill(shop: Shop): Promise<void> {
  const id = await shop.slow(15);
  await until(
    "it runs",
    30_000,
    () => held(shop),
    (count) => count === 1,
  );
  const workers = await shop.containers("worker");
  const started = await Promise.all(workers.map(async (worker) => (await shop.logs(worker)).includes(id)));
  const worker = workers[started.indexOf(true)] ?? "";
  const restarts = async (): Promise<number> => Number(await shop.inspect(worker, "{{.RestartCount}}"));
  const before = await restarts();
  await killInside(shop, worker);
  await until("the worker is started anew", patience, restarts, (count) => count > before);
  await until("its task is done", backAgain, () => shop.task(`/tasks/${id}`), isDone);
}

async function stopAll(shop: Shop): Promise<void> {
  await shop.compose("stop");
  for (const service of ["api", "worker", "beat", "dashboard", "redis"]) await endedInOrder(shop, service);
}

/** Tasks that workers hold, but for those of the schedule. */
async function held(shop: Shop): Promise<number> {
  const logs = await Promise.all((await shop.containers("worker")).map((worker) => shop.logs(worker)));
  const ids = (event: string): ReadonlySet<string> =>
    new Set(
      logs.flatMap((text) =>
        [...text.matchAll(new RegExp(`"event":"${event}"[^\\n]*"id":"([^"]+)","task":"test\\.slow"`, "g"))].map(
          ([, id = ""]) => id,
        ),
      ),
    );
  return ids("task.started").difference(ids("task.succeeded")).size;
}

async function endedInOrder(shop: Shop, service: string): Promise<void> {
  for (const container of await shop.containers(service)) {
    const code = await shop.inspect(container, "{{.State.Running}} {{.State.ExitCode}}");
    expectThat(
      code === "false 0",
      `${container} (running, exit code): ${code}\n${(await shop.logs(container)).slice(-800)}`,
    );
  }
}

/** SIGKILL for the process under the container's init. Not by the engine, which starts nothing anew that it was told to kill. */
async function killInside({ engine }: Shop, container: string): Promise<void> {
  const script = `
    const { readdirSync, readFileSync } = require("node:fs");
    for (const pid of readdirSync("/proc").filter((name) => +name > 1 && +name !== process.pid))
      if (readFileSync("/proc/" + pid + "/stat", "utf8").split(") ")[1].split(" ")[1] === "1") process.kill(+pid, "SIGKILL");`;
  // The container ends under it, and so may this.
  await engine.try(["exec", container, "node", "-e", script]);
}
