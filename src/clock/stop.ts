/**
 * A word to stop, for one run or one message. Node's AbortController with one listener costs 1 KB and 1.5 µs; each task needs two of them, and
 * hardly any is ever told to stop.
 */

/** What an AbortSignal is as well. */
export interface StopSign {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: "abort", listener: () => void, options?: { readonly once: true }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** Controller and signal in one. Listeners run in the call that aborts, in the order in which they came, once, and must not throw. */
export class Stop implements StopSign {
  #aborted = false;
  #reason: unknown;
  #listener: (() => void) | undefined;
  #more: (() => void)[] | undefined;

  get aborted(): boolean {
    return this.#aborted;
  }

  get reason(): unknown {
    return this.#reason;
  }

  abort(reason: unknown): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#reason = reason;
    const [first, more = []] = [this.#listener, this.#more];
    this.#listener = undefined;
    this.#more = undefined;
    first?.();
    for (const listener of more) listener();
  }

  addEventListener(_type: "abort", listener: () => void): void {
    if (this.#aborted) return;
    if (this.#listener === undefined && this.#more === undefined) this.#listener = listener;
    else (this.#more ??= []).push(listener);
  }

  removeEventListener(_type: "abort", listener: () => void): void {
    if (this.#listener === listener) this.#listener = undefined;
    else this.#more = this.#more?.filter((other) => other !== listener);
  }

  /** For what takes nothing else. */
  asSignal(): AbortSignal {
    const controller = new AbortController();
    if (this.#aborted) controller.abort(this.#reason);
    else this.addEventListener("abort", () => controller.abort(this.#reason));
    return controller.signal;
  }
}
