/** Messages that were given up, with what is known about each attempt, until somebody redrives or drops them. */

import type { AttemptRecord, DeadLetter, DeadLetters, Page } from "../../port/queue-admin.ts";
import type { HeldMessage } from "./held-message.ts";

const maxPage = 200;

export class DeadLetterTable {
  readonly #letters = new Map<string, { readonly letter: DeadLetter; readonly message: HeldMessage }>();
  #last = 0;

  add(message: HeldMessage, letter: DeadLetter, attempts: readonly AttemptRecord[], now: number): void {
    const key = String(++this.#last);
    this.#letters.set(key, { letter: { ...letter, key, queue: message.queue, at: now, attempts }, message });
  }

  /** Newest first: what has just gone wrong is what one looks for. */
  list(filter: Parameters<DeadLetters["list"]>[0], after: string | undefined, limit: number): Page<DeadLetter> {
    const size = Math.min(limit, maxPage);
    const before = after === undefined ? Infinity : Number(after);
    const items: DeadLetter[] = [];
    for (const { letter } of [...this.#letters.values()].toReversed()) {
      if (Number(letter.key) >= before || !matches(letter, filter)) continue;
      if (items.length === size) return { items, next: items.at(-1)?.key };
      items.push(letter);
    }
    return { items, next: undefined };
  }

  take(key: string): HeldMessage | undefined {
    const message = this.#letters.get(key)?.message;
    this.#letters.delete(key);
    return message;
  }
}

function matches(letter: DeadLetter, filter: Parameters<DeadLetters["list"]>[0]): boolean {
  return (
    (filter.queue === undefined || letter.queue === filter.queue) &&
    (filter.task === undefined || letter.task === filter.task) &&
    (filter.reason === undefined || letter.reason === filter.reason)
  );
}
