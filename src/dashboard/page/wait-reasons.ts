/**
 * Why queues stand, for the overview: read once for all who look, at most so often, and never waited for long. What was read last is shown
 * while it is read anew.
 */

import { type QueueReasons, whyQueues } from "../../control/diagnosis/why-queues.ts";
import type { WaitReason } from "../contract.ts";
import type { Inside } from "../inside.ts";
import { coveredReason } from "./cover.ts";

/** Bounds of one look: queues, and tasks of each. */
const bounds = { queues: 20, each: 10 };
/** Between two looks, ms. */
const fresh = 10_000;
/** Older ones are not shown, ms. */
const stale = 60_000;
/** Who looks first waits for so long, and sees the rest at the next look, ms. */
const patience = 300;
/** For the whole look, ms. */
const longest = 10_000;

export type WaitReasons = ReadonlyMap<string, readonly WaitReason[]>;

export class QueueWaits {
  #reading: Promise<void> | undefined;
  #known: WaitReasons = new Map();
  /** Monotonic, of the last look. */
  #at = -Infinity;

  /** By queue; empty where nothing is known, or not yet. Never rejects. */
  async now(inside: Inside): Promise<WaitReasons> {
    const { clock } = inside;
    const age = clock.monotonic() - this.#at;
    if (age > fresh) this.#reading ??= this.#read(inside);
    if (age > stale && this.#reading !== undefined) {
      this.#known = new Map();
      const over = Promise.withResolvers<void>();
      using _timer = clock.after(patience, over.resolve);
      await Promise.race([this.#reading, over.promise]);
    }
    return this.#known;
  }

  async #read(inside: Inside): Promise<void> {
    const { core, clock } = inside;
    try {
      await inside.connect();
      const queues = await whyQueues(core, bounds, AbortSignal.timeout(longest));
      this.#known = new Map(queues.map((queue) => [queue.queue, shownReasons(queue, inside)]));
      this.#at = clock.monotonic();
    } catch {
      // The page shows by other signs that the broker is away.
    } finally {
      this.#reading = undefined;
    }
  }
}

function shownReasons({ looked, reasons }: QueueReasons, { settings: { redact } }: Inside): readonly WaitReason[] {
  return reasons.map(({ reason, task, count }) => {
    const { kind, text, remedy } = coveredReason(reason, redact, task);
    const more = { ...(remedy !== undefined && { remedy }), ...(task !== undefined && { task }) };
    return { kind, text, ...more, count, of: looked };
  });
}

/** "3 of 10: its task may begin 10/m"; without the numbers where it holds all. */
export function firstReason([first]: readonly WaitReason[]): string | undefined {
  if (first === undefined) return undefined;
  const { text, count, of } = first;
  return count >= of ? text : `${String(count)} of the ${String(of)} oldest: ${text}`;
}
