/** Names for filters. Who is confined to some queues is told of the tasks that are declared for these, or came by in them. */

import { maySee, type Viewer } from "../access/viewer.ts";
import type { Names } from "../contract.ts";
import type { Visit } from "../http/route.ts";
import type { Inside } from "../inside.ts";

const most = 1_000;

/** Names that the app declares are offered before their tasks are seen. */
export async function names({ inside, viewer }: Visit): Promise<Names> {
  const known = await inside.past.names(viewer.queues);
  const declared = inside.core.registry.list().filter(({ queue }) => maySee(viewer, queue));
  return {
    tasks: [...new Set([...known.tasks, ...declared.map(({ name }) => name)])].slice(0, most),
    queues: [...new Set([...known.queues, ...declared.map(({ queue }) => queue)])].slice(0, most),
    workers: known.workers.slice(0, most),
  };
}

/** True for the tasks of which `viewer` may know. */
export async function knownTasks(inside: Inside, viewer: Viewer): Promise<(task: string | undefined) => boolean> {
  if (viewer.queues === undefined) return () => true;
  const { tasks } = await inside.past.names(viewer.queues);
  const declared = inside.core.registry.list().filter(({ queue }) => maySee(viewer, queue));
  const mine = new Set([...tasks, ...declared.map(({ name }) => name)]);
  return (task) => task !== undefined && mine.has(task);
}
