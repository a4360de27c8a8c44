/**
 * The server's messages: what Redis scripts and SQL transactions do elsewhere, each method one indivisible step. Nothing here
 * awaits, so nothing interleaves. Times of leases are monotonic; times people read and `due` are the wall clock's.
 */

import type { Clock } from "../../clock/clock.ts";
import type { Outgoing, Published, Settled, Settlement } from "../../port/broker.ts";
import type { Fence, Millis } from "../../port/units.ts";
import { AttemptLog } from "./attempt-log.ts";
import { CallTable } from "./call-table.ts";
import { DeadLetterTable } from "./dead-letter-table.ts";
import { ExpiringMap } from "./expiring-map.ts";
import { HeldMessage, levels, type Holder, lostWorker } from "./held-message.ts";
import type { JoinTable } from "./join-table.ts";
import type { Line } from "./line.ts";
import { MessageQueue } from "./message-queue.ts";
import type { Call, PlaceTable } from "./place-table.ts";
import type { ResultTable } from "./result-table.ts";
import type { TableOptions } from "./server-options.ts";

/** A consumer as the server sees it. */
export interface Claimer extends Holder {
  readonly queues: readonly string[];
  /** There may be something to claim. */
  wake(): void;
}
export interface ClaimAsk {
  readonly room: number;
  readonly maxBytes: number;
  readonly lease: Millis;
}

/** A step of the wall clock is noticed this late by what waits for a moment. */
const alarmLimit: Millis = 1_000;

export class MessageTable {
  readonly dead: DeadLetterTable = new DeadLetterTable();
  readonly calls: CallTable;
  readonly #clock: Clock;
  readonly #results: ResultTable;
  readonly #joins: JoinTable;
  readonly #places: PlaceTable;
  readonly #options: TableOptions;
  readonly #queues = new Map<string, MessageQueue>();
  readonly #claimers = new Set<Claimer>();
  /** The nonce under which an id was published. */
  readonly #seen: ExpiringMap<string>;
  readonly #attempts: AttemptLog;
  #fence: Fence = 0;
  #tag = 0;
  #alarm: Disposable | undefined;

  constructor(clock: Clock, results: ResultTable, joins: JoinTable, places: PlaceTable, options: TableOptions) {
    this.#options = options;
    this.#clock = clock;
    this.#results = results;
    this.#joins = joins;
    this.#places = places;
    this.calls = new CallTable(clock, this);
    this.#seen = new ExpiringMap(clock);
    this.#attempts = new AttemptLog(clock);
  }

  queue(name: string): MessageQueue {
    const queue = this.#queues.get(name) ?? new MessageQueue(name);
    this.#queues.set(name, queue);
    return queue;
  }

  get queues(): Iterable<MessageQueue> {
    return this.#queues.values();
  }

