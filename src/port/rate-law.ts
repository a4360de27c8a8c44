/**
 * The law of rates, as every driver keeps it: a bucket of `burst` tokens that gets one each `interval`. Kept as one moment, that at which
 * it is full again. A rate that is changed keeps what was used of the bucket, counted in tokens.
 *
 *   granted   ⟺  at least one token is there       full = max(now, full) + interval
 *   refused:  retryAfter = the next token that was promised to nobody, at most `longestPromise` ahead unless even the first is later
 */

import type { Bucket, Granted, RateAsk, SlotAsk } from "./limits.ts";
import type { Millis } from "./units.ts";

/** A backlog comes back at least so often, ms: a rate that was raised meanwhile is noticed within it. */
export const longestPromise: Millis = 60_000;
/** Sums of fractions: who comes back at the very moment that he was told is not to be refused for a nanosecond, nor is a lease too long by one. */
const tolerance = 0.002;

/** Moments are of any clock that only grows; one that was set back costs at most one empty bucket. */
export interface BucketState {
  readonly interval: Millis;
  readonly burst: number;
  readonly full: number;
  /** The last moment that somebody was told. */
  readonly promised: number;
}

export function takeToken(
  state: BucketState | undefined,
  { limit, per, burst }: Pick<RateAsk, "limit" | "per" | "burst">,
  now: number,
): { readonly state: BucketState; readonly granted: Granted } {
  const interval = per / limit;
  const used = Math.min(usedOf(state, now), burst);
  const same = state?.interval === interval && state.burst === burst;
  const promised = same ? state.promised : now;
  const wait = (used - (burst - 1)) * interval;
  if (wait <= tolerance) {
    return { state: { interval, burst, full: now + (used + 1) * interval, promised }, granted: { ok: true } };
  }
  const first = now + wait;
  const last = Math.max(first, now + longestPromise);
  // A promise further away was made before a clock was set back.
  const at = promised > last + tolerance ? first : Math.min(Math.max(first, promised + interval), last);
  return {
    state: { interval, burst, full: now + used * interval, promised: at },
    granted: { ok: false, retryAfter: Math.ceil(at - now) },
  };
}

export function bucketOf(state: BucketState, now: number): Bucket {
  const { interval, burst } = state;
  const wait = (usedOf(state, now) - (burst - 1)) * interval;
  return { interval, burst, next: wait <= tolerance ? 0 : Math.ceil(wait) };
}

/** From then on the bucket is as if nobody had ever asked. */
export function forgottenAt({ full, promised }: BucketState): number {
  return Math.max(full, promised);
}

/** Tokens that are missing. */
function usedOf(state: BucketState | undefined, now: number): number {
  if (state === undefined) return 0;
  return Math.min(Math.max(0, (state.full - now) / state.interval), state.burst);
}

/** Who stands in line looks at least so often, ms: his message may have been moved to where nobody calls it. */
export const longestLine: Millis = 600_000;

/** Who has one of the places, until when. */
export interface SlotHolder {
  readonly holder: string;
  readonly until: number;
  readonly lease: Millis;
  readonly claim: string;
}

/**
 * `holders`: of this key, also those whose lease is over. An end further away than the whole lease was written before a clock was set back.
 * `ahead`: how many stand in line before this one. They are called when a place is given back; until then nobody looks more often than
 * holders may die, and who stands further back looks later.
 */
export function takeSlot(
  holders: readonly SlotHolder[],
  { holder, limit, lease }: Pick<SlotAsk, "holder" | "limit" | "lease">,
  now: number,
  ahead: number = 0,
): Granted {
  const live = holders.filter((each) => isLive(each, now));
  const others = live.filter((each) => each.holder !== holder);
  if (others.length < live.length || others.length + ahead < limit) return { ok: true };
  const ends = others.map(({ until }) => until - now);
  const soonest = Math.max(1, Math.min(...ends, ends.length === 0 ? lease : Infinity));
  const behind = Math.floor(Math.max(0, ahead + Math.min(0, others.length - limit)) / Math.max(1, limit));
  return { ok: false, retryAfter: Math.ceil(Math.min(soonest + behind * lease, Math.max(soonest, longestLine))) };
}

/** How many can be called. */
export function freeSlots(holders: readonly SlotHolder[], limit: number, now: number): number {
  return Math.max(0, limit - holders.filter((each) => isLive(each, now)).length);
}

export function isLive({ until, lease }: Pick<SlotHolder, "until" | "lease">, now: number): boolean {
  return until > now && until - now <= lease + tolerance;
}
