/** The end of a command that goes on until it is told to stop: the first SIGINT or SIGTERM. Who asks again does not want to wait. */

import { constants } from "node:os";

const signals = ["SIGTERM", "SIGINT"] as const;

export class StopSignal implements Disposable {
  readonly #stopping = new AbortController();
  readonly #heard = (signal: (typeof signals)[number]): void => {
    if (this.#stopping.signal.aborted) process.exit(128 + constants.signals[signal]);
    this.stop();
  };

  constructor() {
    for (const signal of signals) process.on(signal, this.#heard);
  }

  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  stop(): void {
    this.#stopping.abort(new Error("told to stop"));
  }

  [Symbol.dispose](): void {
    for (const signal of signals) process.off(signal, this.#heard);
  }
}
