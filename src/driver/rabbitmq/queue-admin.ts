/** Looking at queues as far as AMQP shows them: how many messages are ready and how many consumers there are, not which. */

import { CeleriacError } from "../../error/celeriac-error.ts";
import type { Held, Page, QueueAdmin, QueueState } from "../../port/queue-admin.ts";
import { checkQueueName } from "../../wire/name.ts";
import type { Context } from "./context.ts";
import { isChannelError, replyCode } from "./failure.ts";
import type { Pauses } from "./pauses.ts";

export class RabbitQueueAdmin implements QueueAdmin {
  readonly #context: Context;
  readonly #pauses: Pauses;

  constructor(context: Context, pauses: Pauses) {
    this.#context = context;
    this.#pauses = pauses;
  }

  /** Of the queues that the app names or this process has used: the server lists its queues to its management API alone. */
  async list(): Promise<readonly QueueState[]> {
    this.#context.ensureOpen();
    const { queues } = this.#context;
    const paused = await this.#pauses.among(queues);
    const states = await Promise.all(queues.map((queue) => this.#state(queue, paused.has(queue))));
    return states.filter((state) => state !== undefined);
  }

  async #state(name: string, paused: boolean): Promise<QueueState | undefined> {
    const counted = await this.#count(name);
    if (counted === undefined) return undefined;
    const { messages, consumers } = counted;
    return { name, paused, ready: [{ priority: 0, count: messages }], consumers };
  }

  /** Undefined for a queue that does not exist. */
  async #count(queue: string): Promise<{ readonly messages: number; readonly consumers: number } | undefined> {
    return await this.#missing(() => this.#context.ask((channel) => channel.declareQueue(queue, { passive: true })));
  }

  async browse(_queue: string, where: Held["state"]): Promise<Page<Held>> {
    throw new CeleriacError(
      "NOT_SUPPORTED",
      `${this.#context.location.name} does not show what is ${where}: AMQP has no way to look at messages without taking them. Use the server's management pages.`,
    );
  }

  find(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  /** What is delayed lies in queues that all share: it can't be told apart, and stays. */
  async purge(queue: string, what: { readonly ready: boolean; readonly delayed: boolean }): Promise<number> {
    checkQueueName(queue);
    if (what.ready) return (await this.#missing(() => this.#context.ask((channel) => channel.purgeQueue(queue)))) ?? 0;
    if (!what.delayed) return 0;
    throw new CeleriacError(
      "NOT_SUPPORTED",
      `${this.#context.location.name} cannot purge what is delayed for ${queue}: it waits among the delayed messages of all queues. Revoke the tasks by their ids instead.`,
    );
  }

  async requeue(queue: string): Promise<never> {
    throw new CeleriacError(
      "NOT_SUPPORTED",
      `${this.#context.location.name} cannot move single tasks of ${queue}: AMQP neither shows a message that waits nor gives one back that another holds. Revoke the task and send it again, or stop the worker that has it.`,
    );
  }

  async pause(queue: string): Promise<void> {
    checkQueueName(queue);
    this.#context.use(queue);
    await this.#pauses.pause(queue);
  }

  async resume(queue: string): Promise<void> {
    checkQueueName(queue);
    this.#context.use(queue);
    await this.#pauses.resume(queue);
  }

  async #missing<T>(ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask();
    } catch (error) {
      if (isChannelError(error, replyCode.notFound)) return undefined;
      throw error;
    }
  }
}
