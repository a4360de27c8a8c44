/**
 * Hands messages to the broker: calls of one turn travel in one publish; an unclear answer is repeated with the same nonces;
 * nobody waits past his deadline. Refuses nothing by itself and orders nothing across turns.
 */

import type { Clock } from "../clock/clock.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { ErrorCode } from "../error/error-codes.ts";
import type { Backend } from "../port/backend.ts";
import type { Outgoing, Published } from "../port/broker.ts";
import { within } from "./deadline.ts";

interface Pending {
  readonly batch: readonly Outgoing[];
  readonly timeout: number;
  /** Its own answers begin at `from` of those of the publish. */
  readonly resolve: (published: readonly Published[], from: number) => void;
  readonly reject: (error: unknown) => void;
  /** Its caller waits no more; told to the publish that carries it. */
  gone: boolean;
  left: (() => void) | undefined;
}

/** One publish with its repeats. */
interface Flush {
  /** True once bytes may have reached the broker: from then on nobody knows until it answers. */
  unclear: boolean;
  last: unknown;
}

interface Answer {
  readonly backend: Backend;
  readonly published: readonly Published[];
}

/** Told of what was accepted, before the caller is. `undefined`: there is nothing to do. */
type Accepted = (backend: Backend, accepted: readonly Outgoing[]) => Promise<unknown> | undefined;

/** How long callers wait for it, ms. */
const tellPatience = 1_000;
/**
 * More messages than this are not put together from several calls; one call's batch is never split. A server works on the first of them while
 * the next are made: of 500 calls in flight it takes a sixth more a second than with all in one.
 */
const mostTogether = 250;
/** Waits between repeats, ms; the last one repeats. */
const pauses = [20, 50, 100, 200, 400] as const;

/** After these an answer is known: nothing was accepted, and a repeat would end the same. */
const settled: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "BACKEND_CLOSED",
  "BACKEND_REFUSED",
  "BACKEND_VERSION",
  "BROKER_URL_INVALID",
  "CLIENT_MISSING",
  "CONFIG_INVALID",
  "DATABASE_FOREIGN",
  "DATABASE_FULL",
  "DATABASE_NETWORK_FILESYSTEM",
  "DATABASE_READ_ONLY",
  "DATABASE_VERSION",
  "EVICTION_ENABLED",
  "MESSAGE_TOO_LARGE",
  "NOT_SUPPORTED",
  "NODE_TOO_OLD",
  "QUEUE_FULL",
  "UNROUTABLE",
]);

export class Sender {
  readonly #clock: Clock;
  readonly #connect: (signal: AbortSignal) => Promise<Backend>;
  readonly #accepted: Accepted | undefined;
  #waiting: Pending[] = [];
  readonly #flushing = new Set<Promise<void>>();
  #scheduled = false;

  constructor(clock: Clock, connect: (signal: AbortSignal) => Promise<Backend>, accepted?: Accepted) {
    this.#clock = clock;
    this.#connect = connect;
    this.#accepted = accepted;
  }

  /** Resolves with the broker's answers, in order; rejects with PUBLISH_UNKNOWN, BACKEND_UNREACHABLE or the signal's reason. */
  submit(
    batch: readonly Outgoing[],
    options: { readonly timeout: number; readonly signal: AbortSignal | undefined },
  ): Promise<readonly Published[]> {
    if (options.signal?.aborted === true) return Promise.reject(options.signal.reason as Error);
    const { promise, resolve, reject } = Promise.withResolvers<readonly Published[]>();
    const answered: Pending["resolve"] = (published, from) => resolve(published.slice(from, from + batch.length));
    const pending = this.#add(batch, options.timeout, answered, reject);
    return options.signal === undefined ? promise : this.#abortable(promise, pending, options.signal);
  }

  /** The same of one message, and with no promise: there may be a hundred thousand a second. `answered` must not throw. */
  submitOne(
    outgoing: Outgoing,
    timeout: number,
    answered: (published: Published | undefined) => void,
    reject: (error: unknown) => void,
  ): void {
    this.#add([outgoing], timeout, (published, from) => answered(published[from]), reject);
  }

