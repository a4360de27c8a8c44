/** Looking into the queues of a memory server, purging and pausing them. Reads walk the lists and move nothing. */

import type { Held, Page, QueueAdmin, QueueState, RequeueTo } from "../../port/queue-admin.ts";
import { checkQueueName } from "../../wire/name.ts";
import type { HeldMessage } from "./held-message.ts";
import { type MessageQueue, positionOf } from "./message-queue.ts";
import { requeue } from "./requeue.ts";
import type { MemoryServer } from "./server.ts";
import type { Session } from "./session.ts";

const maxPage = 200;
const states = ["ready", "delayed", "leased"] as const;

export class MemoryQueueAdmin implements QueueAdmin {
  readonly #server: MemoryServer;
  readonly #session: Session;

  constructor(server: MemoryServer, session: Session) {
    this.#server = server;
    this.#session = session;
  }

  async list(): Promise<readonly QueueState[]> {
    this.#session.ensureOpen();
    const { messages } = this.#server;
    messages.promote();
    return [...messages.queues].map((queue) => queue.state(messages.consumersOf(queue.name)));
  }

  async browse(queue: string, where: Held["state"], after: string | undefined, limit: number): Promise<Page<Held>> {
    this.#session.ensureOpen();
    const size = Math.min(limit, maxPage);
    const [first, second] = after === undefined ? [-Infinity, -Infinity] : after.split("/").map(Number);
    const items: Held[] = [];
    for (const message of this.#server.messages.queue(queue).in(where)) {
      const [a, b] = positionOf(message);
      if (a < (first ?? 0) || (a === first && b <= (second ?? 0))) continue;
      if (items.length === size) return { items, next: items.at(-1)?.key };
      items.push(this.#shown(message, where));
    }
    return { items, next: undefined };
  }

  async find(queue: string, id: string): Promise<Held | undefined> {
    this.#session.ensureOpen();
    const lists = this.#server.messages.queue(queue);
    for (const where of ["leased", "delayed", "ready"] as const) {
      let ahead = 0;
      for (const message of lists.in(where)) {
        if (message.id === id) return { ...this.#shown(message, where), ...(where === "ready" ? { ahead } : {}) };
        ahead += 1;
      }
    }
    return undefined;
  }

  async purge(queue: string, what: { readonly ready: boolean; readonly delayed: boolean }): Promise<number> {
    this.#session.ensureOpen();
    const { messages } = this.#server;
    const purged = messages.queue(queue).purge(what);
    let there: ReadonlySet<string | undefined> | undefined;
    messages.calls.purged(queue, (id) => (there ??= idsIn(messages.queues)).has(id));
    return purged;
  }

  async requeue(queue: string, ids: readonly string[], to: RequeueTo): Promise<readonly (Held["state"] | undefined)[]> {
    this.#session.ensureOpen();
    checkQueueName(to.queue ?? queue);
    return requeue(this.#server.messages, queue, ids, to);
  }

  async pause(queue: string): Promise<void> {
    this.#session.ensureOpen();
    this.#server.messages.queue(queue).paused = true;
  }

  async resume(queue: string): Promise<void> {
    this.#session.ensureOpen();
    this.#server.messages.queue(queue).paused = false;
    this.#server.messages.wake(queue);
  }

  #shown(message: HeldMessage, state: Held["state"]): Held {
    const { due, lease, since, bytes: raw } = message;
    const key = positionOf(message).join("/");
    const { clock } = this.#server;
    return {
      key,
      raw,
      since,
      state,
      ...(due === undefined ? {} : { due }),
      ...(lease === undefined
        ? {}
        : { worker: lease.holder.worker, leaseUntil: clock.now() + lease.until - clock.monotonic() }),
    };
  }
}

/** Of all messages, whatever state they are in. */
function idsIn(queues: Iterable<MessageQueue>): ReadonlySet<string | undefined> {
  const all = [...queues].flatMap((queue) => states.flatMap((state) => [...queue.in(state)]));
  return new Set(all.map(({ id }) => id));
}
