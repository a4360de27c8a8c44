/**
 * Sends this node's events. Those of tasks are gathered and travel as lists, the others alone and at once. Nobody waits for it: when the
 * broker is slower than what happens, the oldest are thrown away and counted, and whoever listens is told how many.
 *
 *   queue() ─▶ waiting (bounded) ──(linger, or a full batch)──▶ at most a few publishes under way ─▶ bus, which may lose them
 */

import type { Clock } from "../clock/clock.ts";
import type { Bus } from "../port/bus.ts";
import type { Millis } from "../port/units.ts";
import { type CeleryEvent, eventMessage, eventTopic, utcOffset } from "../wire/event.ts";
import type { LamportClock } from "./lamport.ts";

/** Waits for company so long: a person sees no difference, and a busy worker sends tens of lists a second instead of thousands. */
const linger: Millis = 20;
/** Events in one list. */
const mostTogether = 200;
const mostWaiting = 10_000;
/** Publishes under way; one that hangs does not hold up the others. */
const mostUnderway = 4;
/** How long `drain` waits for the broker. */
const drainPatience: Millis = 1_000;

export interface EmitterOptions {
  readonly bus: Pick<Bus, "publish">;
  readonly clock: Clock;
  readonly lamport: LamportClock;
  /** Node name. */
  readonly hostname: string;
  readonly pid: number;
  /** Events that wait at most. Default 10 000. */
  readonly limit?: number;
}

type Fields = Readonly<Record<string, unknown>>;

export class Emitter {
  readonly #options: EmitterOptions;
  readonly #limit: number;
  /** By group, the part of a type before its first dash. */
  readonly #waiting = new Map<string, CeleryEvent[]>();
  #count = 0;
  #lingering: Disposable | undefined;
  #woken = false;
  readonly #underway = new Set<Promise<void>>();
  #missed = 0;
  #dropped = 0;

  constructor(options: EmitterOptions) {
    this.#options = options;
    this.#limit = options.limit ?? mostWaiting;
  }

  /** Events that were thrown away since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Goes out with its neighbours of the same group. */
  queue(type: string, fields: Fields): void {
    const group = type.slice(0, type.indexOf("-"));
    const waiting = this.#waiting.get(group) ?? [];
    if (waiting.length === 0) this.#waiting.set(group, waiting);
    waiting.push(this.#event(type, fields));
    this.#count++;
    if (this.#count > this.#limit) this.#drop();
    if (waiting.length >= mostTogether) this.#wake();
    else this.#lingering ??= this.#options.clock.after(linger, () => this.#flush());
  }

  /** Goes out alone, now. Never rejects. */
  async send(type: string, fields: Fields): Promise<void> {
    await this.#publish(eventTopic(type, false), this.#event(type, fields));
  }

  /** Sends what waits; resolves when it is on its way, or after a second. */
  async drain(): Promise<void> {
    const over = new AbortController();
    const patience = this.#options.clock.sleep(drainPatience, over.signal).then(
      () => true,
      () => true,
    );
    const sent = (async () => {
      this.#flush();
      while (this.#underway.size > 0) {
        await Promise.race(this.#underway);
        this.#flush();
      }
    })();
    await Promise.race([sent, patience]);
    over.abort(new Error("sent"));
  }

  #event(type: string, fields: Fields): CeleryEvent {
    const { clock, lamport, hostname, pid } = this.#options;
    const now = clock.now();
    return {
      hostname,
      utcoffset: utcOffset(now),
      pid,
      clock: lamport.forward(),
      ...fields,
      timestamp: now / 1000,
      type,
    };
  }

  /** A tenth at once, so that it costs little for each; of the group that has most. */
  #drop(): void {
    let most: CeleryEvent[] = [];
    for (const waiting of this.#waiting.values()) if (waiting.length > most.length) most = waiting;
    const { length } = most.splice(0, Math.max(1, Math.floor(this.#limit / 10)));
    this.#count -= length;
    this.#missed += length;
    this.#dropped += length;
  }

  /** A batch is full: not in the middle of what the worker is doing just now. */
  #wake(): void {
    if (this.#woken) return;
    this.#woken = true;
    setImmediate(() => {
      this.#woken = false;
      this.#flush();
    });
  }

  #flush(): void {
    this.#lingering?.[Symbol.dispose]();
    this.#lingering = undefined;
    for (const [group, waiting] of this.#waiting) {
      while (waiting.length > 0) {
        if (this.#underway.size >= mostUnderway) return; // the next to end goes on here
        const batch = waiting.splice(0, mostTogether);
        this.#count -= batch.length;
        this.#start(eventTopic(`${group}-`, true), batch);
      }
    }
    if (this.#missed === 0 || this.#underway.size >= mostUnderway) return;
    const missed = this.#missed;
    this.#missed = 0;
    this.#start("celeriac.gap", this.#event("celeriac-gap", { missed }));
  }

  #start(topic: string, events: readonly CeleryEvent[] | CeleryEvent): void {
    const done = this.#publish(topic, events).finally(() => {
      this.#underway.delete(done);
      if (this.#count > 0) this.#flush();
    });
    this.#underway.add(done);
  }

  /** Events are lossy, and a field that cannot be written is no reason to fail for whoever told of it. */
  async #publish(topic: string, events: readonly CeleryEvent[] | CeleryEvent): Promise<void> {
    try {
      await this.#options.bus.publish({ kind: "event", type: topic }, eventMessage(events));
    } catch {
      this.#dropped += Array.isArray(events) ? events.length : 1;
    }
  }
}
