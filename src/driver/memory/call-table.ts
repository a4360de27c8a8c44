/** Keys that calls have: who stands for each. Every method is part of a step of the message table. */

import type { Clock } from "../../clock/clock.ts";
import {
  beginCall,
  type CallDecision,
  type CallHeld,
  type CallRow,
  type CallRule,
  decideCall,
  endCall,
  type IsOver,
  keepCall,
} from "../../port/call-law.ts";
import type { CallMark } from "../../wire/call-mark.ts";
import type { HeldMessage } from "./held-message.ts";
import type { MessageQueue } from "./message-queue.ts";

/** A row, and its message that waits. */
interface Entry {
  readonly row: CallRow;
  readonly waiter: HeldMessage | undefined;
}

/** Where messages are put. */
interface Places {
  queue(name: string): MessageQueue;
  put(message: HeldMessage, at: "front" | "back"): void;
}

export class CallTable {
  readonly #clock: Clock;
  readonly #places: Places;
  readonly #rows = new Map<string, Entry>();
  #swept = 0;

  constructor(clock: Clock, places: Places) {
    this.#clock = clock;
    this.#places = places;
  }

  /** Changes nothing yet. */
  decide(rule: CallRule, message: HeldMessage, isOver: IsOver): CallDecision {
    const row = this.#rows.get(nameOf(message.queue, rule.key))?.row;
    return decideCall(row, rule, { id: message.id ?? "", due: message.due }, this.#clock.now(), isOver);
  }

  /** Stores the message: as one of its own, or in the place of the one that waits, be that in the hands of a consumer that has not begun it. */
  put(rule: CallRule, decision: Exclude<CallDecision, CallHeld>, message: HeldMessage): void {
    this.#sweep();
    const name = nameOf(message.queue, rule.key);
    const { row, due } = decision;
    if (decision.kind === "put") {
      message.due = due;
      const waits = row.free === undefined || row.next !== undefined;
      this.#rows.set(name, { row, waiter: waits ? message : undefined });
      this.#places.put(message, "back");
      return;
    }
    const waiter = this.#rows.get(name)?.waiter;
    this.#rows.set(name, { row, waiter });
    waiter?.become(message);
    if (due !== undefined) this.#move(waiter, due);
  }

  begin(message: HeldMessage): void {
    const { call: mark, id } = message;
    const [name, entry] = this.#find(mark);
    if (mark === undefined || id === undefined || entry === undefined) return;
    const row = beginCall(entry.row, mark, id, this.#clock.now());
    if (row === undefined) this.#rows.delete(name);
    else this.#rows.set(name, { row, waiter: row === entry.row ? entry.waiter : undefined });
  }

  /** What has ended gives up its key, and what waited for that is ready. */
  end({ call: mark, id }: HeldMessage): void {
    const [name, entry] = this.#find(mark);
    if (mark === undefined || id === undefined || entry === undefined) return;
    const { row, release } = endCall(entry.row, mark, id, this.#clock.now());
    if (row === undefined) this.#rows.delete(name);
    else this.#rows.set(name, { row, waiter: entry.row.next === id ? undefined : entry.waiter });
    if (release !== undefined) this.#move(entry.waiter, undefined);
  }

  /** It will be tried again. */
  keep(message: HeldMessage, next: HeldMessage): void {
    const { call: mark, id } = message;
    const [name, entry] = this.#find(mark);
    if (mark === undefined || id === undefined || entry === undefined) return;
    const row = keepCall(entry.row, mark, id, next.due ?? this.#clock.now());
    this.#rows.set(name, { row, waiter: entry.waiter === message ? next : entry.waiter });
  }

  /** Messages of this queue were removed. */
  purged(queue: string, isThere: (id: string) => boolean): void {
    for (const [name, { row }] of this.#rows) {
      if (!name.startsWith(nameOf(queue, ""))) continue;
      const next = row.next !== undefined && isThere(row.next) ? row.next : undefined;
      if (next === undefined && row.free === undefined && !isThere(row.id)) this.#rows.delete(name);
      else if (next !== row.next) this.#rows.set(name, { row: { ...row, next }, waiter: undefined });
    }
  }

  /** It lies in another queue now, as a message of its own. */
  moved(message: HeldMessage, to: HeldMessage): void {
    const [name, entry] = this.#find(message.call);
    if (entry?.waiter === message) this.#rows.set(name, { ...entry, waiter: to });
  }

  #move(waiter: HeldMessage | undefined, due: number | undefined): void {
    if (waiter?.due === undefined || waiter.lease !== undefined) return;
    if (!this.#places.queue(waiter.queue).delayed.remove(waiter)) return;
    waiter.due = due;
    this.#places.put(waiter, "back");
  }

  #find(mark: CallMark | undefined): readonly [string, Entry | undefined] {
    if (mark === undefined) return ["", undefined];
    const name = nameOf(mark.queue, mark.key);
    const entry = this.#rows.get(name);
    return [name, entry !== undefined && entry.row.until > this.#clock.now() ? entry : undefined];
  }

  #sweep(): void {
    const now = this.#clock.now();
    if (now - this.#swept < 1_000) return;
    this.#swept = now;
    for (const [name, { row }] of this.#rows) if (row.until <= now) this.#rows.delete(name);
  }
}

function nameOf(queue: string, key: string): string {
  return `${queue}\n${key}`;
}
