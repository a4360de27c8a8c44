/** The background of one request, where its batch is made on first use: a request that announces nothing costs nothing. */

import type { BackgroundBatch, BackgroundTasks, Sendable } from "./background.ts";

export abstract class RequestBackground implements BackgroundTasks {
  #batch: BackgroundBatch | undefined;

  get signal(): AbortSignal {
    return this.#begun().signal;
  }

  add<Args extends unknown[]>(work: (...args: Args) => unknown, ...args: Args): void {
    this.#begun().add(work, ...args);
  }

  durable<T extends Sendable>(task: T, ...input: Parameters<T["delay"]>): ReturnType<T["delay"]> {
    return this.#begun().durable(task, ...input);
  }

  /** `undefined` until something was asked of it. */
  protected get batch(): BackgroundBatch | undefined {
    return this.#batch;
  }

  /** Called once; says also what releases it. */
  protected abstract begin(): BackgroundBatch;

  #begun(): BackgroundBatch {
    return (this.#batch ??= this.begin());
  }
}
