/** Queues as people and scripts see them, and the emptying of one. */

import { CeleriacError } from "../error/celeriac-error.ts";
import type { Broker } from "../port/broker.ts";
import type { QueueState } from "../port/queue-admin.ts";
import { confirmed } from "./confirmation.ts";
import { exitCode } from "./failure.ts";
import type { Session } from "./target.ts";
import { age, type Column, paint, printJson, printLine, printTable } from "./terminal.ts";

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
  else {
    if (queues.length === 0) printLine("no queue holds anything");
    else printTable(queueColumns(core.clock.now()), queues);
    if (!listsAll(backend.broker)) printLine(paint("dim", unlisted));
  }
  return exitCode.done;
}

/** A broker that cannot be looked into does not list its queues either: it is asked for those that the app knows. */
export function listsAll({ features }: Broker): boolean {
  return features.browse !== "none";
}
export const unlisted = "this broker lists no queues: these are the ones that the app (-A) knows";

export interface PurgeFlags {
  readonly delayed?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

export async function purgeQueue({ backend }: Session, queue: string, flags: PurgeFlags): Promise<number> {
  const { broker } = backend;
  const delayed = flags.delayed === true;
  if (delayed && !broker.features.purgeDelayed) {
    throw new CeleriacError(
      "NOT_SUPPORTED",
      "This broker cannot drop the delayed messages of one queue (features.purgeDelayed); purge without --delayed, and again when they are due.",
    );
  }
  const state = (await broker.queues.list()).find(({ name }) => name === queue);
  const known = state === undefined ? 0 : readyCount(state) + (delayed ? (state.delayed ?? 0) : 0);
  const count = state === undefined && !listsAll(broker) ? "nobody knows how many" : String(known);
  const question = `This drops what waits in "${queue}" for good: ${count} messages${delayed ? ", delayed ones too" : ""}.`;
  if (!(await confirmed(question, queue, flags.yes === true))) {
    printLine("nothing was dropped");
    return exitCode.error;
  }
  const dropped = await broker.queues.purge(queue, { ready: true, delayed });
  if (flags.json === true) printJson({ queue, dropped });
  else printLine(`dropped ${String(dropped)} messages; what workers hold goes on`);
  return exitCode.done;
}
