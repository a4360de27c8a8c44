/** The server's results and checkpoints: the first final state wins, a lower fence never writes, watchers hear of each write. */

import { Buffer } from "node:buffer";
import type { Clock } from "../../clock/clock.ts";
import type { ResultStore, ResultWrite, StoredOutcome } from "../../port/result-store.ts";
import type { Fence, Millis } from "../../port/units.ts";
import { ExpiringMap } from "./expiring-map.ts";
import type { LedgerTable } from "./ledger-table.ts";

type Committed = Awaited<ReturnType<ResultStore["commit"]>>[number];

interface Row extends StoredOutcome {
  readonly final: boolean;
  readonly fence: Fence;
}
interface Points {
  readonly fence: Fence;
  readonly values: ReadonlyMap<string, Uint8Array>;
}
/** Hears of each stored state; `final` says that no other will follow. */
export type Watcher = (outcome: StoredOutcome, final: boolean) => void;

export class ResultTable {
  readonly #rows: ExpiringMap<Row>;
  readonly #points: ExpiringMap<Points>;
  readonly #watchers = new Map<string, Set<Watcher>>();
  readonly #ledger: LedgerTable;

  constructor(clock: Clock, ledger: LedgerTable) {
    this.#ledger = ledger;
    this.#rows = new ExpiringMap(clock);
    this.#points = new ExpiringMap(clock);
  }

  /** For writers that prove themselves by their fence alone. */
  commit(write: ResultWrite): Committed {
    const highest = Math.max(this.#rows.get(write.id)?.fence ?? 0, this.#ledger.fenceOf(write.id));
    return write.fence < highest ? "fenced" : this.put(write);
  }

  /** For a writer whose lease the server has just seen: that is the better proof. */
  put(write: ResultWrite): Exclude<Committed, "fenced"> {
    const row = this.#rows.get(write.id);
    if (row?.final) {
      const same = write.final && write.fence === row.fence && Buffer.compare(write.meta, row.meta) === 0;
      return same ? "mine-already" : "already-final";
    }
    const { id, state, meta, final, ttl } = write;
    const outcome = { id, state, meta };
    this.#rows.set(id, { ...outcome, final, fence: Math.max(write.fence, row?.fence ?? 0) }, ttl);
    if (final) this.#ledger.close(id);
    for (const watcher of this.#watchers.get(id) ?? []) watcher(outcome, final);
    return "stored";
  }

  final(id: string): StoredOutcome | undefined {
    return this.#rows.get(id)?.final ? this.get(id) : undefined;
  }

  /** The highest that wrote a result or a checkpoint. */
  fenceOf(id: string): Fence {
    return Math.max(this.#rows.get(id)?.fence ?? 0, this.#points.get(id)?.fence ?? 0);
  }

  get(id: string): StoredOutcome | undefined {
    const row = this.#rows.get(id);
    return row && { id, state: row.state, meta: row.meta };
  }

  forget(id: string): void {
    this.#rows.delete(id);
  }

  /** Tells the present state at once, if there is one, then every further one. */
  watch(id: string, watcher: Watcher): Disposable {
    const row = this.#rows.get(id);
    if (row) watcher({ id, state: row.state, meta: row.meta }, row.final);
    const watchers = this.#watchers.get(id) ?? new Set<Watcher>();
    this.#watchers.set(id, watchers.add(watcher));
    return {
      [Symbol.dispose]: () => {
        watchers.delete(watcher);
        if (watchers.size === 0 && this.#watchers.get(id) === watchers) this.#watchers.delete(id);
      },
    };
  }

  readPoints(id: string): ReadonlyMap<string, Uint8Array> {
    return new Map(this.#points.get(id)?.values);
  }

  writePoint(id: string, fence: Fence, name: string, value: Uint8Array, ttl: Millis): "stored" | "fenced" {
    const points = this.#points.get(id);
    if (fence < Math.max(points?.fence ?? 0, this.#ledger.fenceOf(id))) return "fenced";
    this.#points.set(id, { fence, values: new Map(points?.values).set(name, value) }, ttl);
    return "stored";
  }
}
