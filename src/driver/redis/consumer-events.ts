/** Who wants to know when a consumer loses its server, has it again, or sees its clock step. */

export type ConsumerEvent = "disconnected" | "connected" | "clock-step";

export class ConsumerEvents {
  readonly #listeners = new Map<ConsumerEvent, Set<(detail: string) => void>>();

  add(event: ConsumerEvent, listener: (detail: string) => void): void {
    const listeners = this.#listeners.get(event);
    if (listeners) listeners.add(listener);
    else this.#listeners.set(event, new Set([listener]));
  }

  emit(event: ConsumerEvent, detail: string): void {
    for (const listener of this.#listeners.get(event) ?? []) listener(detail);
  }
}
