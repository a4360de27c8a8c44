/** The consumers of this process: made, changed and ended inside transactions, known to the rest only after the commit. */

import type { Asks } from "./exchange.ts";
import type { Consumers } from "./answering.ts";
import { Holder } from "./holder.ts";
import type { Maintenance } from "./maintenance.ts";
import type { Steps } from "./steps.ts";
import type { Turn } from "./turn.ts";

export interface ConsumerHooks {
  /** Opens this process's bell if need be, and names it. */
  bell(): string;
  added(holder: Holder): void;
  removed(holder: Holder): void;
}

export class ConsumerTable implements Consumers {
  readonly holders: Map<number, Holder> = new Map();
  readonly #steps: Steps;
  readonly #maintenance: Maintenance;
  readonly #hooks: ConsumerHooks;

  constructor(steps: Steps, maintenance: Maintenance, hooks: ConsumerHooks) {
    this.#steps = steps;
    this.#maintenance = maintenance;
    this.#hooks = hooks;
  }

  consume(ask: Asks["consume"]["in"], turn: Turn): number {
    const no = this.#steps.processes.add(ask.worker, this.#hooks.bell(), turn.now);
    const queues = [...new Set(ask.queues)].map((name) => this.#steps.names.number(name));
    turn.after.push(() => {
      const holder = new Holder(no, queues, ask);
      this.holders.set(no, holder);
      this.#hooks.added(holder);
    });
    return no;
  }

  setQueues(ask: Asks["setQueues"]["in"], turn: Turn): void {
    const holder = this.holders.get(ask.consumer);
    if (holder === undefined) return;
    const queues = [...new Set(ask.queues)].map((name) => this.#steps.names.number(name));
    this.#steps.processes.removeIdle(holder.no);
    turn.after.push(() => {
      holder.queues = queues;
      holder.idle = false;
      holder.hungry = true;
    });
  }

  stop(consumer: number, turn: Turn): void {
    const holder = this.holders.get(consumer);
    if (holder === undefined) return;
    // No claim may follow in this very turn.
    holder.paused = true;
    this.#steps.keeping.giveBack(holder, turn);
    this.#steps.processes.remove(holder.no);
    if (this.holders.size === 1) this.#maintenance.leave();
    turn.after.push(() => {
      this.holders.delete(consumer);
      this.#hooks.removed(holder);
    });
  }

  stopAll(turn: Turn): void {
    for (const no of this.holders.keys()) this.stop(no, turn);
    this.#maintenance.leave();
  }
}
