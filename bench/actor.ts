/** A measured process as the benchmark sees it: orders in, replies out, ended with its children. */

import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import { compiledRole } from "./compiled.ts";
import type { Order, Reply } from "./orders.ts";

/** Celery's process is not ours to weigh. */
const roleOf = (system: string): string =>
  system.startsWith("celery-") ? join(import.meta.dirname, "role.ts") : compiledRole;

interface Waiting {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

export class Actor implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  readonly #exited: Promise<void>;
  #last = 0;

  private constructor(system: string, flags: readonly string[]) {
    this.#child = fork(roleOf(system), [system], {
      execArgv: ["--disable-warning=ExperimentalWarning", ...flags],
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#child.on("message", (message: { readonly id: number; readonly reply?: Reply; readonly error?: string }) => {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (message.reply !== undefined) waiting?.resolve(message.reply);
      else waiting?.reject(new Error(`${system}: ${message.error ?? "no reply"}`));
    });
    this.#exited = new Promise((resolve) => {
      this.#child.once("exit", (code, signal) => {
        const error = new Error(`${system}: the measured process ended with ${signal ?? String(code)}`);
        for (const waiting of this.#waiting.values()) waiting.reject(error);
        resolve();
      });
    });
  }

  /** Resolves when the process has loaded its system. `flags` are node's. */
  static async start(system: string, flags: readonly string[] = []): Promise<Actor> {
    const actor = new Actor(system, flags);
    await new Promise<Reply>((resolve, reject) => actor.#waiting.set(0, { resolve, reject }));
    return actor;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  tell(order: Order): Promise<Reply> {
    const id = ++this.#last;
    const reply = new Promise<Reply>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.send({ id, order });
    });
    // Its caller may still be waiting for an earlier order, which fails with the same process.
    reply.catch(() => {});
    return reply;
  }

  /** Closes what is open in it and ends it; kills it if it takes longer than 10 s. */
  async end(): Promise<void> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 10_000);
    await this.tell({ do: "close" }).catch(() => {});
    if (this.#child.connected) this.#child.disconnect();
    await this.#exited;
    clearTimeout(timer);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.end();
  }
}
