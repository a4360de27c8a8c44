/** `app.queues` and `app.dead`: the broker's own, reached through the app's connection when they are first used. */

import type { Backend } from "../port/backend.ts";
import type { DeadLetters, QueueAdmin } from "../port/queue-admin.ts";

type Connect = () => Promise<Backend>;

export function lazyQueues(connect: Connect): QueueAdmin {
  const queues = async (): Promise<QueueAdmin> => (await connect()).broker.queues;
  return {
    list: async () => (await queues()).list(),
    browse: async (queue, where, after, limit) => (await queues()).browse(queue, where, after, limit),
    find: async (queue, id) => (await queues()).find(queue, id),
    purge: async (queue, what) => (await queues()).purge(queue, what),
    requeue: async (queue, ids, to) => (await queues()).requeue(queue, ids, to),
    pause: async (queue) => (await queues()).pause(queue),
    resume: async (queue) => (await queues()).resume(queue),
  };
}

export function lazyDeadLetters(connect: Connect): DeadLetters {
  const dead = async (): Promise<DeadLetters> => (await connect()).broker.dead;
  return {
    list: async (filter, after, limit) => (await dead()).list(filter, after, limit),
    redrive: async (keys) => (await dead()).redrive(keys),
    drop: async (keys) => (await dead()).drop(keys),
  };
}
