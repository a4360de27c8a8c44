/** A time axis from the first to the last moment of a task: where things lie on it, and where it is marked. */

export interface Axis {
  readonly from: number;
  readonly until: number;
}

/** Percent of the way, inside 0…100. */
export function placeOn({ from, until }: Axis, at: number): number {
  if (until <= from) return 0;
  return Math.min(100, Math.max(0, ((at - from) / (until - from)) * 100));
}

/** Round steps: 1, 2 or 5 of a power of ten, in ms; at most `most` marks. */
export function marksOf({ from, until }: Axis, most = 5): readonly number[] {
  const span = until - from;
  if (!(span > 0)) return [];
  const rough = span / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough) ?? span;
  const marks: number[] = [];
  for (let offset = step; offset < span * 0.93; offset += step) marks.push(offset);
  return marks;
}
