/** Looking into queues and dead letters: asks the thread, and puts envelopes together on this side. */

import type { DeadLetter, DeadLetters, Held, QueueAdmin } from "../../port/queue-admin.ts";
import { checkQueueName } from "../../wire/name.ts";
import { rawOf } from "./delivery.ts";
import type { HeldRow } from "./exchange.ts";
import type { Link } from "./link.ts";

export function queueAdmin(link: Link): QueueAdmin {
  return {
    list: () => link.ask("queues", null),
    async browse(queue, where, after, limit) {
      const { items, next } = await link.ask("browse", { queue, where, after, limit });
      return { items: items.map((row) => heldOf(row, queue)), next };
    },
    async find(queue, id) {
      const row = await link.ask("find", { queue, id });
      return row === undefined ? undefined : heldOf(row, queue);
    },
    purge: (queue, what) => link.ask("purge", { queue, ...what }),
    async requeue(queue, ids, to) {
      checkQueueName(to.queue ?? queue);
      return link.ask("requeue", { queue, ids, to });
    },
    async pause(queue) {
      await link.ask("setPaused", { queue, paused: true });
    },
    async resume(queue) {
      await link.ask("setPaused", { queue, paused: false });
    },
  };
}

export function deadLetters(link: Link): DeadLetters {
  return {
    async list(filter, after, limit) {
      const { items, next } = await link.ask("letters", { filter, after, limit });
      const letters = items.map(({ head, body, ...row }): DeadLetter => ({
        ...row,
        raw: rawOf(head, body, row.queue),
      }));
      return { items: letters, next };
    },
    redrive: (keys) => link.ask("redrive", keys),
    drop: (keys) => link.ask("drop", keys),
  };
}

function heldOf(row: HeldRow, queue: string): Held {
  const { head, body, ...rest } = row;
  return { ...rest, raw: rawOf(head, body, queue) };
}
