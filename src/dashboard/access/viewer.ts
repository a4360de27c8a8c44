/** Who looks, and what that person may do. Roles contain each other: an admin operates, an operator views. */

import type { ActionKind, Role } from "../contract.ts";

/**
 * Who looks at the dashboard, and what that person may do there.
 *
 * @example
 * ```ts
 * import { dashboard, type Viewer } from "celeriac/dashboard";
 * const support: Viewer = { name: "support", role: "operate", queues: ["mail"] };
 * const page = dashboard(app, { prefix: "/celeriac", authorize: () => support });
 * ```
 */
export interface Viewer {
  readonly name: string;
  readonly email?: string;
  readonly role: Role;
  /** Absent: all queues. */
  readonly queues?: readonly string[];
}

export const roles: readonly Role[] = ["view", "operate", "admin"];

/** The least role for each action. What cannot be undone, and what changes workers, is the admin's. */
const leastRole: Readonly<Record<ActionKind, Role>> = {
  "task.retry": "operate",
  "task.cancel": "operate",
  "task.revoke": "operate",
  "task.requeue": "operate",
  "task.edit-and-run": "operate",
  "queue.pause": "operate",
  "queue.resume": "operate",
  "queue.purge": "admin",
  "worker.grow": "admin",
  "worker.shrink": "admin",
  "worker.autoscale": "admin",
  "worker.restart-pool": "admin",
  "worker.shutdown": "admin",
  "worker.add-consumer": "admin",
  "worker.cancel-consumer": "admin",
  "limit.rate": "admin",
  "limit.time": "admin",
  "schedule.pause": "operate",
  "schedule.resume": "operate",
  "schedule.run": "operate",
  "dead.redrive": "operate",
  "dead.drop": "admin",
};
/** Actions whose effect no queue bounds: who is confined to some queues may not do them. */
const unbounded: ReadonlySet<ActionKind> = new Set<ActionKind>(
  (Object.keys(leastRole) as ActionKind[]).filter((kind) => /^(?:worker|limit|schedule)\./.test(kind)),
);

export const actionKinds: readonly ActionKind[] = Object.keys(leastRole) as ActionKind[];

export function isRole(value: unknown): value is Role {
  return roles.includes(value as Role);
}

export function hasRole(viewer: Viewer, least: Role): boolean {
  return roles.indexOf(viewer.role) >= roles.indexOf(least);
}

export function mayDo(viewer: Viewer, kind: ActionKind): boolean {
  return hasRole(viewer, leastRole[kind]) && (viewer.queues === undefined || !unbounded.has(kind));
}

export function maySee(viewer: Viewer, queue: string | undefined): boolean {
  return viewer.queues === undefined || (queue !== undefined && viewer.queues.includes(queue));
}

/** Of the queues that are asked for, those that may be seen; `undefined`: no bound at all. Asking for none that may be is a list of none. */
export function visibleQueues(viewer: Viewer, asked: readonly string[] | undefined): readonly string[] | undefined {
  if (viewer.queues === undefined) return asked;
  return asked === undefined ? viewer.queues : asked.filter((queue) => viewer.queues?.includes(queue));
}
