/** Log lines on their way to the worker: 1 000 lines or 1 MiB at most, then the oldest go and are counted. */

import type { LogItem } from "./reply-frame.ts";

const maxLines = 1000;
const maxCharacters = 1024 * 1024;

export class LogBuffer {
  #items: LogItem[] = [];
  /** Lines before this are dropped or gone; the array is cut in one go. */
  #head = 0;
  #characters = 0;
  #dropped = 0;

  get empty(): boolean {
    return this.#items.length === this.#head;
  }

  add(item: LogItem): void {
    this.#items.push(item);
    this.#characters += size(item);
    while (this.#items.length - this.#head > maxLines || this.#characters > maxCharacters) {
      const oldest = this.#items[this.#head];
      if (!oldest) break;
      this.#characters -= size(oldest);
      this.#head++;
      this.#dropped++;
    }
    if (this.#head > maxLines) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
  }

  take(): { readonly items: readonly LogItem[]; readonly dropped: number } {
    const taken = { items: this.#items.slice(this.#head), dropped: this.#dropped };
    this.#items = [];
    this.#head = 0;
    this.#characters = 0;
    this.#dropped = 0;
    return taken;
  }
}

function size(item: LogItem): number {
  return item[2].length + (item[3]?.length ?? 0);
}
