/**
 * What docs/choosing.md says of the three ways: what announcing work costs the request, how soon it begins, what other requests feel while it
 * computes, and how much of it is lost when the server is killed right after it has answered (work that waits for 200 ms, such as sending a mail).
 *
 *   npm run bench -- choosing [--requests 300] [--docs] [--json]
 */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { startRedis } from "../test/server/redis-server.ts";
import { markdownTable, writeBlock } from "./page-block.ts";
import { median, percentile } from "./statistics.ts";

/** Of the pieces that compute, and how many of them. */
const heavyMs = 50;
const heavyPieces = 20;
/** Announced before the kill. */
const announced = 200;
/** How long a new server, or the workers, may take for what was left: whatever they have not begun then is lost. */
const patience = 20_000;

interface Way {
  readonly name: string;
  readonly path: "add" | "durable" | "task";
  readonly broker: (place: { readonly folder: string; readonly redis: string }) => string;
}
const ways: readonly Way[] = [
  { name: "`background.add`", path: "add", broker: () => "memory:" },
  { name: "`background.durable`", path: "durable", broker: () => "memory:" },
  { name: "task, `sqlite:`", path: "task", broker: ({ folder }) => `sqlite:${join(folder, "queue.db")}` },
  { name: "task, `redis:` with an append-only file", path: "task", broker: ({ redis }) => redis },
];

interface Figures {
  readonly way: string;
  /** Median over that of a request that announces nothing, ms. */
  readonly cost: number;
  /** Median from the response to the first line of the work, ms. */
  readonly begins: number;
  /** Of other requests while pieces of 50 ms compute, ms: 99th percentile. */
  readonly others: number;
  readonly lost: number;
}

/** Whether what is promised was kept: what must not be lost was not. */
export async function choosing(args: readonly string[]): Promise<boolean> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      requests: { type: "string", default: "300" },
      docs: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
  });
  const requests = Number(values.requests);
  if (!(Number.isSafeInteger(requests) && requests > 0)) throw new Error("--requests takes a whole number");
  await using redis = await startRedis({ appendonly: true });
  const rows: Figures[] = [];
  for (const way of ways) rows.push(await measure(way, redis.url, requests));
  const table = tableOf(rows);
  process.stdout.write(values.json ? `${JSON.stringify(rows)}\n` : `${table}\n`);
  if (values.docs) {
    const [cpu] = cpus();
    const said = `\`npm run bench -- choosing --docs\` on ${String(availableParallelism())} cores of ${cpu?.model.trim() ?? "an unknown processor"}, Node ${process.version}, ${String(requests)} requests.`;
    await writeBlock("docs/choosing.md", "choosing", `${table}\n\n${said}`);
  }
  return rows.every(({ lost }, index) => index === 0 || lost === 0);
}

function tableOf(rows: readonly Figures[]): string {
  const cells = rows.map(({ way, cost, begins, others, lost }) => [
    way,
    cost < 0.1 ? "below 0.1" : cost.toFixed(1),
    begins < -0.5 ? "before it" : begins < 0.5 ? "at once" : begins.toFixed(1),
    others.toFixed(0),
    `${String(lost)} of ${String(announced)}`,
  ]);
  const head = [
    "",
    "costs the request, ms",
    "begins after the response, ms",
    `another request while ${String(heavyPieces)} pieces compute ${String(heavyMs)} ms each: p99, ms`,
    "lost when the server is killed",
  ];
  return markdownTable(head, cells);
}

async function measure(way: Way, redis: string, requests: number): Promise<Figures> {
  const folder = await mkdtemp(join(tmpdir(), "celeriac-choosing-"));
  const env = {
    ...process.env,
    CHOOSING_BROKER: way.broker({ folder, redis }),
    CHOOSING_FILE: `sqlite:${join(folder, "background.db")}`,
    CHOOSING_JOURNAL: join(folder, "journal"),
  };
  await writeFile(env.CHOOSING_JOURNAL, "");
  const begun = async (): Promise<ReadonlyMap<number, number>> =>
    new Map(
      (await readFile(env.CHOOSING_JOURNAL, "utf8"))
        .split("\n")
        .map((line) => line.split(" ").map(Number) as [number, number]),
    );
  const worker = way.path === "task" ? await startWorker(env) : undefined;
  let server = await startServer(env);
  const agent = new Agent({ keepAlive: true });
  try {
    const light = await lightWork(way, server.port, agent, requests, begun);
    const others = await besideHeavyWork(way, server.port, agent, begun);
    const first = 1_000_000;
    const all = Array.from({ length: announced }, (_, at) =>
      ask(server.port, `/${way.path}/${String(first + at)}/200/0`, agent),
    );
    await Promise.all(all);
    await end(server.child, "SIGKILL");
    server = await startServer(env);
    const deadline = performance.now() + patience;
    const kept = async (): Promise<number> => [...(await begun()).keys()].filter((id) => id >= first).length;
    while ((await kept()) < announced && performance.now() < deadline && way.path !== "add") await pause(20);
    return { way: way.name, ...light, others, lost: announced - (await kept()) };
  } finally {
    agent.destroy();
    await end(server.child, "SIGKILL");
    if (worker !== undefined) await end(worker, "SIGTERM");
    await rm(folder, { recursive: true, force: true });
  }
}

