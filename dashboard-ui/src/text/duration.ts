/** Durations in words, as everywhere in the dashboard: "1.42 s", "3 min 20 s", "2 d 4 h". Never more than two units. */

const second = 1_000;
const minute = 60_000;
const hour = 3_600_000;
const day = 86_400_000;

/** Between the marks of an axis, ms: clocks know no hundred seconds. */
export const durationSteps: readonly number[] = [
  1,
  2,
  5,
  10,
  20,
  50,
  100,
  200,
  500,
  ...[1, 2, 3, 5, 10, 15, 20, 30].map((count) => count * second),
  ...[1, 2, 3, 5, 10, 15, 20, 30].map((count) => count * minute),
  ...[1, 2, 3, 6, 12].map((count) => count * hour),
  ...[1, 2, 5, 10, 30, 100, 1_000, 10_000].map((count) => count * day),
];

/** Of milliseconds. */
export function durationText(ms: number): string {
  const span = Math.max(0, ms);
  if (span < 1) return span === 0 ? "0 ms" : "< 1 ms";
  if (span < second) return `${String(Math.floor(span))} ms`;
  if (span < 10 * second) return `${(Math.floor(span / 10) / 100).toFixed(2)} s`;
  if (span < minute) return `${(Math.floor(span / 100) / 10).toFixed(1)} s`;
  if (span < hour) return pair(span, minute, "min", second, "s");
  if (span < day) return pair(span, hour, "h", minute, "min");
  return pair(span, day, "d", hour, "h");
}

/** Whole seconds and more: for what ticks once a second. */
export function ageText(ms: number): string {
  const span = Math.max(0, ms);
  return span < minute ? `${String(Math.floor(span / second))} s` : durationText(span);
}

function pair(span: number, large: number, largeName: string, small: number, smallName: string): string {
  const whole = Math.floor(span / large);
  const rest = Math.floor((span % large) / small);
  return rest === 0 ? `${String(whole)} ${largeName}` : `${String(whole)} ${largeName} ${String(rest)} ${smallName}`;
}
