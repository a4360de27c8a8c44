/** Counters, gauges and histograms, and Prometheus' text of them. Bounded: of too many series of one metric the rest is counted as "(other)". */

export type Labels = Readonly<Record<string, string>>;

const mostSeries = 5_000;
const longestLabel = 200;
const other = "(other)";

interface Series {
  readonly labels: readonly string[];
  value: number;
  /** Of a histogram: counts by bucket, not yet summed up. */
  readonly buckets?: number[];
  sum: number;
}

/** One metric with its series. */
export class Metric {
  readonly name: string;
  readonly kind: "counter" | "gauge" | "histogram";
  readonly #help: string;
  readonly #labels: readonly string[];
  readonly #bounds: readonly number[];
  readonly #series = new Map<string, Series>();

  constructor(
    kind: Metric["kind"],
    name: string,
    help: string,
    labels: readonly string[] = [],
    bounds: readonly number[] = [],
  ) {
    this.kind = kind;
    this.name = name;
    this.#help = help;
    this.#labels = labels;
    this.#bounds = bounds;
  }

  add(labels: Labels, value = 1): void {
    this.#at(labels).value += value;
  }

  set(labels: Labels, value: number): void {
    this.#at(labels).value = value;
  }

  /** A value of a histogram. */
  observe(labels: Labels, value: number): void {
    const series = this.#at(labels);
    const bucket = this.#bounds.findIndex((bound) => value <= bound);
    if (series.buckets && bucket >= 0) series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1;
    series.value++;
    series.sum += value;
  }

  /** Gauges are told anew each time. */
  clear(): void {
    this.#series.clear();
  }

  text(): string {
    if (this.#series.size === 0) return "";
    const lines = [`# HELP ${this.name} ${this.#help}`, `# TYPE ${this.name} ${this.kind}`];
    for (const series of this.#series.values()) {
      if (this.kind === "histogram") lines.push(...this.#histogram(series));
      else lines.push(`${this.name}${this.#names(series.labels)} ${number(series.value)}`);
    }
    return `${lines.join("\n")}\n`;
  }

  *#histogram({ labels, buckets = [], value, sum }: Series): IterableIterator<string> {
    let count = 0;
    for (const [index, bound] of this.#bounds.entries()) {
      count += buckets[index] ?? 0;
      yield `${this.name}_bucket${this.#names(labels, number(bound))} ${String(count)}`;
    }
    yield `${this.name}_bucket${this.#names(labels, "+Inf")} ${String(value)}`;
    yield `${this.name}_sum${this.#names(labels)} ${number(sum)}`;
    yield `${this.name}_count${this.#names(labels)} ${String(value)}`;
  }

  #at(given: Labels): Series {
    const labels = this.#labels.map((name) => (given[name] ?? "").slice(0, longestLabel));
    const key = labels.join("\0");
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    const full = this.#series.size >= mostSeries && !labels.every((label) => label === other);
    if (full) return this.#at(Object.fromEntries(this.#labels.map((name) => [name, other])));
    const buckets = this.kind === "histogram" ? this.#bounds.map(() => 0) : undefined;
    const series = { labels, value: 0, sum: 0, ...(buckets && { buckets }) };
    this.#series.set(key, series);
    return series;
  }

  #names(values: readonly string[], bound?: string): string {
    const pairs = this.#labels.map((name, index) => `${name}="${escaped(values[index] ?? "")}"`);
    if (bound !== undefined) pairs.push(`le="${bound}"`);
    return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
  }
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}

function number(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}
