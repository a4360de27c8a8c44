/** How a consumer waits while there is nothing to do: for a bell, for its next look, and for the moment at which a delayed message is due. */

import type { Millis, ServerTime } from "../../port/units.ts";
import { BellWaiter } from "./bell-waiter.ts";
import type { Context } from "./context.ts";
import { DueTimer } from "./due-timer.ts";
import type { Woken } from "./peek.ts";
import type { ServerClock } from "./server-clock.ts";
import { type Look, Watcher } from "./watcher.ts";

export interface IdleSettings {
  /** Names this consumer among all. */
  readonly who: string;
  readonly sweep: Millis;
  readonly queues: () => readonly string[];
  readonly serverClock: ServerClock;
  /** Resolves with how many messages came. */
  readonly claim: (why: "bell") => Promise<number>;
  /** Claim, for this envelope was `seen` on its queue. */
  readonly wake: (seen?: Buffer) => Promise<Woken>;
  readonly looked: (look: Look) => void;
  /** True once a message of another priority than the usual one was seen. */
  readonly prioritiesUsed: () => boolean;
}

export class Idle {
  readonly #waiter: BellWaiter;
  readonly #watcher: Watcher;
  readonly #due: DueTimer;

  constructor(context: Context, settings: IdleSettings) {
    const { queues, claim, wake, looked, serverClock, ...others } = settings;
    this.#due = new DueTimer(context.clock, serverClock, () => void claim("bell").catch(() => 0));
    this.#watcher = new Watcher(context, {
      ...others,
      queues,
      wake,
      looked: (look) => {
        looked(look);
        if (look.nextDue !== undefined) this.due(look.nextDue, "look");
      },
    });
    this.#waiter = new BellWaiter(context, {
      queues,
      wake: async () => {
        // Nothing there: perhaps it says that nobody watches any more.
        if ((await claim("bell")) === 0 && !this.#watcher.watching) this.#watcher.look();
      },
    });
  }

  /** There is room and nothing to claim, or no longer. */
  set(idle: boolean): void {
    this.#waiter.setIdle(idle);
    this.#watcher.setIdle(idle);
  }

  /** Who learned of it by a bell, or as the watcher, sees to it; all the others would come at the same moment. */
  due(next: ServerTime, why: "room" | "bell" | "look"): void {
    if (why !== "look" || this.#watcher.watching) this.#due.set(next);
  }

  /** Look now; false: it is busy. */
  look(): boolean {
    return this.#watcher.look();
  }

  /** The queues are others now. */
  restart(): void {
    this.#waiter.restart();
  }

  /** Wakes nobody any more. */
  quiet(): void {
    this.#waiter.close();
    this.#due.clear();
  }

  async close(): Promise<void> {
    this.quiet();
    await this.#watcher.close();
  }
}
