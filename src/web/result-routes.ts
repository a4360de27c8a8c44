/**
 * Two questions over HTTP about a task, without a framework: how is it (`read`), and tell me as it goes (`events`, server-sent
 * events). 202 while it runs, 200 when it is final, 404 for ids nobody knows. Never shows tracebacks: they are for the logs.
 */

import type { AppCore } from "../app/core.ts";
import { isFinal } from "../wire/outcome.ts";
import { checkTaskId } from "../app/task-id.ts";
import type { Clock } from "../clock/clock.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { ResultStore, StoredOutcome } from "../port/result-store.ts";
import { stringifyJson } from "../wire/json.ts";
import { bodyOf } from "./task-body.ts";

/** An answer, for any framework to send. `body` is JSON text already. */
export interface RouteAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What `events` sends: text chunks of an event stream, or the answer that says why there is none. */
export type EventsAnswer =
  | RouteAnswer
  | {
      readonly status: 200;
      readonly headers: Readonly<Record<string, string>>;
      readonly stream: AsyncIterable<string>;
    };

export interface ResultRoutesOptions<Request> {
  /**
   * May this request read this task? `false` answers 403, before the store is asked, so it tells nothing about which ids exist.
   * Default: whoever knows the id may; ids made by this library are random.
   */
  readonly authorize?: ((request: Request, id: string) => boolean | Promise<boolean>) | undefined;
  /** Asked for what the app's own store does not know. */
  readonly beside?: (() => Promise<ResultStore | undefined>) | undefined;
  /** Event streams open at once; one more answers 503. Default 1000. */
  readonly maxStreams?: number;
  /** A comment is sent after so much silence, ms, so that proxies keep the connection. Default 15 000. */
  readonly heartbeat?: number;
}

/** What is known of a task, and by whom. */
interface Found {
  readonly outcome: StoredOutcome;
  readonly store: ResultStore;
}

type Core = Pick<AppCore, "connect" | "clock">;

