/**
 * What a handler throws to say something other than "it failed": try again, put it back, store nothing; and errors that carry
 * an identity to other languages. The first four are decisions and are never logged as errors.
 */

import { CeleriacError } from "../error/celeriac-error.ts";
import type { Signature as WireSignature } from "../wire/signature.ts";
import { type Duration, durationMs } from "./duration.ts";

/** Thrown by `ctx.retry`: this run ends, another follows. */
export class Retry extends Error {
  override readonly name: string = "Retry";
  /** A plain member, so that copies of this package know each other\'s decisions. */
  readonly "~decision": "retry" = "retry";
  /** Milliseconds; `undefined` = as the task's policy says. */
  readonly delay: number | undefined;
  /** Kept as the RETRY state's error, and thrown when no try is left. */
  readonly error: unknown;
  readonly limit: number | undefined;

  constructor(options: { readonly delay?: Duration; readonly error?: unknown; readonly limit?: number } = {}) {
    super("the task asked to be tried again", options.error === undefined ? {} : { cause: options.error });
    this.delay = options.delay === undefined ? undefined : durationMs(options.delay, "ctx.retry: delay");
    this.error = options.error;
    this.limit = options.limit;
    if (options.limit === undefined || options.limit === Infinity) return;
    if (!(Number.isSafeInteger(options.limit) && options.limit >= 0)) {
      throw new CeleriacError(
        "CONFIG_INVALID",
        `ctx.retry: limit must be a whole number of at least 0, or Infinity, not ${String(options.limit)}.`,
      );
    }
  }
}

/** Thrown by `ctx.reject`: back to the queue, or to the dead letters. */
export class Reject extends Error {
  override readonly name: string = "Reject";
  /** A plain member, so that copies of this package know each other\'s decisions. */
  readonly "~decision": "reject" = "reject";
  readonly requeue: boolean;
  readonly reason: string;

  constructor(options: { readonly requeue?: boolean; readonly reason?: string } = {}) {
    const reason = options.reason ?? "rejected by the task";
    super(reason);
    this.requeue = options.requeue ?? false;
    this.reason = reason;
  }
}

/**
 * Ends a run without storing any state; the message is acknowledged.
 *
 * @example
 * ```ts
 * import { Ignore } from "celeriac";
 * const sentAlready = new Set<number>();
 * app.task("receipt.once", async ({ order }: { order: number }) => {
 *   if (sentAlready.has(order)) throw new Ignore();
 * });
 * ```
 */
export class Ignore extends Error {
  override readonly name: string = "Ignore";
  /** A plain member, so that copies of this package know each other\'s decisions. */
  readonly "~decision": "ignore" = "ignore";

  constructor() {
    super("the task asked to store nothing");
  }
}

/** Thrown by `ctx.replace`: another workflow ends what this task began. Throws CONFIG_INVALID for a chain without steps. */
export class Replace extends Error {
  override readonly name: string = "Replace";
  /** A plain member, so that copies of this package know each other\'s decisions. */
  readonly "~decision": "replace" = "replace";
  readonly signature: WireSignature;

  constructor(signature: WireSignature) {
    super("the task asked to be replaced");
    const { tasks } = signature.kwargs;
    if (signature.task === "celery.chain" && Array.isArray(tasks) && tasks.length === 0) {
      throw new CeleriacError(
        "CONFIG_INVALID",
        "ctx.replace: the chain has no steps, so nothing would ever give this task a result. Return the result instead.",
      );
    }
    this.signature = signature;
  }
}

/** Which decision was thrown; `undefined` for an error. */
export function decisionOf(thrown: unknown): Retry | Reject | Ignore | Replace | undefined {
  if (typeof thrown !== "object" || thrown === null || !("~decision" in thrown)) return undefined;
  return thrown as Retry | Reject | Ignore | Replace;
}

/**
 * A failure of which the thrower knows whether another try can help.
 *
 * @example
 * ```ts
 * import { TaskError } from "celeriac";
 * app.task("order.pull", async ({ order }: { order: number }) => {
 *   const reply = await fetch(`https://shop.example.com/orders/${order}`);
 *   if (reply.status === 404) throw new TaskError("no such order", { retryable: false });
 *   return reply.text();
 * });
 * ```
 */
export class TaskError extends Error {
  override readonly name: string = "TaskError";
  /** `false`: final at once, whatever the task's `retry` says. `true`: tried again even if `retry.on` does not name it. */
  readonly retryable: boolean | undefined;

  constructor(message: string, options: ErrorOptions & { readonly retryable?: boolean } = {}) {
    super(message, options);
    this.retryable = options.retryable;
  }
}

/**
 * A failure with an identity that Python callers can catch: module, class and constructor arguments.
 *
 * @example
 * ```ts
 * import { RemoteError } from "celeriac";
 * throw new RemoteError("shop.errors.OutOfStock", ["A-17", 3]);
 * ```
 */
export class RemoteError extends Error {
  override readonly name: string;
  /** Python module of the class; "builtins" if `type` has no dot. */
  readonly module: string;
  /** Constructor arguments, stored as they are. */
  readonly args: readonly unknown[];
  readonly retryable: boolean | undefined;

  constructor(
    type: string,
    args: readonly unknown[] = [],
    options: ErrorOptions & { readonly retryable?: boolean } = {},
  ) {
    const dot = type.lastIndexOf(".");
    super(args.map(String).join(", "), options);
    this.name = type.slice(dot + 1);
    this.module = dot === -1 ? "builtins" : type.slice(0, dot);
    this.args = args;
    this.retryable = options.retryable;
  }
}
