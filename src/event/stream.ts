/** A receiver as a program uses it: only the types that are wanted, to a listener or as a loop, until it is closed or the app is. */

import type { AppCore } from "../app/core.ts";
import type { EventBatch, EventListener, EventsOptions, EventStream } from "../app/events.ts";
import type { CeleryEvent } from "../wire/event.ts";
import { Receiver } from "./receiver.ts";

/** Events that wait for a slow loop at most. */
const mostWaiting = 100_000;

/** Rejects with the driver's coded error, or the signal's reason. */
export async function openEvents(
  core: AppCore,
  { types, signal, enable = false }: EventsOptions,
  listener: EventListener | undefined,
): Promise<EventStream> {
  signal?.throwIfAborted();
  const { bus } = await core.connect(signal);
  const wanted = filterOf(types);
  const queue = new BatchQueue();
  const receiver = new Receiver({
    bus,
    enable,
    take: ({ events, missed }) => {
      const batch = { events: wanted ? events.filter(({ type }) => wanted(type)) : events, missed };
      if (batch.events.length === 0 && missed === 0) return;
      if (listener) listener(batch);
      else queue.add(batch);
    },
  });
  await receiver.open();
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= (async () => {
      closed[Symbol.dispose]();
      signal?.removeEventListener("abort", abort);
      queue.end();
      await receiver.close();
    })();
    return closing;
  };
  const abort = (): void => void close().catch(() => {});
  const closed = core.onClose(close);
  signal?.addEventListener("abort", abort, { once: true });
  if (signal?.aborted === true) {
    await close();
    throw signal.reason as Error;
  }
  return {
    close,
    [Symbol.asyncDispose]: close,
    [Symbol.asyncIterator]: () => ({
      next: () => queue.next(),
      return: async () => {
        await close();
        return { done: true, value: undefined };
      },
    }),
  };
}

/** `undefined`: all are wanted. */
export function filterOf(types: readonly string[] | undefined): ((type: string) => boolean) | undefined {
  if (types === undefined || types.includes("*")) return undefined;
  const exact = new Set(types.filter((type) => !type.endsWith("*")));
  const beginnings = types.filter((type) => type.endsWith("*")).map((type) => type.slice(0, -1));
  return (type) => exact.has(type) || beginnings.some((beginning) => type.startsWith(beginning));
}

class BatchQueue {
  #events: CeleryEvent[] = [];
  #missed: number | undefined = 0;
  #waiter: ((result: IteratorResult<EventBatch, undefined>) => void) | undefined;
  #ended = false;

  add({ events, missed }: EventBatch): void {
    for (const event of events) this.#events.push(event);
    this.#miss(missed);
    if (this.#events.length > mostWaiting) {
      const { length } = this.#events.splice(0, this.#events.length - mostWaiting + mostWaiting / 10);
      this.#miss(length);
    }
    if (this.#waiter) this.#hand(this.#waiter);
  }

  /** What waits is still handed on. */
  end(): void {
    this.#ended = true;
    if (this.#waiter) this.#hand(this.#waiter);
  }

  next(): Promise<IteratorResult<EventBatch, undefined>> {
    return new Promise((resolve) => {
      if (this.#events.length > 0 || this.#missed !== 0 || this.#ended) this.#hand(resolve);
      else this.#waiter = resolve;
    });
  }

  #hand(to: (result: IteratorResult<EventBatch, undefined>) => void): void {
    this.#waiter = undefined;
    if (this.#events.length === 0 && this.#missed === 0) return to({ done: true, value: undefined });
    const batch = { events: this.#events, missed: this.#missed };
    this.#events = [];
    this.#missed = 0;
    to({ done: false, value: batch });
  }

  #miss(missed: number | undefined): void {
    this.#missed = missed === undefined || this.#missed === undefined ? undefined : this.#missed + missed;
  }
}
