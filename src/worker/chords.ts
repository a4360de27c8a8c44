/** A worker's part in chords: what its tasks' ends mean for them, what others left open, and members that its tasks add. */

import type { Clock } from "../clock/clock.ts";
import type { Arrival, Joined } from "../port/joins.ts";
import type { ResultStore } from "../port/result-store.ts";
import { ChordEnd } from "./chord-end.ts";
import { ChordMembers } from "./chord-member.ts";
import type { SettlementContext } from "./failed-run.ts";
import type { Reporter } from "./reporter.ts";
import type { Entry, Settler } from "./settler.ts";

export interface ChordsOptions {
  readonly clock: Clock;
  readonly store: ResultStore;
  readonly settler: Pick<Settler, "publish" | "repeat">;
  readonly report: Reporter;
  readonly context: Omit<SettlementContext, "now">;
  /** How often it is looked for what others left, ms. */
  readonly sweep: number;
}

export class Chords {
  readonly members: ChordMembers;
  /** Absent where results are kept nowhere. */
  readonly #end: ChordEnd | undefined;

  constructor({ clock, store, settler, report, context, sweep }: ChordsOptions) {
    const { joins } = store;
    const now = (): SettlementContext => ({ ...context, now: clock.now() });
    const publish: Settler["publish"] = (send) => settler.publish(send);
    this.members = new ChordMembers({ joins, context: now, publish });
    this.#end =
      joins &&
      new ChordEnd({
        clock,
        store,
        joins,
        context: now,
        publish,
        repeat: (call) => settler.repeat([], call),
        report,
        sweep,
      });
  }

  joined(arrivals: readonly Arrival[], joined: readonly Joined[] | undefined, { execution, ending }: Entry): void {
    if (joined?.some(({ full }) => full) !== true) return;
    const { message, queue } = ending.settlement.delivery;
    const id = "malformed" in message ? "" : String(message.headers["id"]);
    const trace = execution?.trace?.place.headers;
    this.#end?.joined(arrivals, joined, { ...(execution?.headers ?? { id }), queue, trace });
  }

  /** Looks now for what others left. */
  async sweep(): Promise<void> {
    await this.#end?.sweep();
  }

  /** Resolves when all that was full is sent on, or when `signal` aborts. */
  async drained(signal: AbortSignal): Promise<void> {
    if (this.#end === undefined || signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => resolve(), { once: true });
    await Promise.race([this.#end.drained(), promise]);
  }

  close(): void {
    this.#end?.close();
  }
}
