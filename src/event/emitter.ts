/**
 * Sends this node's events. Those of tasks are gathered and travel as lists, the others alone and at once. Nobody waits for it: when the
 * broker is slower than what happens, the oldest are thrown away and counted, and whoever listens is told how many.
 *
 *   queue() ─▶ waiting (bounded) ──(linger, or a full batch)──▶ at most a few publishes under way ─▶ bus, which may lose them
 */

import type { Clock } from "../clock/clock.ts";
import type { Bus } from "../port/bus.ts";
import type { Millis } from "../port/units.ts";
import { eventList, eventMessage, eventTopic, utcOffset } from "../wire/event.ts";
import { stringifyJson } from "../wire/json.ts";
import type { Message } from "../wire/message.ts";
import { CountPrinter } from "./digits.ts";
import { EventBatch } from "./event-batch.ts";
import type { LamportClock } from "./lamport.ts";

/** Waits for company so long: a person sees no difference, and a busy worker sends tens of lists a second instead of thousands. */
const linger: Millis = 20;
/** Events in one list. */
const mostTogether = 250;
const mostWaiting = 50_000;
/** Publishes under way; one that hangs does not hold up the others. */
const mostUnderway = 16;
/** Rooms of batches kept for the next ones, as many as may be under way, 1 MB. New ones made the garbage collector look through the whole heap six times a second. */
const mostSpare = mostUnderway;
const headLife: Millis = 1_000;
/** How long `drain` waits for the broker. */
const drainPatience: Millis = 1_000;

export interface EmitterOptions {
  readonly bus: Pick<Bus, "publish">;
  readonly clock: Clock;
  readonly lamport: LamportClock;
  /** Node name. */
  readonly hostname: string;
  readonly pid: number;
  /** Events that wait at most. Default 50 000. */
  readonly limit?: number;
}

type Fields = Readonly<Record<string, unknown>>;

/** Types that begin alike, up to their first dash, travel together. */
interface Group {
  readonly name: string;
  filling: EventBatch | undefined;
}

/** What is written for each event of one type. */
interface Kind {
  readonly group: Group;
  /** Unix ms for which `end` was made. */
  at: number;
  end: string;
}

export class Emitter {
  readonly #options: EmitterOptions;
  readonly #limit: number;
  readonly #groups = new Map<string, Group>();
  /** Full, or put there by a flush; the oldest first. */
  readonly #full: EventBatch[] = [];
  readonly #spare: Buffer[] = [];
  #count = 0;
  #lingering: Disposable | undefined;
  #woken = false;
  readonly #underway = new Set<Promise<void>>();
  #missed = 0;
  #dropped = 0;
  /** The beginning of each event, up to its clock, and when it was made: the zone may change its summer time. */
  #head = "";
  #headAt = -Infinity;
  /** Unix ms, and the same as events have it. */
  #now = Number.NaN;
  #timestamp = "";
  readonly #clockText = new CountPrinter();
  /** There are some twenty. */
  readonly #kinds = new Map<string, Kind>();

  constructor(options: EmitterOptions) {
    this.#options = options;
    this.#limit = options.limit ?? mostWaiting;
  }

  /** Events that were thrown away since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Goes out with its neighbours of the same group. The fields are plain data; what JSON would lose is lost. */
  queue(type: string, fields: Fields): void {
    this.write(type, JSON.stringify(fields).slice(1, -1));
  }

  /** The same with fields that are JSON already, without braces. By hand: a busy worker makes tens of thousands a second. */
  write(type: string, json: string): void {
    const kind = this.#kinds.get(type) ?? this.#newKind(type);
    const now = this.#options.clock.now();
    if (now !== this.#now) this.#tick(now);
    if (kind.at !== now) {
      kind.at = now;
      kind.end = `,"timestamp":${this.#timestamp},"type":"${type}"}`;
    }
    const count = this.#clockText.print(this.#options.lamport.forward());
    this.#put(kind.group, this.#head + count + (json === "" ? "" : ",") + json + kind.end);
  }

  #put(group: Group, text: string): void {
    let batch = group.filling;
    if (batch === undefined || !batch.add(text)) {
      if (batch !== undefined) this.#full.push(batch);
      batch = new EventBatch(group.name, text.length, this.#spare.pop());
      batch.add(text);
      group.filling = batch;
    }
    this.#count++;
    if (batch.count >= mostTogether) {
      group.filling = undefined;
      this.#full.push(batch);
    }
    if (this.#count > this.#limit) this.#drop();
    if (this.#full.length > 0) this.#wake();
    else this.#lingering ??= this.#options.clock.after(linger, () => this.#flush());
  }

  /** Goes out alone, now. Never rejects. */
  async send(type: string, fields: Fields): Promise<void> {
    const { hostname, pid, lamport, clock } = this.#options;
    const now = clock.now();
    const common = { hostname, utcoffset: utcOffset(now), pid, clock: lamport.forward() };
    const event = { ...common, ...fields, timestamp: now / 1000, type };
    await this.#publish(eventTopic(type, false), () => eventMessage(event), 1);
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

  /** Another millisecond: printing one costs as much as printing the rest of an event. */
  #tick(now: number): void {
    this.#now = now;
    this.#timestamp = String(now / 1000);
    if (now - this.#headAt > headLife || now < this.#headAt) this.#newHead(now);
  }

  #newKind(type: string): Kind {
    const name = type.slice(0, type.indexOf("-"));
    const group = this.#groups.get(name) ?? { name, filling: undefined };
    this.#groups.set(name, group);
    const kind = { group, at: Number.NaN, end: "" };
    this.#kinds.set(type, kind);
    return kind;
  }

  #newHead(now: number): void {
    const { hostname, pid } = this.#options;
    const head = stringifyJson({ hostname, utcoffset: utcOffset(now), pid });
    this.#head = `${head.slice(0, -1)},"clock":`;
    this.#headAt = now;
  }

  /** The oldest batch: an event for itself would cost each time. */
  #drop(): void {
    const count = this.#full.shift()?.count ?? 0;
    this.#count -= count;
    this.#missed += count;
    this.#dropped += count;
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
    for (const group of this.#groups.values()) {
      if (group.filling !== undefined) this.#full.push(group.filling);
      group.filling = undefined;
    }
    // Where too many are under way, the next to end goes on here.
    while (this.#underway.size < mostUnderway) {
      const batch = this.#full.shift();
      if (batch === undefined) break;
      this.#count -= batch.count;
      this.#start(this.#publishBatch(batch));
    }
    if (this.#missed === 0 || this.#underway.size >= mostUnderway) return;
    const missed = this.#missed;
    this.#missed = 0;
    this.#start(this.send("celeriac-gap", { missed }));
  }

  #start(publishing: Promise<void>): void {
    const done = publishing.finally(() => {
      this.#underway.delete(done);
      if (this.#count > 0) this.#flush();
    });
    this.#underway.add(done);
  }

  async #publishBatch(batch: EventBatch): Promise<void> {
    const { group, count, room } = batch;
    const message = (): Message => eventList(this.#options.hostname, batch.end());
    const told = await this.#publish(eventTopic(`${group}-`, true), message, count);
    if (told && room !== undefined && this.#spare.length < mostSpare) this.#spare.push(room);
  }

  /** Events are lossy, and a field that cannot be written is no reason to fail for whoever told of it. True if the bus took it. */
  async #publish(topic: string, message: () => Message, count: number): Promise<boolean> {
    try {
      await this.#options.bus.publish({ kind: "event", type: topic }, message());
      return true;
    } catch {
      this.#dropped += count;
      return false;
    }
  }
}
