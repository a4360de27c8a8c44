/** Durations counted in bins that grow by 15 %, so that a percentile read from them is within 8 % of the exact one. */

const growth = Math.log(1.15);
/** Up to 40 days. */
const bins = 160;

export class Histogram {
  /** Empty until something is counted: most steps of most subjects have nothing, and a page reads thousands of them. */
  #counts: number[] = [];

  /** @param ms of one duration. @param times -1 takes one out again. */
  add(ms: number, times = 1): void {
    this.#count(binOf(ms), times);
  }

  merge(other: Histogram): void {
    for (let bin = 0; bin < other.#counts.length; bin++) this.#count(bin, other.#counts[bin] ?? 0);
  }

  get count(): number {
    let sum = 0;
    for (const count of this.#counts) sum += Math.max(0, count);
    return sum;
  }

  /** `null` if there is none. @param share 0.95 for p95. */
  percentile(share: number): number | null {
    const total = this.count;
    if (total === 0) return null;
    let rest = Math.ceil(total * share);
    for (let bin = 0; bin < bins; bin++) {
      rest -= Math.max(0, this.#counts[bin] ?? 0);
      if (rest <= 0) return valueOf(bin);
    }
    return valueOf(bins - 1);
  }

  /** Pairs of bin and count, of those that are not empty. */
  toPairs(): number[] {
    const pairs: number[] = [];
    this.#counts.forEach((count, bin) => {
      if (count !== 0) pairs.push(bin, count);
    });
    return pairs;
  }

  addPairs(pairs: readonly number[]): void {
    for (let index = 0; index + 1 < pairs.length; index += 2) this.#count(pairs[index] ?? 0, pairs[index + 1] ?? 0);
  }

  #count(bin: number, times: number): void {
    if (this.#counts.length === 0) this.#counts = Array.from<number>({ length: bins }).fill(0);
    this.#counts[bin] = (this.#counts[bin] ?? 0) + times;
  }
}

function binOf(ms: number): number {
  return ms < 1 ? 0 : Math.min(bins - 1, 1 + Math.floor(Math.log(ms) / growth + 1e-9));
}

function valueOf(bin: number): number {
  return bin === 0 ? 0 : Math.round(Math.exp((bin - 0.5) * growth) * 100) / 100;
}
