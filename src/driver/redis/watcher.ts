/**
 * What an idle consumer does beside waiting for a bell. It looks, in one call: is there something, when is the next message due, whose turn is
 * it to sweep, what version have the facts. The same call makes one idle consumer of each queue its watcher, which looks each second and
 * looks out for producers that ring no bell, Python's among them: with BLMOVE from a list's end to the same end, which takes nothing and
 * changes nothing; a list of another priority that was ever used is looked at ten times a second.
 */

import type { Millis, ServerTime } from "../../port/units.ts";
import type { Context } from "./context.ts";
import { Peek, type Woken } from "./peek.ts";
import { Pulse, rest } from "./pulse.ts";
import { dropWatchScript, lookScript } from "./script/wake.ts";

/** What a look told. */
export interface Look {
  readonly now: ServerTime;
  readonly nextDue: ServerTime | undefined;
  /** For each queue the ms until its next sweep may begin; 0: it is ours, now. */
  readonly turns: readonly (readonly [queue: string, free: Millis])[];
}

export interface WatcherSettings {
  /** Names this consumer among all. */
  readonly who: string;
  readonly sweep: Millis;
  readonly queues: () => readonly string[];
  /** Look for work; resolves with true if there was some. */
  readonly wake: (seen?: Buffer) => Promise<Woken>;
  readonly looked: (look: Look) => void;
  /** True once a message of another priority than the usual one was seen. */
  readonly prioritiesUsed: () => boolean;
}

/** A watcher that dies is replaced after this, with the next look of another. */
const watchLife: Millis = 3000;
const renewal: Millis = 1000;
/** Between two looks of who does not watch. A little more than the usual pause between sweeps with its spread: whoever asks for the turn has looked. */
const patience: Millis = 5600;
/** Busy for so long: somebody else shall watch. Shorter pauses in idleness are not worth a word to the server. */
const handover: Millis = 200;
const priorityPoll: Millis = 100;
/** Too many queues: each would take a connection. */
const slowPoll: Millis = 50;
const mostPeeks = 4;

type LookReply = [now: string, facts: string, joins: number, waiting: number, due: string, ...queues: number[]];

export class Watcher {
  readonly #context: Context;
  readonly #settings: WatcherSettings;
  readonly #closing = new AbortController();
  readonly #pulse: Pulse;
  readonly #peeks = new Map<string, Peek>();
  #running = false;
  #idle = false;
  #mine: readonly string[] = [];
  #polling = false;
  /** Monotonic ms of the last look, and whether the next one is due at once. */
  #lookedAt = -Infinity;
  #wanted = false;

  constructor(context: Context, settings: WatcherSettings) {
    this.#context = context;
    this.#settings = settings;
    this.#pulse = new Pulse(context.clock, this.#closing.signal);
  }

  /** Is any queue ours to watch now? */
  get watching(): boolean {
    return this.#mine.length > 0;
  }

