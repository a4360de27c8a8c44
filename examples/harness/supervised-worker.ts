/** One worker, and another in its place whenever it is killed: what systemd, Kubernetes or pm2 do. */

import { WorkerProcess, type WorkerProcessOptions } from "./worker-process.ts";

export class SupervisedWorker implements AsyncDisposable {
  readonly #options: WorkerProcessOptions;
  #worker: WorkerProcess;
  #kills = 0;

  constructor(options: WorkerProcessOptions) {
    this.#options = options;
    this.#worker = this.#next();
  }

  get kills(): number {
    return this.#kills;
  }

  ready(signal: AbortSignal): Promise<void> {
    return this.#worker.ready(signal);
  }

  /** SIGKILL; resolves with the dead one's name when its replacement takes tasks. */
  async kill(signal: AbortSignal): Promise<string> {
    const { name } = this.#worker;
    await this.#worker.kill();
    this.#kills++;
    this.#worker = this.#next();
    await this.#worker.ready(signal);
    return name;
  }

  #next(): WorkerProcess {
    return new WorkerProcess({ ...this.#options, name: `${this.#options.name}-${String(this.#kills + 1)}` });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.stop(8000);
  }
}
