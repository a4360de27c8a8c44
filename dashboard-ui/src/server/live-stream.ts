/**
 * The one stream of changes. Pages say which topics they follow; when that changes, a new connection takes over from the old one, which is
 * closed only once the new one is open. A connection that the browser gave up is tried again, and then everything is asked anew.
 *
 *   off ──follow──▶ connecting ──▶ open ──▶ lost ──(5 s, or the browser's own retry)──▶ connecting
 */

import type { StreamEvent } from "../../../src/dashboard/contract.ts";

export type StreamState = "off" | "connecting" | "open" | "lost";

/** Topics that change in one go make one connection, ms. */
const settling = 30;
const retry = 5_000;

export interface LiveStreamOptions {
  readonly open: (topics: readonly string[]) => EventSource;
  readonly hear: (event: StreamEvent) => void;
}

export class LiveStream {
  readonly #options: LiveStreamOptions;
  readonly #topics = new Map<string, number>();
  readonly #listeners = new Set<() => void>();
  #source: EventSource | undefined;
  #next: EventSource | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #state: StreamState = "off";
  #missed = false;

  constructor(options: LiveStreamOptions) {
    this.#options = options;
  }

  readonly state = (): StreamState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Until what it gives is called. */
  follow(topic: string): () => void {
    this.#topics.set(topic, (this.#topics.get(topic) ?? 0) + 1);
    this.#schedule(settling);
    let over = false;
    return () => {
      if (over) return;
      over = true;
      const left = (this.#topics.get(topic) ?? 1) - 1;
      if (left > 0) this.#topics.set(topic, left);
      else this.#topics.delete(topic);
      this.#schedule(settling);
    };
  }

  #schedule(wait: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), wait);
  }

  #connect(): void {
    this.#next?.close();
    this.#next = undefined;
    if (this.#topics.size === 0) {
      this.#source?.close();
      this.#source = undefined;
      this.#tell("off");
      return;
    }
    const source = this.#options.open([...this.#topics.keys()].toSorted());
    this.#next = source;
    if (this.#state !== "open") this.#tell("connecting");
    source.onopen = () => {
      if (this.#next === source) {
        this.#source?.close();
        this.#source = source;
        this.#next = undefined;
      }
      if (this.#source !== source) return;
      this.#tell("open");
      if (!this.#missed) return;
      this.#missed = false;
      this.#options.hear({ type: "reset", why: "gap" });
    };
    source.onmessage = ({ data }) => {
      const event = readEvent(data);
      if (event !== undefined) this.#options.hear(event);
    };
    source.onerror = () => {
      if (this.#source !== source && this.#next !== source) return source.close();
      this.#tell("lost");
      // The browser tries again by itself unless the answer was a refusal.
      if (source.readyState !== 2) return;
      this.#missed = true;
      this.#schedule(retry);
    };
  }

  #tell(state: StreamState): void {
    if (this.#state === state) return;
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}

function readEvent(data: unknown): StreamEvent | undefined {
  if (typeof data !== "string") return undefined;
  try {
    const event: unknown = JSON.parse(data);
    return typeof event === "object" && event !== null && "type" in event ? (event as StreamEvent) : undefined;
  } catch {
    return undefined;
  }
}
