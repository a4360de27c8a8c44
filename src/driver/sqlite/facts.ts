/** Small shared facts: a row each, with the version that wrote it. A deletion is a row too, until nobody needs to be told of it. */

import type { ControlFact, ControlState } from "../../port/control-state.ts";
import type { Database, Statement } from "./database.ts";

const toldFor = 86_400_000;
/** Rows removed in one transaction. */
const sweepLimit = 500;

export class Facts {
  readonly #changes: Statement;
  readonly #version: Statement;
  readonly #nextVersion: Statement;
  readonly #present: Statement;
  readonly #write: Statement;
  readonly #ended: Statement;
  readonly #remove: Statement;
  readonly #setForgotten: Statement;

  constructor(db: Database) {
    // One statement, so that version and facts are of one moment. The first row has the version, and whether all are told.
    this.#changes = db.prepare(
      `WITH meta (version, forgotten) AS (SELECT
         coalesce((SELECT value FROM celeriac_meta WHERE key = 'facts'), 0),
         coalesce((SELECT value FROM celeriac_meta WHERE key = 'facts-forgotten'), 0)),
       told (version, complete) AS (SELECT version, ?1 <= 0 OR ?1 < forgotten OR ?1 > version FROM meta)
       SELECT '', '', NULL, complete, version FROM told
       UNION ALL SELECT * FROM (SELECT kind, key, value, until, version FROM celeriac_fact
         WHERE version > (SELECT iif(complete, -1, ?1) FROM told) AND (until IS NULL OR until > ?2)
           AND (value IS NOT NULL OR NOT (SELECT complete FROM told))
         ORDER BY version)`,
    );
    this.#version = db.prepare("SELECT coalesce((SELECT value FROM celeriac_meta WHERE key = 'facts'), 0)");
    // Above every version that was ever told, also of a file that has lost its last ones.
    this.#nextVersion = db.prepare(
      `INSERT INTO celeriac_meta (key, value) VALUES ('facts', ?)
       ON CONFLICT (key) DO UPDATE SET value = max(value + 1, excluded.value) RETURNING value`,
    );
    this.#present = db.prepare(
      "SELECT value FROM celeriac_fact WHERE kind = ? AND key = ? AND (until IS NULL OR until > ?)",
    );
    this.#write = db.prepare(
      "INSERT OR REPLACE INTO celeriac_fact (kind, key, value, until, version) VALUES (?,?,?,?,?)",
    );
    this.#ended = db.prepare(
      `SELECT kind, key, value IS NULL, version FROM celeriac_fact WHERE until <= ? ORDER BY until LIMIT ${sweepLimit}`,
    );
    this.#remove = db.prepare("DELETE FROM celeriac_fact WHERE kind = ? AND key = ?");
    this.#setForgotten = db.prepare(
      `INSERT INTO celeriac_meta (key, value) VALUES ('facts-forgotten', ?)
       ON CONFLICT (key) DO UPDATE SET value = max(value, excluded.value)`,
    );
  }

  changes(since: number, now: number): Awaited<ReturnType<ControlState["changes"]>> {
    const [head, ...rows] = this.#changes.all(since, now);
    const changed = rows.map(([kind, key, value, until]) => {
      const fact = { kind: kind as string, key: key as string, value: value as string | null };
      return value === null || until === null ? fact : { ...fact, until: until as number };
    });
    return { version: head?.[4] as number, changed, complete: head?.[3] === 1 };
  }

  set(facts: readonly ControlFact[], now: number): number {
    if (facts.length === 0) return this.#version.get()?.[0] as number;
    this.#sweep(now);
    const version = this.#nextVersion.get(Math.floor(now))?.[0] as number;
    for (const { kind, key, value, until } of facts) {
      const ends = value === null ? Math.ceil(now) + toldFor : until === undefined ? null : Math.ceil(until);
      this.#write.run(kind, key, value, ends, version);
    }
    return version;
  }

  replace(fact: ControlFact, value: string | null, now: number): boolean {
    const present = this.#present.get(fact.kind, fact.key, now)?.[0] ?? null;
    if (present !== value) return false;
    this.set([fact], now);
    return true;
  }

  #sweep(now: number): void {
    for (const [kind, key, deleted, version] of this.#ended.all(now)) {
      this.#remove.run(kind as string, key as string);
      if (deleted === 1) this.#setForgotten.run(version as number);
    }
  }
}
