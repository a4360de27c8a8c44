/** A server as a process of its own, so that it can be told to end, and killed. The first address that it prints is its own. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export class ServerProcess implements AsyncDisposable {
  /** Without a slash at its end. */
  readonly base: string;
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;

  private constructor(child: ChildProcess, base: string, closed: Promise<unknown>) {
    this.#child = child;
    this.base = base;
    this.#closed = closed;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Resolves when it listens. */
  static async start(
    script: URL,
    env: Readonly<Record<string, string>>,
    args: readonly string[] = [],
  ): Promise<ServerProcess> {
    const child = spawn(process.execPath, [fileURLToPath(script), ...args], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const closed = once(child, "close");
    const address = Promise.withResolvers<string>();
    createInterface({ input: child.stdout }).on("line", (line) => {
      const [url] = /https?:\/\/[^\s/]+/.exec(line) ?? [];
      if (url !== undefined) address.resolve(url);
    });
    const base = await Promise.race([address.promise, closed.then(() => undefined)]);
    if (base === undefined) throw new Error(`${script.pathname} ended before it listened`);
    return new ServerProcess(child, base, closed);
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#closed;
  }

  /** SIGTERM; true if that was enough within ten seconds. */
  async end(): Promise<boolean> {
    this.#child.kill("SIGTERM");
    const late = setTimeout(() => this.#child.kill("SIGKILL"), 10_000);
    await this.#closed;
    clearTimeout(late);
    return this.#child.signalCode !== "SIGKILL";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.end();
  }
}
