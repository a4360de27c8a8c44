/**
 * One queue: each of its messages is in exactly one of three states.
 *
 *   publish ──> ready ──claim──> leased ──settle──> gone
 *      │          ^                │ requeue, give back, lease over
 *      └> delayed ┴────────────────┘
 */

import type { Held, QueueState } from "../../port/queue-admin.ts";
import type { Fence, ServerTime } from "../../port/units.ts";
import { FairLine } from "./fair-line.ts";
import { levels, type HeldLease, type HeldMessage } from "./held-message.ts";
import { Line, Timetable } from "./line.ts";

/** Of positions, above all priorities; turns of what was given back may be below 0. */
const fairBase = 1e9;

export class MessageQueue {
  readonly name: string;
  paused = false;
  readonly delayed: Timetable = new Timetable();
  /** By fence, oldest claim first. */
  readonly leased: Map<Fence, HeldMessage> = new Map();
  /** What waits of keys that take turns. */
  readonly fair: FairLine = new FairLine();
  #odd = 0;
  readonly #lines: readonly Line[] = levels.map(() => new Line());

  constructor(name: string) {
    this.name = name;
  }

  get depth(): number {
    return this.#lines.reduce((sum, line) => sum + line.size, this.fair.size);
  }

  /** Whose the odd one of a claim is: in turn 1, theirs whose keys take turns, and 0. */
  odd(): number {
    this.#odd = 1 - this.#odd;
    return this.#odd;
  }

  line(level: number): Line {
    return this.#lines[level] as Line;
  }

  /** To where it belongs: its line, or the timetable if it is not due. True if it became ready. */
  add(message: HeldMessage, at: "front" | "back", now: ServerTime): boolean {
    if (message.lease) this.leased.delete(message.lease.fence);
    message.lease = undefined;
    if (message.due !== undefined && message.due > now) {
      this.delayed.add(message, message.due);
      return false;
    }
    message.due = undefined;
    const line = message.fair === undefined ? this.line(message.priority) : this.fair;
    if (at === "front") line.unshift(message);
    else line.push(message);
    return true;
  }

  /** Moves what has come due to the lines. True if anything moved. */
  promote(now: ServerTime): boolean {
    let moved = false;
    for (let item = this.delayed.takeDue(now); item !== undefined; item = this.delayed.takeDue(now)) {
      this.add(item, "back", now);
      moved = true;
    }
    return moved;
  }

  lease(message: HeldMessage, lease: HeldLease): void {
    message.lease = lease;
    this.leased.set(lease.fence, message);
  }

  remove(message: HeldMessage): void {
    if (message.lease) this.leased.delete(message.lease.fence);
    message.lease = undefined;
  }

  /** Takes it out, whatever state it is in. */
  take(message: HeldMessage): void {
    if (message.lease) this.remove(message);
    else if (message.due !== undefined) this.delayed.remove(message);
    else if (this.fair.has(message)) this.fair.remove(message);
    else this.line(message.priority).remove(message);
  }

  isReady(message: HeldMessage): boolean {
    return this.fair.has(message) || this.line(message.priority).has(message);
  }

  purge(what: { readonly ready: boolean; readonly delayed: boolean }): number {
    const ready = what.ready ? this.#lines.reduce((sum, line) => sum + line.clear(), this.fair.clear()) : 0;
    return ready + (what.delayed ? this.delayed.clear() : 0);
  }

  *ready(): Generator<HeldMessage> {
    for (const line of this.#lines) yield* line;
    yield* this.fair;
  }

  state(consumers: number): QueueState {
    let oldest: ServerTime | undefined;
    for (const line of [...this.#lines, this.fair]) {
      const since = line.peek()?.since;
      if (since !== undefined && since < (oldest ?? Infinity)) oldest = since;
    }
    return {
      name: this.name,
      paused: this.paused,
      ready: levels
        .map((priority) => ({
          priority,
          // Keys that take turns have no priority.
          count: this.line(priority).size + (priority === 0 ? this.fair.size : 0),
        }))
        .filter((line) => line.count > 0),
      delayed: this.delayed.size,
      leased: this.leased.size,
      consumers,
      ...(oldest === undefined ? {} : { oldest }),
    };
  }

  *in(where: Held["state"]): Generator<HeldMessage> {
    if (where === "ready") yield* this.ready();
    else if (where === "delayed") yield* this.delayed;
    else yield* this.leased.values();
  }
}

/** Where a message stands in its list, as two numbers that grow along it. Pages are cut by these, so a page costs one walk. */
export function positionOf(message: HeldMessage): readonly [number, number] {
  if (message.lease !== undefined) return [0, message.lease.fence];
  return [message.due ?? (message.turn === undefined ? message.priority : fairBase + message.turn), message.place];
}
