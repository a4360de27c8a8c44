/** Medians and percentiles. */

/** The value below which `share` (0…1) of the values lie; NaN of nothing. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** The middle value; of two middle ones their mean. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const half = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(half) - 1], sorted[Math.floor(half)]];
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** The straight line through points that misses them least: how steep it is, and the standard error of that. NaN of fewer than three. */
export function slope(points: readonly Point[]): { readonly slope: number; readonly error: number } {
  const n = points.length;
  const [mx, my] = [mean(points.map(({ x }) => x)), mean(points.map(({ y }) => y))];
  const spread = points.reduce((sum, { x }) => sum + (x - mx) ** 2, 0);
  if (n < 3 || spread === 0) return { slope: Number.NaN, error: Number.NaN };
  const steep = points.reduce((sum, { x, y }) => sum + (x - mx) * (y - my), 0) / spread;
  const missed = points.reduce((sum, { x, y }) => sum + (y - my - steep * (x - mx)) ** 2, 0);
  return { slope: steep, error: Math.sqrt(missed / (n - 2) / spread) };
}

/** How much a later value is above an earlier one at the worst, as a ratio; 1 where none is. What falls and rises again has risen. */
export function rise(values: readonly number[]): number {
  let least = Infinity;
  let worst = 1;
  for (const value of values) {
    worst = Math.max(worst, value / least);
    least = Math.min(least, value);
  }
  return worst;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