const jsonHeaders = { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" } as const;
const streamHeaders = {
  "content-type": "text/event-stream; charset=utf-8",
  // no-transform: a compressing proxy would hold events back.
  "cache-control": "no-store, no-transform",
  "x-accel-buffering": "no",
} as const;

/** The handlers of one mount point. */
export class ResultRoutes<Request> {
  readonly #core: Core;
  readonly #authorize: ResultRoutesOptions<Request>["authorize"];
  readonly #beside: ResultRoutesOptions<Request>["beside"];
  readonly #maxStreams: number;
  readonly #heartbeat: number;
  readonly #stop = new AbortController();
  #streams = 0;

  constructor(core: Core, options: ResultRoutesOptions<Request> = {}) {
    this.#core = core;
    this.#authorize = options.authorize;
    this.#beside = options.beside;
    this.#maxStreams = options.maxStreams ?? 1000;
    this.#heartbeat = options.heartbeat ?? 15_000;
  }

  /** GET /:id. Rejects only when the store cannot be asked: that is the framework's 500. */
  async read(id: string, request: Request): Promise<RouteAnswer> {
    const refused = await this.#refuse(id, request);
    if (refused !== undefined) return refused;
    const found = await this.#lookUp(id);
    if (found === undefined) return unknownTask(id);
    const body = bodyOf(found.outcome);
    const text = stringifyJson(body);
    if (isFinal(body.state)) return { status: 200, headers: jsonHeaders, body: text };
    return { status: 202, headers: { ...jsonHeaders, "retry-after": "1" }, body: text };
  }

  /** GET /:id/events: the present state first, then every change, `event: result` last. Ends with `signal`, and with `close`. */
  async events(id: string, request: Request, signal: AbortSignal): Promise<EventsAnswer> {
    const refused = await this.#refuse(id, request);
    if (refused !== undefined) return refused;
    if (this.#streams >= this.#maxStreams || this.#stop.signal.aborted) {
      return {
        ...problem(503, "TOO_MANY_STREAMS", "too many event streams are open; poll instead, or come back"),
        headers: { ...jsonHeaders, "retry-after": "5" },
      };
    }
    const done = this.#count();
    try {
      const found = await this.#lookUp(id);
      if (found !== undefined) {
        const stream = this.#stream(found, AbortSignal.any([signal, this.#stop.signal]), done);
        return { status: 200, headers: streamHeaders, stream: endingWith(stream, done) };
      }
    } catch (error) {
      done();
      throw error;
    }
    done();
    return unknownTask(id);
  }

  /** Ends every open stream. A server calls this before it waits for its connections. */
  close(): void {
    this.#stop.abort(new Error("the server is closing"));
  }

  /** Event streams open now. */
  get streams(): number {
    return this.#streams;
  }

  async #refuse(id: string, request: Request): Promise<RouteAnswer | undefined> {
    try {
      checkTaskId(id);
    } catch (error) {
      if (error instanceof CeleriacError) return problem(400, error.code, error.message);
      throw error;
    }
    if (this.#authorize !== undefined && !(await this.#authorize(request, id))) {
      return problem(403, "FORBIDDEN", "you may not read this task");
    }
    return undefined;
  }

  /** One more stream; answers with the way to count it out, once. */
  #count(): () => void {
    this.#streams++;
    let open = true;
    return () => {
      if (open) this.#streams--;
      open = false;
    };
  }

  async #lookUp(id: string): Promise<Found | undefined> {
    const { store } = await this.#core.connect();
    const [outcome] = await store.get([id]);
    if (outcome !== undefined) return { outcome, store };
    const beside = await this.#beside?.();
    const [there] = (await beside?.get([id])) ?? [];
    return beside === undefined || there === undefined ? undefined : { outcome: there, store: beside };
  }

  async *#stream(
    { outcome: first, store }: Found,
    signal: AbortSignal,
    done: () => void,
  ): AsyncGenerator<string, void, undefined> {
    let number = 0;
    const frame = (outcome: StoredOutcome): { readonly text: string; readonly last: boolean } => {
      const body = bodyOf(outcome);
      const last = isFinal(body.state);
      return {
        text: `id: ${++number}\nevent: ${last ? "result" : "progress"}\ndata: ${stringifyJson(body)}\n\n`,
        last,
      };
    };
    const watching = new AbortController();
    const stop = AbortSignal.any([signal, watching.signal]);
    try {
      // A dropped connection is opened again by the browser: after a second, not at once.
      const opening = frame(first);
      yield `retry: 1000\n\n${opening.text}`;
      if (opening.last) return;
      let before = Buffer.from(first.meta);
      for await (const outcome of withHeartbeat(store.watch(first.id, stop), this.#core.clock, this.#heartbeat, stop)) {
        if (outcome === "quiet") {
          yield ": still here\n\n";
          continue;
        }
        const meta = Buffer.from(outcome.meta);
        if (meta.equals(before)) continue;
        before = meta;
        const { text, last } = frame(outcome);
        yield text;
        if (last) return;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      watching.abort();
      done();
    }
  }
}

/** A generator that is ended before its first turn runs nothing, not even its `finally`: a client may be gone that soon. */
function endingWith(source: AsyncGenerator<string, void, undefined>, done: () => void): AsyncIterable<string> {
  const iterator: AsyncIterator<string, void, undefined> = {
    next: () => source.next(),
    return: async () => {
      done();
      return source.return();
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}

/** What `source` yields, and "quiet" whenever it yields nothing for `ms`. */
async function* withHeartbeat<T>(
  source: AsyncIterable<T>,
  clock: Clock,
  ms: number,
  signal: AbortSignal,
): AsyncGenerator<T | "quiet", void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  let next = iterator.next();
  try {
    while (!signal.aborted) {
      const rest = new AbortController();
      const quiet = clock.sleep(ms, AbortSignal.any([signal, rest.signal])).then(
        () => "quiet" as const,
        () => "over" as const,
      );
      const got = await Promise.race([next, quiet]).finally(() => rest.abort());
      if (got === "over") return;
      if (got === "quiet") {
        yield got;
        continue;
      }
      if (got.done === true) return;
      yield got.value;
      next = iterator.next();
    }
  } finally {
    next.catch(() => {}); // whoever stopped us has heard; a late rejection of the watch is nobody's news
    // Not awaited: a watch that waits for its next change ends by the signal, which the caller aborts next.
    void Promise.resolve(iterator.return?.()).catch(() => {});
  }
}

function unknownTask(id: string): RouteAnswer {
  const why =
    "it was never accepted, its result has expired, or it has not begun and was sent by a program without these routes";
  return problem(404, "TASK_UNKNOWN", `no task ${id} is known here; ${why}`);
}

function problem(status: number, code: string, message: string): RouteAnswer {
  return { status, headers: jsonHeaders, body: JSON.stringify({ error: code, message }) };
}
