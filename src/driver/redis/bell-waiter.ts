/**
 * How an idle worker sleeps: in BLPOP on the bells of its queues, on a connection of its own. One token wakes one worker. Tokens are
 * hints; whoever gets one that it has no room for passes it on, and a lost one costs until the next look of a watcher.
 */

import type { Millis } from "../../port/units.ts";
import type { Context } from "./context.ts";
import type { Link } from "./link.ts";
import { aside, Pulse } from "./pulse.ts";
import { ringScript } from "./script/wake.ts";

export interface WaiterSettings {
  readonly queues: () => readonly string[];
  /** A token came: look for work; resolves when that is done. */
  readonly wake: () => Promise<void>;
}

/** Seconds; then it asks again, which is how a line that is silently broken is noticed. */
const patience = 15;

/** After an error of the connection, before the next try. */
const pause: Millis = 100;

export class BellWaiter {
  readonly #context: Context;
  readonly #settings: WaiterSettings;
  readonly #closing = new AbortController();
  readonly #pulse: Pulse;
  #link: Link | undefined;
  #idle = false;
  #blocked = false;

  constructor(context: Context, settings: WaiterSettings) {
    this.#context = context;
    this.#settings = settings;
    this.#pulse = new Pulse(context.clock, this.#closing.signal);
  }

  /** From now on, or no longer, a bell is for us. */
  setIdle(idle: boolean): void {
    this.#idle = idle;
    if (!idle || this.#closing.signal.aborted) return;
    if (this.#link === undefined) {
      this.#link = this.#context.newLink();
      this.#link.start();
      this.#run(this.#link).catch(() => undefined);
    }
    this.#pulse.poke();
  }

  /** The queues changed: the call that waits for the old ones is ended by giving up its connection. */
  restart(): void {
    if (this.#blocked) this.#link?.drop("other queues");
  }

  close(): void {
    this.#closing.abort(new Error("the waiter was closed"));
    if (this.#link) this.#context.release(this.#link);
  }

  async #run(link: Link): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      if (!this.#idle) {
        await this.#pulse.sleep();
        continue;
      }
      const token = await this.#wait(link).catch(() => "broken" as const);
      if (signal.aborted) return;
      // A token may have been on the broken line: look all the same.
      if (token === "broken") await this.#pulse.sleep(pause);
      if (token === "quiet") continue;
      if (this.#idle) {
        await this.#settings.wake();
        await aside();
      } else if (token === "rung") await this.#passOn();
    }
  }

  async #wait(link: Link): Promise<"rung" | "quiet"> {
    await link.ready(this.#closing.signal);
    const bells = this.#settings.queues().map((queue) => this.#context.keys.bell(queue));
    // Those that started together do not come back together.
    const seconds = patience * (0.8 + Math.random() * 0.2);
    this.#blocked = true;
    try {
      const timeout = seconds * 1000 + this.#context.timeout;
      const reply = await link.call("BLPOP", [...bells, seconds.toFixed(2)], { timeout });
      return reply === null ? "quiet" : "rung";
    } finally {
      this.#blocked = false;
    }
  }

  async #passOn(): Promise<void> {
    const { keys } = this.#context;
    const bells = this.#settings.queues().map((queue) => keys.bell(queue));
    await this.#context.run(ringScript, [keys.unacked, ...bells], []).catch(() => undefined);
    // With nobody else idle the token would come straight back.
    await this.#pulse.sleep();
  }
}
