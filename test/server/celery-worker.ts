/** `celery worker` on an app of a suite's own, started as its users do, ended by its process id. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Release } from "../interop/release.ts";

export interface CeleryOptions {
  readonly release: Release;
  /** Where its modules are. */
  readonly folder: string;
  /** What follows `-A`. */
  readonly app: string;
  /** Of the node. */
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Resolves when it takes tasks; rejects with what it wrote if it ends before. One process, because tasks run in the worker itself. */
export async function startCelery({ release, folder, app, name, env }: CeleryOptions): Promise<AsyncDisposable> {
  const child = spawn(
    release.interpreter,
    ["-m", "celery", "-A", app, "worker", "-P", "solo", "-l", "INFO", "-n", name],
    {
      cwd: folder,
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1", C_FORCE_ROOT: "1", ...env },
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  const end = (): void => void child.kill("SIGKILL");
  process.once("exit", end);
  const exited = once(child, "close").then(() => void process.off("exit", end));
  let output = "";
  await new Promise<void>((resolve, reject) => {
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(-8000);
      if (output.includes(`${name} ready.`)) resolve();
    });
    exited.then(() => reject(new Error(`the Celery worker ended before it was ready:\n${output}`)), reject);
  });
  return {
    [Symbol.asyncDispose]: async () => {
      end();
      await exited;
    },
  };
}
