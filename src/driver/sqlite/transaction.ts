/**
 * What one transaction does, in its order: settlements and messages, marks of starts, duties, then a claim for each consumer with
 * room. Nothing here waits, begins or commits.
 */

import { answerWrite } from "./answering.ts";
import type { Rooms } from "./answering.ts";
import type { Holder } from "./holder.ts";
import type { Job } from "./job-queue.ts";
import type { Outbox } from "./outbox.ts";
import type { Steps } from "./steps.ts";
import type { Turn } from "./turn.ts";

export class Transaction {
  readonly #steps: Steps;
  readonly #rooms: Rooms;
  readonly #holders: ReadonlyMap<number, Holder>;
  readonly #outbox: Outbox;

  constructor(steps: Steps, rooms: Rooms, holders: ReadonlyMap<number, Holder>, outbox: Outbox) {
    this.#steps = steps;
    this.#rooms = rooms;
    this.#holders = holders;
    this.#outbox = outbox;
  }

  /** Returns the bells to ring after the commit. */
  run(jobs: readonly Job[], duties: readonly ((turn: Turn) => void)[], turn: Turn): readonly string[] {
    for (const job of jobs) if (job.request.k !== "started") this.#outbox.keep(job.call, this.#do(job, turn));
    // After the settlements: what has ended by now needs no mark.
    for (const job of jobs) if (job.request.k === "started") this.#do(job, turn);
    for (const duty of duties) duty(turn);
    for (const holder of this.#holders.values()) {
      if (!holder.canClaim(turn.mono) && !this.#isCalled(holder, turn)) continue;
      const claimed = this.#steps.claiming.claim(holder, turn);
      if (claimed !== undefined) this.#outbox.keepNotice({ n: "claimed", claimed });
    }
    return this.#wake(turn);
  }

  #do(job: Job, turn: Turn): unknown {
    const { request, batch } = job;
    switch (request.k) {
      case "publish":
        return this.#steps.publishing.publish(batch, request.from, request.count, turn);
      case "settle": {
        const holder = this.#holders.get(request.consumer);
        return holder === undefined
          ? Array.from({ length: request.count }, () => 1)
          : this.#steps.settling.settle(batch, holder, request.from, request.count, turn);
      }
      case "started": {
        const holder = this.#holders.get(request.consumer);
        if (holder !== undefined) this.#steps.settling.started(holder, request.seqs, request.fence, request.sure, turn);
        return undefined;
      }
      case "ask":
        return answerWrite(this.#rooms, request, batch, turn);
      default:
        return undefined;
    }
  }

  /** Has this turn brought something to a consumer that thought there was nothing? */
  #isCalled(holder: Holder, turn: Turn): boolean {
    return holder.room > 0 && holder.isSafe(turn.mono) && holder.queues.some((queue) => turn.ready.has(queue));
  }

  /** One idle consumer for each queue that has something left. */
  #wake(turn: Turn): readonly string[] {
    const bells: string[] = [];
    for (const queue of turn.ready) {
      const woken = this.#steps.processes.wakeOne(queue);
      if (woken === undefined) continue;
      const own = this.#holders.get(woken.no);
      if (own === undefined) bells.push(woken.bell);
      else {
        turn.after.push(() => {
          own.idle = false;
          own.hungry = true;
        });
      }
    }
    return bells;
  }
}
