/** The API as a process, so that it can be killed. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export class ServerProcess implements AsyncDisposable {
  /** Without a slash at its end. */
  readonly base: string;
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;

  private constructor(child: ChildProcess, base: string) {
    this.#child = child;
    this.#closed = once(child, "close");
    this.base = base;
  }

  /** Resolves when it listens. */
  static async start(env: Readonly<Record<string, string>>): Promise<ServerProcess> {
    const child = spawn(process.execPath, [fileURLToPath(new URL("server.ts", import.meta.url))], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = once(child, "close").then(() => undefined);
    const [line] = (await Promise.race([once(createInterface({ input: child.stdout }), "line"), ended])) ?? [];
    if (typeof line !== "string") throw new Error("the API ended before it listened");
    return new ServerProcess(child, line);
  }

  async post(path: string, body: object, signal: AbortSignal): Promise<number> {
    const reply = await fetch(`${this.base}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal,
    });
    await reply.body?.cancel();
    return reply.status;
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill("SIGTERM");
    const late = setTimeout(() => this.#child.kill("SIGKILL"), 8000);
    await this.#closed;
    clearTimeout(late);
  }
}