  setIdle(idle: boolean): void {
    if (this.#idle === idle || this.#closing.signal.aborted) return;
    this.#idle = idle;
    // Perhaps nobody watches: whoever did has become busy.
    if (idle && !this.watching) this.#wanted = true;
    if (!this.#running && idle) {
      this.#running = true;
      this.#run().catch(() => undefined);
    }
    this.#pulse.poke();
  }

  /** Look now. False: not idle, so there is no look. */
  look(): boolean {
    if (!this.#idle || this.#closing.signal.aborted) return false;
    this.#wanted = true;
    this.#pulse.poke();
    return true;
  }

  async close(): Promise<void> {
    const { watching } = this;
    this.#closing.abort(new Error("the watcher was closed"));
    this.#stopPeeks(() => true);
    if (watching && this.#context.link.isUp) await this.#drop();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    const { clock } = this.#context;
    while (!signal.aborted) {
      if (this.#idle) {
        if (this.#wanted || this.#wait <= 0) {
          this.#wanted = false;
          this.#lookedAt = clock.monotonic();
          await this.#look().catch(() => this.#watch([]));
        }
        if (!this.#wanted) await this.#pulse.sleep(Math.max(0, this.#wait));
      } else if (this.watching) {
        await this.#pulse.sleep(handover);
        if (!this.#idle && !signal.aborted) await this.#drop();
      } else await this.#pulse.sleep();
    }
  }

  /** Ms until the next look. */
  get #wait(): Millis {
    return this.#lookedAt + (this.watching ? renewal : patience) - this.#context.clock.monotonic();
  }

  async #look(): Promise<void> {
    const { keys, factsTold, clock } = this.#context;
    const { who, sweep } = this.#settings;
    const queues = this.#settings.queues();
    const names = [keys.unacked, keys.control, keys.joins];
    for (const queue of queues) names.push(keys.watch(queue), keys.sweep(queue), keys.due(queue), ...keys.lists(queue));
    const args = [who, String(watchLife), String(Math.ceil(sweep)), String(keys.steps.length), ...queues];
    const sent = clock.monotonic();
    const reply = (await this.#context.run(lookScript, names, args)) as LookReply;
    const [now, facts, joins, waiting, due, ...told] = reply;
    if (joins === 0) this.#context.noJoinsAt = sent;
    void factsTold.tell(Number(facts));
    const turns = queues.map((queue, at) => [queue, told[2 * at + 1] ?? sweep] as const);
    this.#watch(queues.filter((_, at) => told[2 * at] === 1));
    this.#settings.looked({ now: Number(now), nextDue: due === "" ? undefined : Number(due), turns });
    if (waiting === 1 && this.#idle) await this.#settings.wake();
  }

  #watch(queues: readonly string[]): void {
    this.#mine = queues;
    this.#stopPeeks((queue) => !this.#mine.includes(queue));
    if (this.#mine.length === 0) return;
    if (this.#mine.length <= mostPeeks) for (const queue of this.#mine) this.#peek(queue);
    else this.#stopPeeks(() => true);
    if (!this.#polling && (this.#mine.length > mostPeeks || this.#settings.prioritiesUsed())) {
      this.#polling = true;
      void this.#poll().catch(() => undefined);
    }
  }

  async #drop(): Promise<void> {
    this.#watch([]);
    const { keys } = this.#context;
    const names = this.#settings.queues().flatMap((queue) => [keys.watch(queue), keys.bell(queue)]);
    const args = [this.#settings.who, String(watchLife)];
    await this.#context.run(dropWatchScript, [keys.unacked, ...names], args).catch(() => undefined);
  }

  #peek(queue: string): void {
    if (this.#peeks.has(queue)) return;
    this.#peeks.set(
      queue,
      new Peek(this.#context, queue, async (seen) => (this.#idle ? this.#settings.wake(seen) : "nothing")),
    );
  }

  #stopPeeks(which: (queue: string) => boolean): void {
    for (const [queue, peek] of this.#peeks)
      if (which(queue)) {
        peek.close();
        this.#peeks.delete(queue);
      }
  }

  /** Lists that no peek covers. One EXISTS for all of them; it reads no message. */
  async #poll(): Promise<void> {
    const { keys, clock, link } = this.#context;
    const usual = keys.stepOf(undefined);
    try {
      let pause = priorityPoll;
      while (this.watching && !this.#closing.signal.aborted) {
        const peeked = this.#peeks.size > 0;
        await rest(clock, Math.max(pause, peeked ? priorityPoll : slowPoll), this.#closing.signal);
        if (!this.#idle || !link.isUp) continue;
        const lists = this.#mine.flatMap((queue) =>
          keys.steps.filter((step) => step !== usual || !peeked).map((step) => keys.list(queue, step)),
        );
        if (lists.length === 0) continue;
        const some = (await link.call("EXISTS", lists).catch(() => 0)) as number;
        // Found and not taken: a paused queue. It is looked at less and less often.
        const taken = some > 0 && (await this.#settings.wake()) !== "nothing";
        pause = some > 0 && !taken ? Math.min(pause * 2, 1000) : priorityPoll;
      }
    } finally {
      this.#polling = false;
    }
  }
}
