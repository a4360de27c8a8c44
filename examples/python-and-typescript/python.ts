/** The Python processes of the demo: a Celery worker that stays, a client that ends. Every process started here is ended here. */

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Skipped } from "../harness/skipped.ts";

const folder = fileURLToPath(new URL(".", import.meta.url));
const run = promisify(execFile);
/** Longest wait for a worker to take tasks, ms. */
const patience = 90_000;

export interface Python {
  /** The interpreter. */
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
}

/** What `client.py` prints. */
export interface ClientReport {
  readonly celery: string;
  readonly pages: readonly string[];
  readonly texts: readonly string[];
  readonly seconds: number;
  readonly caught: { readonly type: string; readonly module: string; readonly text: string } | null;
}

const environment = ({ env }: Python): NodeJS.ProcessEnv => ({ ...process.env, PYTHONDONTWRITEBYTECODE: "1", ...env });

/** Where a Celery may be installed: the first on the search path, and Debian's own beside it. */
const usual = ["python3", "/usr/bin/python3"] as const;

/** The first of the usual interpreters, or the one that is asked for, that has these modules. Rejects with what to install. */
export async function findPython(
  asked: string | undefined,
  env: Python["env"],
  modules: readonly string[],
): Promise<Python> {
  let last: unknown;
  for (const command of asked === undefined ? usual : [asked]) {
    const python: Python = { command, env };
    try {
      await run(command, ["-c", modules.map((name) => `import ${name}`).join("\n")], { env: environment(python) });
      return python;
    } catch (error) {
      last = error;
    }
  }
  throw new Skipped(
    `${asked ?? usual.join(", nor ")} cannot import ${modules.join(", ")}: pip install "celery[redis]", or name an interpreter that has it with --python`,
    { cause: last },
  );
}

/** Runs `client.py` to its end. */
export async function runClient(python: Python, count: number): Promise<ClientReport> {
  const { stdout } = await run(python.command, ["client.py", String(count)], { cwd: folder, env: environment(python) });
  return JSON.parse(stdout) as ClientReport;
}

/** `celery worker` on model/tasks.py, ready; ended with SIGTERM, which lets running tasks end. */
export async function startWorker(python: Python, name: string): Promise<AsyncDisposable> {
  const args = ["-m", "celery", "-A", "model.tasks", "worker", "-c", "2", "-l", "INFO", "-n", name];
  const child = spawn(python.command, args, {
    cwd: folder,
    env: environment(python),
    stdio: ["ignore", "ignore", "pipe"],
  });
  const closed = once(child, "close");
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log = (log + text).slice(-8192);
    if (log.includes(`${name} ready.`)) resolve();
  });
  child.once("error", reject);
  closed.then(() => reject(new Error(`the Python worker ended before it was ready:\n${log}`)), reject);
  const late = setTimeout(
    () => reject(new Error(`the Python worker is not ready after ${patience / 1000} s:\n${log}`)),
    patience,
  );
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    const kill = setTimeout(() => child.kill("SIGKILL"), 8000);
    await closed.catch(() => {});
    clearTimeout(kill);
  };
  try {
    await ready;
  } catch (error) {
    await stop();
    throw error;
  } finally {
    clearTimeout(late);
  }
  return { [Symbol.asyncDispose]: stop };
}
