/** Who wants to know when a consumer loses its channel, and has one again. */

export type ConsumerEvent = "disconnected" | "connected" | "clock-step";

export class ConsumerEvents {
  readonly #listeners = new Map<ConsumerEvent, ((detail: string) => void)[]>();

  add(event: ConsumerEvent, listener: (detail: string) => void): void {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
  }

  emit(event: ConsumerEvent, detail: string): void {
    for (const listener of this.#listeners.get(event) ?? []) listener(detail);
  }
}
