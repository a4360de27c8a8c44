/** Whether a client may still ask its server. Its signal ends whatever waits. */

import { CeleriacError } from "../../error/celeriac-error.ts";

export class Session {
  readonly #ended = new AbortController();
  #opened = false;

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  open(): void {
    this.signal.throwIfAborted();
    this.#opened = true;
  }

  end(): void {
    this.#ended.abort(new CeleriacError("BACKEND_CLOSED", "the memory backend was closed; open a new one"));
  }

  ensureOpen(): void {
    this.signal.throwIfAborted();
    if (!this.#opened)
      throw new CeleriacError("BACKEND_CLOSED", "the memory backend is not open yet; call open() first");
  }
}
