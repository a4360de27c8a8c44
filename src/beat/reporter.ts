/** Tells listeners what a scheduler does. What a listener throws is told to the others, and changes nothing else. */

import type { BeatEvent, BeatEventType } from "../app/beat.ts";
import type { Clock } from "../clock/clock.ts";

type Listener = (event: BeatEvent) => void;
type Facts = Omit<BeatEvent, "type" | "at" | "beat">;

const listenerFailed = "LISTENER_FAILED";

export class BeatReporter {
  readonly #clock: Clock;
  readonly #beat: string;
  readonly #listeners = new Set<Listener>();

  constructor(clock: Clock, beat: string) {
    this.#clock = clock;
    this.#beat = beat;
  }

  all(listener: Listener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  on(type: BeatEventType, listener: Listener): Disposable {
    return this.all((event) => {
      if (event.type === type) listener(event);
    });
  }

  emit(type: BeatEventType, facts: Facts = {}): void {
    if (this.#listeners.size === 0) return;
    const event: BeatEvent = { type, at: this.#clock.now(), beat: this.#beat, ...facts };
    for (const listener of this.#listeners) {
      try {
        const answer: unknown = listener(event);
        if (answer instanceof Promise) answer.catch((error: unknown) => this.#blame(event, error));
      } catch (error) {
        this.#blame(event, error);
      }
    }
  }

  warning(code: string, text: string, facts: Facts = {}, error?: unknown): void {
    const why = error instanceof Error ? `${text}: ${error.message}` : text;
    this.emit("beat:warning", { code, text: why, ...facts });
  }

  #blame(event: BeatEvent, error: unknown): void {
    if (event.code === listenerFailed) return;
    this.warning(listenerFailed, `a listener of "${event.type}" threw, which changed nothing else`, {}, error);
  }
}
