/**
 * Calls not yet made, as values: hold them, send them, give them as `link`. `s(preset)` takes the rest of its input from what ran
 * before; `si(input)` ignores it. Nothing here sends.
 */

import type { Signature as WireSignature } from "../wire/signature.ts";
import { type Duration, durationMs } from "./duration.ts";

/** How the call of a signature is sent; Celery's words on the wire. */
export interface SignatureOptions {
  readonly queue?: string;
  readonly priority?: number;
  /** Relative to the moment when it is sent. */
  readonly delay?: Duration;
  /** Relative to the moment when it is sent. */
  readonly expires?: Duration;
  readonly timeLimit?: Duration;
  readonly softTimeLimit?: Duration;
  readonly id?: string;
  readonly ignoreResult?: boolean;
  readonly headers?: Readonly<Record<string, unknown>>;
}

/** A signature whatever it takes and returns. */
export type AnySignature = Signature<never, unknown>;

/** What a signature is made of. */
export interface SignatureParts {
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly immutable: boolean;
  readonly options?: SignatureOptions;
  readonly links?: readonly AnySignature[];
  readonly errorLinks?: readonly AnySignature[];
}

/**
 * One call of a task, as a value. `I` is the input it still needs (`unknown`: any, ignored), `R` what it returns.
 *
 * @example
 * ```ts
 * const announce = notify.s({ channel: "#shop" }); // the text comes from the task before
 * await resize.enqueue({ file: "a.png", width: 800 }, { link: announce });
 * ```
 */
export class Signature<in I, out R> {
  /** For the compiler only: what it takes and returns. */
  declare readonly "~types"?: (input: I) => R;
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  /** Ignores the result of what ran before. */
  readonly immutable: boolean;
  readonly options: SignatureOptions;
  readonly links: readonly AnySignature[];
  readonly errorLinks: readonly AnySignature[];

  constructor(parts: SignatureParts) {
    this.task = parts.task;
    this.args = parts.args;
    this.kwargs = parts.kwargs;
    this.immutable = parts.immutable;
    this.options = parts.options ?? {};
    this.links = parts.links ?? [];
    this.errorLinks = parts.errorLinks ?? [];
  }

  /** The same call with other options; those not named stay. */
  set(options: SignatureOptions): Signature<I, R> {
    return this.#with({ options: { ...this.options, ...options } });
  }

  /** The same call; when it succeeds, `next` is sent with its result. */
  link(next: Signature<R, unknown>): Signature<I, R> {
    return this.#with({ links: [...this.links, next] });
  }

  /** The same call; when it fails, `next` is sent with its id. */
  linkError(next: Signature<string, unknown>): Signature<I, R> {
    return this.#with({ errorLinks: [...this.errorLinks, next] });
  }

  /** Celery's signature dict. */
  toJSON(): WireSignature {
    return this.#wire(undefined);
  }

  /** Celery's signature dict with an id in it and in all that follows, so that sending it twice is sending it once. */
  freeze(newId: () => string): WireSignature {
    return this.#wire(newId);
  }

  #with(changes: Partial<SignatureParts>): Signature<I, R> {
    const { task, args, kwargs, immutable, options, links, errorLinks } = this;
    return new Signature<I, R>({ task, args, kwargs, immutable, options, links, errorLinks, ...changes });
  }

  #wire(newId: (() => string) | undefined): WireSignature {
    const { id, queue, priority, delay, expires, timeLimit, softTimeLimit, ignoreResult, headers } = this.options;
    const follow = (each: AnySignature): WireSignature => each.#wire(newId);
    const options = {
      task_id: id ?? newId?.(),
      queue,
      priority,
      countdown: seconds(delay),
      expires: seconds(expires),
      time_limit: seconds(timeLimit),
      soft_time_limit: seconds(softTimeLimit),
      ignore_result: ignoreResult,
      headers,
      link: this.links.length === 0 ? undefined : this.links.map(follow),
      link_error: this.errorLinks.length === 0 ? undefined : this.errorLinks.map(follow),
    };
    return {
      task: this.task,
      args: [...this.args],
      kwargs: { ...this.kwargs },
      options: Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
      subtask_type: null,
      immutable: this.immutable,
    };
  }
}

function seconds(duration: Duration | undefined): number | undefined {
  return duration === undefined ? undefined : durationMs(duration) / 1000;
}
