/** Listening to what all nodes of the broker tell. The receiver itself is loaded when somebody listens, and not before. */

import type { CeleryEvent } from "../wire/event.ts";
import type { AppCore } from "./core.ts";

/** What was heard at once, in the order in which it came. */
export interface EventBatch {
  readonly events: readonly CeleryEvent[];
  /** Events lost before these: how many, `undefined` if nobody knows, 0 if none. */
  readonly missed: number | undefined;
}

/**
 * Which events, and how long.
 *
 * @example
 * ```ts
 * import type { EventsOptions } from "celeriac";
 * const failures: EventsOptions = { types: ["task-failed", "worker-offline"], signal: AbortSignal.timeout(60_000) };
 * for await (const { events } of await app.events(failures)) console.log(events.length);
 * ```
 */
export interface EventsOptions {
  /** Only these: names, or beginnings with a star, as in `["task-*", "worker-online"]`. Default: all. */
  readonly types?: readonly string[];
  /** Ask workers that tell nothing of their tasks to begin, as those of Python without `-E`. It stays so. Default false. */
  readonly enable?: boolean;
  /** Gives up connecting, and ends the listening later. */
  readonly signal?: AbortSignal;
}

/**
 * A listening that can be ended.
 *
 * @example
 * ```ts
 * const subscription = await app.events(({ events }) => console.log(events.length));
 * process.once("SIGTERM", () => void subscription.close());
 * ```
 */
export interface EventSubscription extends AsyncDisposable {
  /** Safe twice. Also done when the app closes. */
  close(): Promise<void>;
}

/**
 * Batches as they come, for one loop. Who loops too slowly misses the oldest, and is told so.
 *
 * @example
 * ```ts
 * await using stream = await app.events({ types: ["task-*"] });
 * for await (const { events, missed } of stream) {
 *   if (missed !== 0) console.log("some were missed");
 *   for (const event of events) console.log(event.type, event["uuid"]);
 * }
 * ```
 */
export interface EventStream extends EventSubscription, AsyncIterable<EventBatch> {}

/** Called with what was heard at once. What it throws becomes a warning of the process. */
export type EventListener = (batch: EventBatch) => void;

/**
 * `(options?)` or `(listener, options?)`. Rejects with the driver's coded error, or the signal's reason.
 *
 * @example
 * ```ts
 * await using stream = await app.events({ types: ["worker-*"] }); // to be read with for await
 * await using subscription = await app.events(({ missed }) => console.log(missed)); // or handed over
 * ```
 */
export interface ListenEvents {
  (options?: EventsOptions): Promise<EventStream>;
  (listener: EventListener, options?: EventsOptions): Promise<EventSubscription>;
}

export function listenEvents(core: AppCore): ListenEvents {
  return (async (first: EventListener | EventsOptions = {}, rest: EventsOptions = {}) => {
    const { openEvents } = await import("../event/stream.ts");
    return typeof first === "function" ? openEvents(core, rest, first) : openEvents(core, first, undefined);
  }) as ListenEvents;
}
