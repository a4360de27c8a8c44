/** Cluster-wide buckets and slots: how often something may begin, and how many may hold it at once. All who ask share one server's clock. */

import type { Millis } from "./units.ts";

/** `limit` in each `per`, evenly: in no window of time `w` are more granted than `burst + w * limit / per`. */
export interface RateAsk {
  readonly kind: "rate";
  readonly key: string;
  readonly limit: number;
  readonly per: Millis;
  /** Granted at once to who has not asked for a while; at least 1. */
  readonly burst: number;
}

/** One of `limit` places, for `lease` or until `give`. Who holds one already prolongs it. Nobody is given one before those in line. */
export interface SlotAsk {
  readonly kind: "slots";
  readonly key: string;
  readonly limit: number;
  readonly holder: string;
  readonly lease: Millis;
  /**
   * Names this hold of it: of one that was taken anew under the same `holder`, a late `give` of the former hold takes nothing.
   * In `give` absent: whatever hold it is; "": only a place that was kept for who was called. Default "".
   */
  readonly claim?: string;
  /**
   * Who is refused stands in line from then on, first come, first served: a place that is given back is kept for the first of it, for
   * its `lease`. Its message is put back with `behind` (see `Settlement`). Only where the broker's `features.line` says so. Default false.
   */
  readonly line?: boolean;
}

/** A place and who uses it: for those who look. */
export interface Places {
  readonly holders: readonly string[];
  /** How many stand in line. */
  readonly waiting: number;
}

export type LimitAsk = RateAsk | SlotAsk;

/**
 * `retryAfter`: when it is worth asking again. Those that are refused one after the other are told moments one after the other, up to
 * `longestPromise` ahead, so that they do not all come back for one token. A promise is no token: whoever asks first has it.
 */
export type Granted = { readonly ok: true } | { readonly ok: false; readonly retryAfter: Millis };

/** A bucket that somebody took from. Forgotten once it is full again. */
export interface Bucket {
  /** Between two grants of a steady stream. */
  readonly interval: Millis;
  readonly burst: number;
  /** 0: the next ask is granted. */
  readonly next: Millis;
}

export interface Limits {
  /** Answers in the order of the asks, each of which sees what those before it took. Any number; a thousand travel together. */
  take(batch: readonly LimitAsk[]): Promise<readonly Granted[]>;
  /** Slots, before their lease ends; the first in line is called, with `limit` and `lease` as given here. Unknown ones are ignored. */
  give(batch: readonly Omit<SlotAsk, "kind" | "line">[]): Promise<void>;
  /** Rates as they stand; takes nothing. */
  look(keys: readonly string[]): Promise<readonly (Bucket | undefined)[]>;
  /** Slots as they stand; takes nothing. */
  places(keys: readonly string[]): Promise<readonly Places[]>;
}