/** Rejects where it never comes. */
async function until(come: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + patience;
  while (!(await come())) {
    if (performance.now() > deadline) throw new Error("work that was announced has not begun");
    await pause(1);
  }
}

type Begun = () => Promise<ReadonlyMap<number, number>>;

async function lightWork(
  way: Way,
  port: number,
  agent: Agent,
  requests: number,
  begun: Begun,
): Promise<{ readonly cost: number; readonly begins: number }> {
  const warmup = 50;
  const [plain, announcing]: [number[], number[]] = [[], []];
  const answered = new Map<number, number>();
  for (let at = -warmup; at < requests; at++) {
    const without = await ask(port, "/none", agent);
    const id = at + warmup + 1;
    const withWork = await ask(port, `/${way.path}/${String(id)}/0/0`, agent);
    // Till it has begun, or the next request would wait for it too.
    await until(async () => (await begun()).has(id));
    if (at < 0) continue;
    plain.push(without.ms);
    announcing.push(withWork.ms);
    answered.set(id, withWork.ended);
  }
  const started = await begun();
  const waits = [...answered].map(([id, ended]) => (started.get(id) ?? Number.NaN) - ended);
  return { cost: median(announcing) - median(plain), begins: median(waits) };
}

/** The 99th percentile of requests that want nothing, one each 5 ms, as long as the pieces compute. */
async function besideHeavyWork(way: Way, port: number, agent: Agent, begun: Begun): Promise<number> {
  const first = 500_000;
  const announcing = Array.from({ length: heavyPieces }, (_, at) =>
    ask(port, `/${way.path}/${String(first + at)}/0/${String(heavyMs)}`, agent),
  );
  const asked: Promise<{ readonly ms: number }>[] = [];
  await until(async () => {
    asked.push(ask(port, "/none", agent));
    await pause(4);
    return [...(await begun()).keys()].filter((id) => id >= first).length === heavyPieces;
  });
  await Promise.all(announcing);
  return percentile(
    (await Promise.all(asked)).map(({ ms }) => ms),
    0.99,
  );
}

const quiet = ["--disable-warning=ExperimentalWarning"];

async function startServer(env: NodeJS.ProcessEnv): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const child = fork(join(import.meta.dirname, "choosing/server.ts"), { execArgv: quiet, env });
  const [port] = (await once(child, "message")) as [number];
  return { child, port };
}

async function startWorker(env: NodeJS.ProcessEnv): Promise<ChildProcess> {
  const main = join(import.meta.dirname, "../src/cli/main.ts");
  const args = [
    "worker",
    "-A",
    join(import.meta.dirname, "choosing/app.ts"),
    "--processes",
    "1",
    "-c",
    "50",
    "--env",
    "CHOOSING_JOURNAL",
    "--json",
  ];
  const child = fork(main, args, { execArgv: quiet, env, silent: true });
  await new Promise<void>((resolve, reject) => {
    let said = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      if (said.includes("worker.ready")) return;
      said += chunk.toString();
      if (said.includes("worker.ready")) resolve();
    });
    child.once("exit", () => reject(new Error(`the worker ended: ${said}`)));
  });
  return child;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill(signal);
  await exited;
}

function ask(port: number, path: string, agent: Agent): Promise<{ readonly ms: number; readonly ended: number }> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const asked = request({ host: "127.0.0.1", port, path, agent }, (response) => {
      response.resume().on("end", () => {
        const now = performance.now();
        resolve({ ms: now - started, ended: performance.timeOrigin + now });
      });
    });
    asked.on("error", reject).end();
  });
}
