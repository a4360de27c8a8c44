/** What there may be once all is done, by name and by kind of process: whatever else there is was left behind. Pure functions. */

import type { Holding } from "./holding.ts";
import type { Leftovers } from "./leftovers.ts";

/** Of each of six schedules a thousand ticks are kept by name (G11), and its parts are one name here. */
const ticks = 6 * 1000;
/** Facts that workers share, names of queues, terms, versions: they grow with what there is, and not with what was done. */
const standing = 12;
/** Levels of delay, of which RabbitMQ has 28, and the queues of this app. */
const queues = 34;

/** Names as in `leftovers`. `letters`: so many dead letters were read. The first that fits counts, and without one nothing may be there. */
const allowances: readonly (readonly [name: RegExp, most: (letters: number) => number])[] = [
  [/^celeriac[:_]dead$|^messages in celery\.dead$/, (letters) => letters],
  [/^celeriac:(?:fired|ticks):|^celeriac_fired$/, () => ticks],
  [/^celeriac:(?:fence|control|facts|facts:versions|queues|term:.*)$|^_kombu\.binding\./, () => standing],
  [/^celeriac_(?:meta|queue|fact|dropped|process|idle|term)$|^sqlite_sequence$/, () => standing],
  [/^rabbitmq queues$/, () => queues],
  // Of this process, which counts ticks and reads results.
  [/^rabbitmq (?:temporary queues|connections|channels)$/, () => standing],
];

/** One line for each name of which there is more than there may be. */
export function leftBehind(found: Leftovers, letters: number): string[] {
  return Object.entries(found).flatMap(([name, count]) => {
    const most = allowances.find(([pattern]) => pattern.test(name))?.[1](letters) ?? 0;
    return count > most ? [`leak: ${String(count)} in ${name}, where there may be ${String(most)}`] : [];
  });
}

/** Connections of a worker: one for each of its ways to Redis, of which there are five, and the probe's. None has more. */
const mostConnections = 8;
/** The files of a queue, of its bus, of the dashboard's two databases, and the journal. */
const mostFiles = 20;

export interface Held extends Holding {
  readonly kind: string;
  readonly pid: number;
  /** Children that it is to have. */
  readonly pool: number;
}

/** One line for each process and kind of thing, while there is nothing to do. */
export function heldTooMuch(all: readonly Held[]): string[] {
  return all.flatMap(({ kind, pid, connections, files, children, pool }) => {
    const each = [
      ["connections", connections, mostConnections],
      ["files", files, mostFiles],
      ["children", children.length, pool],
    ] as const;
    return each.flatMap(([what, count, most]) =>
      count > most ? [`leak: ${kind} ${String(pid)} has ${String(count)} ${what} open, and needs ${String(most)}`] : [],
    );
  });
}
