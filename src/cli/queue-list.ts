/** Queues as people and scripts see them, and the emptying of one. */

import type { QueueState } from "../port/queue-admin.ts";
import { confirmed } from "./confirmation.ts";
import { exitCode } from "./failure.ts";
import type { Session } from "./target.ts";
import { age, type Column, printJson, printLine, printTable } from "./terminal.ts";

/** Waiting now, over all priorities. */
export function readyCount(queue: QueueState): number {
  return queue.ready.reduce((sum, { count }) => sum + count, 0);
}

export const queueColumns = (now: number): readonly Column<QueueState>[] => [
  { title: "queue", cell: ({ name }) => name },
  { title: "ready", cell: readyCount, right: true },
  { title: "delayed", cell: ({ delayed }) => delayed ?? "?", right: true },
  { title: "leased", cell: ({ leased }) => leased ?? "?", right: true },
  { title: "oldest", cell: ({ oldest }) => (oldest === undefined ? "" : age(now - oldest)), right: true },
  { title: "", cell: ({ paused }) => (paused ? "paused" : "") },
];

/** Numbers that the broker cannot tell are absent. */
export const queueFacts = (queue: QueueState): Readonly<Record<string, unknown>> => ({
  name: queue.name,
  ready: readyCount(queue),
  priorities: queue.ready,
  delayed: queue.delayed,
  leased: queue.leased,
  consumers: queue.consumers,
  paused: queue.paused,
  oldest: queue.oldest === undefined ? undefined : new Date(queue.oldest).toISOString(),
});

export async function printQueues({ backend, core }: Session, { json }: { readonly json?: boolean }): Promise<number> {
  const queues = await backend.broker.queues.list();
  if (json === true) printJson(queues.map(queueFacts));
  else if (queues.length === 0) printLine("no queue holds anything");
  else printTable(queueColumns(core.clock.now()), queues);
  return exitCode.done;
}

export interface PurgeFlags {
  readonly delayed?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

export async function purgeQueue({ backend }: Session, queue: string, flags: PurgeFlags): Promise<number> {
  const delayed = flags.delayed === true;
  const state = (await backend.broker.queues.list()).find(({ name }) => name === queue);
  const count = state === undefined ? 0 : readyCount(state) + (delayed ? (state.delayed ?? 0) : 0);
  const question = `This drops what waits in "${queue}" for good: ${String(count)} messages${delayed ? ", delayed ones too" : ""}.`;
  if (!(await confirmed(question, queue, flags.yes === true))) {
    printLine("nothing was dropped");
    return exitCode.error;
  }
  const dropped = await backend.broker.queues.purge(queue, { ready: true, delayed });
  if (flags.json === true) printJson({ queue, dropped });
  else printLine(`dropped ${String(dropped)} messages; what workers hold goes on`);
  return exitCode.done;
}
