/** Outcomes and checkpoints in the queue file: the first final write wins, older fences are refused, expired rows do not exist. */

import type { StoredOutcome } from "../../port/result-store.ts";
import type { Database, Statement } from "./database.ts";
import type { CommitAnswer } from "./exchange.ts";
import { unset } from "./parcel.ts";
import type { SentResult, Unpacked } from "./parcel.ts";
import type { Standing, Starts } from "./starts.ts";
import type { Turn } from "./turn.ts";

export class Results implements Standing {
  readonly #starts: Starts;
  readonly #write: Statement;
  readonly #read: Statement;
  readonly #readMany: Statement;
  readonly #forget: Statement;
  readonly #points: Statement;
  readonly #pointFence: Statement;
  readonly #writePoint: Statement;

  readonly #head: Statement;

  constructor(db: Database, starts: Starts) {
    this.#starts = starts;
    this.#write = db.prepare(
      `INSERT INTO celeriac_result (id, state, final, fence, until, meta) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
       ON CONFLICT (id) DO UPDATE SET state = ?2, final = ?3, fence = ?4, until = ?5, meta = ?6 WHERE final = 0 OR until <= ?7`,
    );
    this.#read = db.prepare("SELECT state, meta, final, fence, until FROM celeriac_result WHERE id = ?");
    this.#head = db.prepare("SELECT final, fence FROM celeriac_result WHERE id = ? AND (until IS NULL OR until > ?)");
    this.#readMany = db.prepare(
      "SELECT id, state, meta, until FROM celeriac_result WHERE id IN (SELECT value FROM json_each(?))",
    );
    this.#forget = db.prepare("DELETE FROM celeriac_result WHERE id IN (SELECT value FROM json_each(?))");
    this.#points = db.prepare("SELECT name, value FROM celeriac_point WHERE id = ? AND until > ? ORDER BY name");
    this.#pointFence = db.prepare(
      "SELECT max(fence) FROM (SELECT fence FROM celeriac_point WHERE id = ?1 AND until > ?2 UNION ALL SELECT fence FROM celeriac_task WHERE id = ?1)",
    );
    this.#writePoint = db.prepare(
      "INSERT INTO celeriac_point (id, name, fence, value, until) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id, name) DO UPDATE SET fence = ?3, value = ?4, until = ?5",
    );
  }

  /** Writes an outcome of the lease's holder. Undefined: stored. Else the final outcome that stands. */
  store(result: SentResult, turn: Turn): StoredOutcome | undefined {
    const { id, state, final, fence, ttl, meta } = result;
    const until = ttl === unset ? null : turn.now + ttl;
    if (this.#write.run(id, state, final ? 1 : 0, fence, until, meta, turn.now) === 0) {
      const stands = this.#read.get(id);
      return { id, state: stands?.[0] as string, meta: stands?.[1] as Uint8Array };
    }
    turn.stored.push(id);
    return undefined;
  }

  /** The same without a lease: decided by the stored fence. */
  commit(batch: Unpacked, from: number, count: number, turn: Turn): readonly CommitAnswer[] {
    return Array.from({ length: count }, (_, index) => this.#commitOne(batch.result(from + index), turn));
  }

  #commitOne(result: SentResult, turn: Turn): CommitAnswer {
    const stands = this.#read.get(result.id);
    const living = stands !== undefined && (stands[4] === null || (stands[4] as number) > turn.now);
    const begun = this.#starts.fenceOf(result.id, turn.now);
    if (result.fence < Math.max(begun, living ? (stands[3] as number) : 0)) return "fenced";
    if (living && stands[2] === 1) {
      const same = Buffer.compare(result.meta, stands[1] as Uint8Array) === 0;
      return result.final && result.fence === stands[3] && same ? "mine-already" : "already-final";
    }
    this.store(result, turn);
    if (begun > 0 && result.final) this.#starts.close(result.id, turn);
    return "stored";
  }

  final(id: string, now: number): StoredOutcome | undefined {
    return this.#head.get(id, now)?.[0] === 1 ? this.get([id], now)[0] : undefined;
  }

  /** The highest that wrote a result or a checkpoint, or claimed the task. */
  fenceOf(id: string, now: number): number {
    const stored = (this.#head.get(id, now)?.[1] as number | undefined) ?? 0;
    return Math.max(stored, (this.#pointFence.get(id, now)?.[0] as number | null | undefined) ?? 0);
  }

  get(ids: readonly string[], now: number): readonly (StoredOutcome | undefined)[] {
    const found = new Map<string, StoredOutcome>();
    for (const [id, state, meta, until] of this.#readMany.all(JSON.stringify(ids))) {
      if (until !== null && (until as number) <= now) continue;
      found.set(id as string, { id: id as string, state: state as string, meta: meta as Uint8Array });
    }
    return ids.map((id) => found.get(id));
  }

  forget(ids: readonly string[]): void {
    this.#forget.run(JSON.stringify(ids));
  }

  points(id: string, now: number): readonly (readonly [string, Uint8Array])[] {
    return this.#points.all(id, now).map((row) => [row[0] as string, row[1] as Uint8Array] as const);
  }

  /** A later claim of the task has a higher fence in its row, so a former holder is refused as soon as there is a new one. */
  writePoint(
    point: { id: string; fence: number; name: string; value: Uint8Array; ttl: number },
    turn: Turn,
  ): "stored" | "fenced" {
    const highest = (this.#pointFence.get(point.id, turn.now)?.[0] as number | null | undefined) ?? 0;
    if (Math.max(highest, this.#starts.fenceOf(point.id, turn.now)) > point.fence) return "fenced";
    this.#writePoint.run(point.id, point.name, point.fence, point.value, turn.now + point.ttl);
    return "stored";
  }
}