  #add(
    batch: readonly Outgoing[],
    timeout: number,
    resolve: Pending["resolve"],
    reject: (error: unknown) => void,
  ): Pending {
    const pending: Pending = { batch, timeout, resolve, reject, gone: false, left: undefined };
    this.#waiting.push(pending);
    if (!this.#scheduled) {
      this.#scheduled = true;
      // After all microtasks of this turn, so that calls which first await something (a schema) still join.
      queueMicrotask(() => process.nextTick(() => this.#flush()));
    }
    return pending;
  }

  /** Resolves when nothing is on its way any more. */
  async drain(): Promise<void> {
    if (this.#waiting.length > 0) this.#flush();
    while (this.#flushing.size > 0) await Promise.allSettled(this.#flushing);
  }

  async #abortable<T>(promise: Promise<T>, pending: Pending, signal: AbortSignal): Promise<T> {
    try {
      return await within(promise, signal);
    } catch (error) {
      // Given up before its turn ended: then it is not sent at all.
      const index = this.#waiting.indexOf(pending);
      if (index !== -1) this.#waiting.splice(index, 1);
      pending.gone = true;
      pending.left?.();
      throw error;
    }
  }

  #flush(): void {
    this.#scheduled = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    let group: Pending[] = [];
    let size = 0;
    for (const pending of waiting) {
      if (size > 0 && size + pending.batch.length > mostTogether) {
        this.#start(group);
        group = [];
        size = 0;
      }
      group.push(pending);
      size += pending.batch.length;
    }
    if (group.length > 0) this.#start(group);
  }

  #start(group: readonly Pending[]): void {
    const done = this.#publish(group).finally(() => this.#flushing.delete(done));
    this.#flushing.add(done);
  }

  /** Never rejects: every member of the group gets its answer. */
  async #publish(group: readonly Pending[]): Promise<void> {
    const flush: Flush = { unclear: false, last: undefined };
    const over = new AbortController();
    const answered = new AbortController();
    // Repeated for nobody, it would only keep `close` waiting.
    const left = (): void => {
      if (group.every(({ gone }) => gone)) over.abort(new Error("nobody waits for this any more"));
    };
    for (const pending of group) pending.left = left;
    const longest = Math.max(...group.map((pending) => pending.timeout));
    for (const timeout of new Set(group.map((pending) => pending.timeout))) {
      this.#clock.sleep(timeout, answered.signal).then(
        () => {
          const late = group.filter((pending) => pending.timeout <= timeout);
          for (const pending of late) pending.reject(failure(pending, flush, undefined));
          if (timeout === longest) over.abort(new Error("the deadline passed"));
        },
        () => {},
      );
    }
    try {
      const batch = group.length === 1 && group[0] !== undefined ? group[0].batch : group.flatMap((each) => each.batch);
      const { backend, published } = await this.#repeat(batch, flush, over.signal);
      answered.abort("answered");
      await this.#tell(backend, batch, published);
      let at = 0;
      for (const pending of group) {
        pending.resolve(published, at);
        at += pending.batch.length;
      }
    } catch (error) {
      for (const pending of group) pending.reject(failure(pending, flush, error));
    } finally {
      answered.abort("answered");
    }
  }

  /** What is accepted stays accepted, whatever becomes of this. */
  async #tell(backend: Backend, batch: readonly Outgoing[], published: readonly Published[]): Promise<void> {
    const telling = this.#accepted?.(
      backend,
      batch.filter((_, index) => published[index]?.kind === "accepted"),
    );
    if (telling === undefined) return;
    const told = new AbortController();
    const late = this.#clock.sleep(tellPatience, told.signal);
    await Promise.race([telling, late]).catch(() => {});
    told.abort();
    await late.catch(() => {});
  }

  /** Publishes until there is an answer; rejects with a refusal that no repeat can change, or when the signal aborts. */
  async #repeat(batch: readonly Outgoing[], flush: Flush, signal: AbortSignal): Promise<Answer> {
    for (let turn = 0; ; turn++) {
      const before = flush.unclear;
      try {
        const backend = await within(this.#connect(signal), signal);
        flush.unclear = true;
        const published = await within(backend.broker.publish(batch, signal), signal);
        return { backend, published };
      } catch (error) {
        if (signal.aborted) throw error;
        flush.last = error;
        const code = error instanceof CeleriacError ? error.code : undefined;
        if (code === "BACKEND_UNREACHABLE" || (code !== undefined && settled.has(code))) flush.unclear = before;
        if (code !== undefined && settled.has(code)) throw error;
        await this.#clock.sleep(pauses[Math.min(turn, pauses.length - 1)] ?? 0, signal);
      }
    }
  }
}

function failure(pending: Pending, flush: Flush, error: unknown): unknown {
  if (!flush.unclear && error instanceof CeleriacError && settled.has(error.code)) return error;
  const ids = pending.batch.map((each) => each.dedupe?.id ?? String(each.message.headers.id));
  const which = ids.length === 1 ? `task ${ids[0]}` : `${ids.length} tasks`;
  const cause = flush.last ?? error;
  const why = cause instanceof Error && cause.message !== "" ? ` Last answer: ${cause.message}` : "";
  const options = { details: { ids, timeout: pending.timeout }, ...(cause !== undefined && { cause }) };
  if (!flush.unclear) {
    return new CeleriacError(
      "BACKEND_UNREACHABLE",
      `The broker was not reached within ${pending.timeout} ms, so ${which} was not sent.${why}`,
      options,
    );
  }
  return new CeleriacError(
    "PUBLISH_UNKNOWN",
    `The broker did not say within ${pending.timeout} ms whether it has ${which}; it may or may not have been accepted. Repeating the call with the same id is safe.${why}`,
    options,
  );
}
