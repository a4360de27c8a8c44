/** Whether something grew that must not, from samples over hours. Pure functions. */

import type { History } from "./history.ts";
import type { Leftovers } from "./leftovers.ts";
import type { Sample } from "./watch.ts";

/** Of one process that was watched. */
export interface Growth {
  readonly kind: string;
  readonly pid: number;
  /** Tasks that ran in it; for what runs none, all of the run. */
  readonly tasks: number;
  /** MB at the beginning (after the warm-up) and in the end: medians of a tenth of the samples. */
  readonly rss: readonly [before: number, after: number];
  /** KB for each 1 000 tasks: the line that fits best through all samples after the warm-up. */
  readonly rssSlope: number;
  readonly fds: readonly [before: number, after: number];
  /** Sockets, timers and the like; absent where the process does not count them. */
  readonly handles?: readonly [before: number, after: number];
}

/** Share of the samples in which caches fill and code is compiled. */
const warmUp = 0.2;
/** Memory in the end, as a multiple of what it was; and MB below which a difference is noise of the collector. */
const mostGrowth = 1.3;
const noise = 20;
/** Reconnects may be under way at either end. */
const mostMore = 10;
/** Messages under way when the first count was taken. */
const mostLeft = 100;
/** Entries of a dead letter: itself, its attempts, its place in the order of each list. */
const ofDead = 25;
/** Kept by name for each of the six schedules (G11). */
const ofSchedules = 6 * 1000;

export function growths(samples: readonly Sample[], { rows, handles: counts }: History): Growth[] {
  return [...new Set(samples.map(({ pid }) => pid))].flatMap((pid) => {
    const own = samples.filter((sample) => sample.pid === pid);
    const warm = own.slice(Math.floor(own.length * warmUp));
    const [first] = warm;
    if (first === undefined) return [];
    const times = rows.startTimes(first.kind === "worker" ? pid : undefined);
    const done = countedUp(times, warm);
    const handles = counts.filter((count) => count.pid === pid && count.t >= first.t).map(({ open }) => open);
    return [
      {
        kind: first.kind,
        pid,
        tasks: times.length,
        rss: ends(warm.map(({ rss }) => Math.round(rss / 100_000) / 10)),
        rssSlope: Math.round(slope(warm.map(({ rss }, index) => [(done[index] ?? 0) / 1000, rss / 1000]))),
        fds: ends(warm.map(({ fds }) => fds)),
        ...(handles.length > 0 && { handles: ends(handles) }),
      },
    ];
  });
}

/** One line for each leak. `half`: what was there halfway; `end`: after all had ended. */
export function leaks(grown: readonly Growth[], half: Leftovers, end: Leftovers, dead: number): string[] {
  const found: string[] = [];
  for (const { kind, pid, rss, rssSlope, fds, handles } of grown) {
    const who = `${kind} ${String(pid)}`;
    const [before, after] = rss;
    if (after > before * mostGrowth && after - before > noise)
      found.push(
        `memory: ${who} grew from ${String(before)} to ${String(after)} MB, ${String(rssSlope)} KB for 1000 tasks`,
      );
    for (const [what, pair] of [
      ["descriptors", fds],
      ["handles", handles],
    ] as const)
      if (pair !== undefined && pair[1] > pair[0] + mostMore)
        found.push(`${what}: ${who} had ${String(pair[0])} open, and has ${String(pair[1])}`);
  }
  for (const [name, count] of Object.entries(end)) {
    const allowed =
      mostLeft + (/dead|attempt|crash/.test(name) ? ofDead * dead : 0) + (/tick|fired/.test(name) ? ofSchedules : 0);
    const more = count - (half[name] ?? 0);
    if (more > allowed) found.push(`left behind: ${String(count)} in ${name}, ${String(more)} more than halfway`);
  }
  return found;
}

/** How many of these times lie before each sample. Both in their order. */
function countedUp(times: ArrayLike<number>, samples: readonly Sample[]): number[] {
  let count = 0;
  return samples.map(({ t }) => {
    while (count < times.length && (times[count] ?? Infinity) <= t) count++;
    return count;
  });
}

/** Medians of the first and of the last tenth. */
function ends(values: readonly number[]): readonly [number, number] {
  const tenth = Math.max(1, Math.floor(values.length / 10));
  return [median(values.slice(0, tenth)), median(values.slice(-tenth))];
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** Of the straight line with the least squares; 0 where nothing moves along x. */
function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (of: 0 | 1): number => points.reduce((sum, point) => sum + point[of], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const spread = points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0);
  return spread === 0 ? 0 : points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0) / spread;
}
