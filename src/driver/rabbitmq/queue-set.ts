/** The queues that a consumer takes from, and which of them it can take from just now: what one of them lacks is no reason to leave the others. */

import { CeleriacError } from "../../error/celeriac-error.ts";
import { checkQueueName } from "../../wire/name.ts";
import type { Context } from "./context.ts";
import type { Declarations } from "./declarations.ts";
import { isChannelError, replyCode } from "./failure.ts";
import type { Pauses } from "./pauses.ts";

export class QueueSet {
  readonly #context: Context;
  readonly #declarations: Declarations;
  readonly #pauses: Pauses;
  #names: readonly string[];
  /** The server ended a channel over taking from them. */
  readonly #refused = new Set<string>();

  constructor(context: Context, declarations: Declarations, pauses: Pauses, names: readonly string[]) {
    this.#context = context;
    this.#declarations = declarations;
    this.#pauses = pauses;
    this.#names = [...names];
  }

  /** Rejects, and stays as it was, if one of them cannot be had. */
  async change(names: readonly string[]): Promise<void> {
    for (const queue of names) checkQueueName(queue);
    const before = this.#names;
    const after = [...names];
    this.#names = after;
    try {
      await this.declare();
    } catch (error) {
      if (this.#names === after) this.#names = before;
      throw error;
    }
  }

  async declare(): Promise<void> {
    const names = this.#names;
    await this.#context.persist(async () => {
      for (const queue of names) await this.#declarations.consumed(queue);
    });
    for (const queue of names) this.#context.use(queue);
  }

  /** Those that are there, not paused, and may be taken from. */
  async usable(): Promise<readonly string[]> {
    const names = this.#names.filter((queue) => !this.#refused.has(queue));
    const there: string[] = [];
    for (const queue of names) if (await this.#isThere(queue)) there.push(queue);
    const paused = await this.#pauses.among(there);
    return there.filter((queue) => !paused.has(queue));
  }

  /** Why a channel ended: over a queue that is then left alone until `retry`. */
  endedOver(error: unknown): void {
    if (!isChannelError(error, replyCode.refused, replyCode.locked)) return;
    const queue = this.#names.find((each) => error.message.includes(`queue '${each}' in vhost`));
    if (queue !== undefined) this.#refused.add(queue);
  }

  /** What was refused may be allowed by now. */
  retry(): void {
    this.#refused.clear();
  }

  async #isThere(queue: string): Promise<boolean> {
    try {
      await this.#declarations.consumed(queue);
      return true;
    } catch (error) {
      if (error instanceof CeleriacError && error.code === "BACKEND_REFUSED") return false;
      throw error;
    }
  }
}
