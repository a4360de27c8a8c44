/**
 * One idle worker of each queue looks out for producers that ring no bell, Python's among them. It peeks with BLMOVE from a list's
 * end to the same end, which takes nothing and changes nothing; a list of another priority that was ever used is looked at ten times
 * a second.
 */

import type { Millis } from "../../port/units.ts";
import { ServerRefusal } from "./failure.ts";
import type { Context } from "./context.ts";
import type { Link } from "./link.ts";
import { Pulse, rest } from "./pulse.ts";
import { watchScript } from "./script/wake.ts";

export interface WatcherSettings {
  /** Names this consumer among all. */
  readonly who: string;
  readonly queues: () => readonly string[];
  /** Look for work; resolves with true if there was some. */
  readonly wake: () => Promise<boolean>;
  /** True once a message of another priority than the usual one was seen. */
  readonly prioritiesUsed: () => boolean;
}

/** A watcher that dies is replaced after this. */
const watchLife: Millis = 3000;
const renewal: Millis = 1000;
/** Between two tries to become the watcher. */
const patience: Millis = 3000;
/** Busy for so long: somebody else shall watch. Shorter pauses in idleness are not worth a word to the server. */
const handover: Millis = 200;
const priorityPoll: Millis = 100;
/** Where peeking is refused (memory used up) or too many queues would each take a connection. */
const slowPoll: Millis = 50;
const mostPeeks = 4;

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
    if (!this.#running && idle) {
      this.#running = true;
      this.#run().catch(() => undefined);
    }
    this.#pulse.poke();
  }

  async close(): Promise<void> {
    const { watching } = this;
    this.#closing.abort(new Error("the watcher was closed"));
    this.#stopPeeks(() => true);
    if (watching && this.#context.link.isUp) await this.#ask("drop").catch(() => undefined);
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      if (this.#idle) {
        await this.#take();
        const wait = this.watching ? renewal : patience * (0.8 + Math.random() * 0.4);
        await this.#pulse.sleep(wait);
      } else if (this.watching) {
        await this.#pulse.sleep(handover);
        if (!this.#idle && !signal.aborted) await this.#drop();
      } else await this.#pulse.sleep();
    }
  }

  async #take(): Promise<void> {
    const queues = this.#settings.queues();
    const answers = await this.#ask("take").catch(() => []);
    const before = this.#mine;
    this.#mine = queues.filter((_, index) => answers[index] === 1);
    this.#stopPeeks((queue) => !this.#mine.includes(queue));
    if (this.#mine.length === 0) return;
    if (this.#mine.length <= mostPeeks) for (const queue of this.#mine) this.#peek(queue);
    else this.#stopPeeks(() => true);
    if (!this.#polling && (this.#mine.length > mostPeeks || this.#settings.prioritiesUsed())) {
      this.#polling = true;
      void this.#poll().catch(() => undefined);
    }
    // What came while nobody watched; and the next due time, which a claim that finds nothing brings along.
    if (before.length === 0) await this.#settings.wake();
  }

  async #drop(): Promise<void> {
    this.#mine = [];
    this.#stopPeeks(() => true);
    await this.#ask("drop").catch(() => undefined);
  }

  async #ask(what: "take" | "drop"): Promise<number[]> {
    const { keys } = this.#context;
    const names = this.#settings.queues().flatMap((queue) => [keys.watch(queue), keys.bell(queue)]);
    return (await this.#context.run(
      watchScript,
      [keys.unacked, ...names],
      [this.#settings.who, String(watchLife), what],
    )) as number[];
  }

  #peek(queue: string): void {
    if (this.#peeks.has(queue)) return;
    this.#peeks.set(
      queue,
      new Peek(this.#context, queue, () => (this.#idle ? this.#settings.wake() : Promise.resolve(false))),
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
        const taken = some > 0 && (await this.#settings.wake());
        pause = some > 0 && !taken ? Math.min(pause * 2, 1000) : priorityPoll;
      }
    } finally {
      this.#polling = false;
    }
  }
}

/** Peeks at the right end of one list. */
class Peek {
  readonly #closing = new AbortController();
  readonly #context: Context;
  readonly #link: Link;

  constructor(context: Context, queue: string, wake: () => Promise<boolean>) {
    this.#context = context;
    this.#link = context.newLink();
    this.#link.start();
    const { keys } = context;
    this.#run(keys.list(queue, keys.stepOf(undefined)), wake).catch(() => undefined);
  }

  close(): void {
    this.#closing.abort(new Error("the peek was closed"));
    this.#context.release(this.#link);
  }

  async #run(list: string, wake: () => Promise<boolean>): Promise<void> {
    const { signal } = this.#closing;
    let pause = slowPoll;
    while (!signal.aborted) {
      const found = await this.#look(list).catch((error: unknown) =>
        error instanceof ServerRefusal ? "refused" : "broken",
      );
      if (signal.aborted) return;
      if (found === "quiet") continue;
      // Found and not taken: another was faster, or the queue is paused.
      const taken = found === "found" ? await wake() : false;
      pause = taken ? slowPoll : Math.min(pause * 2, 1000);
      if (!taken) await rest(this.#context.clock, found === "refused" ? slowPoll : pause / 2, signal);
    }
  }

  async #look(list: string): Promise<"found" | "quiet"> {
    await this.#link.ready(this.#closing.signal);
    const seconds = 5;
    try {
      const timeout = seconds * 1000 + this.#context.timeout;
      const reply = await this.#link.call("BLMOVE", [list, list, "RIGHT", "RIGHT", String(seconds)], {
        timeout,
        binary: true,
      });
      return reply === null ? "quiet" : "found";
    } catch (error) {
      if (!(error instanceof ServerRefusal && error.word === "OOM")) throw error;
      await rest(this.#context.clock, slowPoll, this.#closing.signal);
      return (await this.#link.call("LLEN", [list])) === 0 ? "quiet" : "found";
    }
  }
}
