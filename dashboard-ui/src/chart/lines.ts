/** What a chart draws: columns over time, from the contract's series. Colours are names of the style sheet. */

import type { LevelSeries, Series } from "../../../src/dashboard/contract.ts";

export interface Line {
  readonly name: string;
  /** Such as "--failed". */
  readonly ink: string;
  readonly values: readonly (number | null)[];
}

export interface ChartData {
  /** Unix ms, one for each value. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  /** "stacked": each on top of those before it. */
  readonly look: "stacked" | "lines";
}

export function timesOf(series: Series): readonly number[] {
  return series.succeeded.map((_count, index) => series.from + index * series.step);
}

/** A second, by outcome; what failed lies at the bottom, where it can be seen. */
export function throughputOf(series: Series): ChartData {
  const perSecond = (values: readonly number[]): readonly number[] =>
    values.map((count) => (count * 1_000) / series.step);
  return {
    times: timesOf(series),
    look: "stacked",
    lines: [
      { name: "dead", ink: "--dead", values: perSecond(series.dead) },
      { name: "failed", ink: "--failed", values: perSecond(series.failed) },
      { name: "retried", ink: "--retrying", values: perSecond(series.retried) },
      { name: "revoked", ink: "--revoked", values: perSecond(series.revoked) },
      { name: "succeeded", ink: "--succeeded", values: perSecond(series.succeeded) },
    ],
  };
}

export function latencyOf(series: Series, which: "wait" | "run"): ChartData {
  const { p50, p95, p99 } = series[which];
  return {
    times: timesOf(series),
    look: "lines",
    lines: [
      { name: "p50", ink: "--running", values: p50 },
      { name: "p95", ink: "--retrying", values: p95 },
      { name: "p99", ink: "--failed", values: p99 },
    ],
  };
}

/** 0…1 of what ended; `null` where nothing did. */
export function failureRateOf(series: Series): ChartData {
  const values = series.succeeded.map((good, index) => {
    const bad = (series.failed[index] ?? 0) + (series.dead[index] ?? 0);
    return good + bad === 0 ? null : bad / (good + bad);
  });
  return { times: timesOf(series), look: "lines", lines: [{ name: "failure rate", ink: "--failed", values }] };
}

/** How full it was; empty where the server does not tell. */
export function levelOf(series: Series, which: keyof LevelSeries, name: string, ink: string): ChartData {
  const values = series.levels?.[which] ?? series.succeeded.map(() => null);
  return { times: timesOf(series), look: "lines", lines: [{ name, ink, values }] };
}

/** Each line on top of those before it, the topmost first, so that each is drawn over the one above. */
export function stacked(lines: readonly Line[]): readonly Line[] {
  const sums: (number | null)[][] = [];
  for (const { values } of lines) {
    const below = sums.at(-1);
    sums.push(values.map((value, index) => (value ?? 0) + (below?.[index] ?? 0)));
  }
  return lines.map((line, index) => ({ ...line, values: sums[index] ?? [] })).toReversed();
}