  /** Makes it a message of this server; nothing has happened yet. Throws NOT_SERIALIZABLE. */
  encode(outgoing: Outgoing): HeldMessage {
    return HeldMessage.of(outgoing, String(++this.#tag), this.#clock.now());
  }

  /** `maxDepth` 0: however many there are. A repeat is told so even when the queue is full: its message is in already. */
  publish(
    message: HeldMessage,
    { dedupe, call }: { readonly [K in "dedupe" | "call"]?: Outgoing[K] | undefined },
    maxDepth: number,
  ): Published {
    const nonce = dedupe && this.#seen.get(dedupe.id);
    if (nonce !== undefined) return { kind: nonce === dedupe?.nonce ? "accepted" : "duplicate" };
    const decision = call && this.calls.decide(call, message, this.#options.isOver);
    if (decision?.kind === "held" || decision?.kind === "gone") return decision;
    const { depth } = this.queue(message.queue);
    if (maxDepth > 0 && depth >= maxDepth && decision?.kind !== "swap")
      return {
        kind: "refused",
        reason: "full",
        detail: `${message.queue} holds ${depth} messages, the limit is ${maxDepth}`,
      };
    if (dedupe) {
      this.#seen.set(dedupe.id, dedupe.nonce, dedupe.window);
      // An id that comes again after its window is a new task: the old result would keep it from storing its own.
      this.#results.forget(dedupe.id);
    }
    if (decision?.kind !== "swap") this.#options.accepted?.(message);
    if (call === undefined || decision === undefined) this.put(message, "back");
    else this.calls.put(call, decision, message);
    return { kind: "accepted" };
  }

  put(message: HeldMessage, at: "front" | "back"): void {
    const queue = this.queue(message.queue);
    if (queue.add(message, at, this.#clock.now())) this.wake(queue.name);
    else this.#setAlarm();
  }

  attach(claimer: Claimer): void {
    this.#claimers.add(claimer);
    for (const name of claimer.queues) this.queue(name);
    this.#setAlarm();
  }

  detach(claimer: Claimer): void {
    this.#claimers.delete(claimer);
    if (this.#claimers.size === 0) this.#setAlarm();
  }

  consumersOf(queue: string): number {
    return [...this.#claimers].filter((claimer) => claimer.queues.includes(queue)).length;
  }

  wake(queue: string): void {
    for (const claimer of this.#claimers) if (claimer.queues.includes(queue)) claimer.wake();
  }

  /**
   * In order of priority over all queues. Each queue gives its share first; what others left is filled up after that. A message
   * larger than `maxBytes` comes alone.
   */
  claim(claimer: Claimer, ask: ClaimAsk): readonly HeldMessage[] {
    this.promote();
    const queues = claimer.queues.map((name) => this.queue(name)).filter((queue) => !queue.paused);
    const taken: HeldMessage[] = [];
    const given = new Map<MessageQueue, number>();
    let bytes = 0;
    /** False: no more bytes. */
    const take = (queue: MessageQueue, line: Pick<Line, "peek" | "shift">, most: number): boolean => {
      while (taken.length < ask.room && (given.get(queue) ?? 0) < most) {
        const next = line.peek();
        if (next === undefined) break;
        if (taken.length > 0 && bytes + next.size > ask.maxBytes) return false;
        line.shift();
        bytes += next.size;
        given.set(queue, (given.get(queue) ?? 0) + 1);
        const until = this.#clock.monotonic() + ask.lease;
        queue.lease(next, { holder: claimer, fence: this.#nextFence(), until, started: undefined });
        taken.push(next);
      }
      return true;
    };
    // Half for keys that take turns, so that neither waits for the other to be empty.
    const share = Math.ceil(ask.room / queues.length);
    for (const queue of queues) {
      if (queue.fair.size === 0) continue;
      if (!take(queue, queue.fair, Math.floor((share + queue.odd()) / 2))) return taken;
    }
    for (const most of [share, ask.room])
      for (const level of levels) for (const queue of queues) if (!take(queue, queue.line(level), most)) return taken;
    for (const queue of queues) if (!take(queue, queue.fair, ask.room)) return taken;
    return taken;
  }

  /** False: somebody else holds it by now, or nobody. */
  holds(holder: Holder, message: HeldMessage, fence: Fence): boolean {
    return message.lease?.fence === fence && message.lease.holder === holder;
  }

  renew(holder: Holder, message: HeldMessage, fence: Fence, lease: Millis): boolean {
    if (!this.holds(holder, message, fence) || message.lease === undefined) return false;
    message.lease.until = this.#clock.monotonic() + lease;
    return true;
  }

  started(holder: Holder, message: HeldMessage, fence: Fence, blame: "suspect" | "sure"): void {
    if (this.holds(holder, message, fence) && message.lease) message.lease.started = { at: this.#clock.now(), blame };
  }

  /** Gives it back to the front, as it was. */
  giveBack(holder: Holder, message: HeldMessage, fence: Fence): void {
    if (!this.holds(holder, message, fence)) return;
    if (message.lease?.started !== undefined) message.redelivered = true;
    this.put(message, "front");
  }

  settle(holder: Holder, message: HeldMessage, fence: Fence, settlement: Settlement): Settled {
    if (!this.holds(holder, message, fence)) return { kind: "lost" };
    const { then, result, follow = [], arrive, record } = settlement;
    // Whatever cannot be encoded must throw here, before anything is done.
    const followers = follow.map((outgoing) => ({ message: this.encode(outgoing), dedupe: outgoing.dedupe }));
    const next = then.kind === "replace" ? this.encode(then.next) : undefined;
    const final = result !== undefined && this.#results.put(result) === "already-final";
    for (const follower of followers) this.publish(follower.message, follower, 0);
    const joined = arrive && { joined: arrive.map((arrival) => this.#joins.arrive(arrival)) };
    const queue = this.queue(message.queue);
    if (final || then.kind === "ack") {
      queue.remove(message);
      this.calls.end(message);
      this.#attempts.take(message.id);
      const outcome = final ? this.#results.get(result.id) : undefined;
      return outcome ? { kind: "already-final", outcome, ...joined } : { kind: "settled", ...joined };
    }
    if (record !== undefined) this.#attempts.add(message.id, record);
    if (then.kind === "requeue") {
      message.redelivered ||= message.lease?.started !== undefined;
      message.crashes = then.crashes ?? message.crashes;
      message.suspicions = then.suspicions ?? message.suspicions;
      const { behind } = then;
      const { id } = message;
      const called =
        behind !== undefined && id !== undefined && !this.#places.wait(behind, id, () => this.#call(message));
      message.due = called ? undefined : then.due;
      this.put(message, then.at);
    } else {
      queue.remove(message);
      if (next !== undefined) {
        next.crashes = message.crashes;
        next.suspicions = message.suspicions;
        this.put(next, "back");
        this.calls.keep(message, next);
      }
      if (then.kind === "bury") {
        this.calls.end(message);
        const attempts = this.#attempts.take(message.id);
        this.dead.add(message, then.letter, [...attempts, ...then.letter.attempts], this.#clock.now());
      }
    }
    return { kind: "settled", ...joined };
  }

  /** Gives back what no one renews. Counts what its holder blamed it for, if it had been started; buries nothing. */
  reap(): void {
    const now = this.#clock.monotonic();
    for (const queue of this.#queues.values()) {
      const over = [...queue.leased.values()].filter((message) => (message.lease?.until ?? Infinity) <= now);
      // Last claimed first, so that the first claimed ends up in front.
      for (const message of over.toReversed()) {
        const { holder, started } = message.lease ?? {};
        message.redelivered = true;
        if (started !== undefined && holder !== undefined) {
          if (started.blame === "sure") message.crashes += 1;
          else message.suspicions += 1;
          this.#attempts.add(message.id, lostWorker(message.attempt, holder, started.at, this.#clock.now()));
        }
        this.put(message, "front");
      }
    }
  }

  promote(): void {
    for (const queue of this.#queues.values()) if (queue.promote(this.#clock.now())) this.wake(queue.name);
  }

  /** Back to its queue as if new: counts cleared, no duplicate of itself, and free to store a result. */
  redrive(key: string): boolean {
    const dead = this.dead.take(key);
    if (dead === undefined) return false;
    if (dead.id !== undefined) this.#results.forget(dead.id);
    this.put(HeldMessage.ofRaw(dead.queue, dead.raw, this.#clock.now()), "back");
    return true;
  }

  /** To the front of its queue, if it still waits there. */
  #call(message: HeldMessage): Call {
    const queue = this.queue(message.queue);
    if (queue.delayed.remove(message)) {
      message.due = undefined;
      this.put(message, "front");
      return "called";
    }
    return message.lease !== undefined || queue.isReady(message) ? "moving" : "gone";
  }

  /** Microseconds, as on the other brokers: fences that users keep in their own tables go on growing over a restart. */
  #nextFence(): Fence {
    this.#fence = Math.max(this.#fence + 1, Math.trunc(this.#clock.now() * 1_000));
    return this.#fence;
  }

  /** One timer for all that is delayed, and only while somebody would take it. */
  #setAlarm(): void {
    this.#alarm?.[Symbol.dispose]();
    this.#alarm = undefined;
    if (this.#claimers.size === 0) return;
    let next = Infinity;
    for (const queue of this.#queues.values()) next = Math.min(next, queue.delayed.next ?? Infinity);
    if (next === Infinity) return;
    const limit = this.#options.steady === true ? Infinity : alarmLimit;
    const wait = Math.min(Math.max(0, next - this.#clock.now()), limit);
    this.#alarm = this.#clock.after(wait, () => {
      this.promote();
      this.#setAlarm();
    });
  }
}
