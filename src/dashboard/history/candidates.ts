/**
 * Which tasks were in which state at a moment, newest or oldest first, as a stream of few range scans: open stretches from the index of the
 * narrowest filter, closed ones by their length (see schema.ts). Nothing is replayed and nothing is sorted but the heads of the scans.
 */

import type { Database } from "./database.ts";

export interface Scope {
  readonly at: number;
  /** Numbers of states. */
  readonly states: readonly number[];
  /** Words; `undefined`: all. */
  readonly names: readonly number[] | undefined;
  readonly queues: readonly number[] | undefined;
  readonly workers: readonly number[] | undefined;
  /** Of the moment since which it is in its state: both included. */
  readonly from: number;
  readonly until: number;
  readonly order: "newest" | "oldest";
}

/** A place in the order. */
export interface Place {
  readonly since: number;
  readonly id: number;
}

export interface Candidate extends Place {
  readonly state: number;
  /** Its stretch is closed by now: what its row says of worker and queue may be of later. */
  readonly past: boolean;
}

/** The longest stretch: some 70 years. */
const levels = 41;
type Fetch = (after: Place, limit: number) => readonly Candidate[];

/** All candidates behind `after`, in order. What the narrowest filter leaves open is still to be checked ({@link open}). */
export function* candidates(
  database: Database,
  scope: Scope,
  after: Place | undefined,
  chunk: number,
): Generator<Candidate> {
  const newest = scope.order === "newest";
  const start: Place = after ?? (newest ? { since: Number.MAX_SAFE_INTEGER, id: 0 } : { since: -1, id: 0 });
  const lanes = [...openSources(database, scope), ...pastSources(database, scope)].map(
    (fetch) => new Lane(fetch, start, chunk),
  );
  const heads = lanes.filter((lane) => lane.head !== undefined);
  while (heads.length > 0) {
    let best = heads[0];
    for (const lane of heads) if (best && ahead(lane.head, best.head, newest)) best = lane;
    const head = best?.head;
    if (!best || !head) return;
    yield head;
    best.advance();
    if (best.head === undefined) heads.splice(heads.indexOf(best), 1);
  }
}

function ahead(a: Candidate | undefined, b: Candidate | undefined, newest: boolean): boolean {
  if (!a || !b) return a !== undefined;
  const order = a.since - b.since || a.id - b.id;
  return newest ? order > 0 : order < 0;
}

/** One scan, read in growing pieces. */
class Lane {
  readonly #fetch: Fetch;
  #rows: readonly Candidate[];
  #index = 0;
  #chunk: number;

  constructor(fetch: Fetch, after: Place, chunk: number) {
    this.#fetch = fetch;
    this.#chunk = chunk;
    this.#rows = fetch(after, chunk);
  }

  get head(): Candidate | undefined {
    return this.#rows[this.#index];
  }

  advance(): void {
    const last = this.#rows[this.#index++];
    if (this.#index < this.#rows.length || !last || this.#rows.length < this.#chunk) return;
    this.#chunk = Math.min(this.#chunk * 2, 4_000);
    this.#rows = this.#fetch(last, this.#chunk);
    this.#index = 0;
  }
}

/** The index that the open stretches are read from, and what of the filter it does not settle. */
export function narrowest({ names, queues, workers }: Scope): {
  readonly column: "name" | "queue" | "worker" | undefined;
  readonly words: readonly number[];
  readonly rest: { readonly queues?: readonly number[] | undefined; readonly workers?: readonly number[] | undefined };
} {
  if (names) return { column: "name", words: names, rest: { queues, workers } };
  if (queues) return { column: "queue", words: queues, rest: { workers } };
  if (workers) return { column: "worker", words: workers, rest: {} };
  return { column: undefined, words: [0], rest: {} };
}

function openSources(database: Database, scope: Scope): readonly Fetch[] {
  const { column, words } = narrowest(scope);
  const [compare, direction] = scope.order === "newest" ? ["<", "DESC"] : [">", "ASC"];
  const query = database.query(
    `SELECT since, id FROM task INDEXED BY task_${column ?? "state"} WHERE ${column === undefined ? "? = 0" : `${column} = ?`}
     AND state = ? AND since BETWEEN ? AND ? AND (since, id) ${compare} (?, ?) ORDER BY since ${direction}, id ${direction} LIMIT ?`,
  );
  const until = Math.min(scope.until, scope.at);
  return words.flatMap((word) =>
    scope.states.map(
      (state): Fetch =>
        (after, limit) =>
          query
            .all(word, state, scope.from, until, after.since, after.id, limit)
            .map(([since, id]) => ({ since: since as number, id: id as number, state, past: false })),
    ),
  );
}

function pastSources(database: Database, scope: Scope): readonly Fetch[] {
  const { at } = scope;
  const [compare, direction] = scope.order === "newest" ? ["<", "DESC"] : [">", "ASC"];
  const { where, values } = pastFilter(scope);
  const query = database.query(
    `SELECT start, task, state FROM past WHERE level = ? AND start BETWEEN ? AND ? AND (start, task) ${compare} (?, ?)
     AND until > ? ${where} ORDER BY start ${direction}, task ${direction} LIMIT ?`,
  );
  return pastLevels(database).map(
    (level): Fetch =>
      (after, limit) =>
        query
          .all(
            level,
            Math.max(scope.from, earliest(level, at)),
            Math.min(scope.until, at),
            after.since,
            after.id,
            at,
            ...values,
            limit,
          )
          .map(([since, id, state]) => ({
            since: since as number,
            id: id as number,
            state: state as number,
            past: true,
          })),
  );
}

/** How many are in each state, each counted up to `most`. Only for a scope that one index settles. */
export function countByState(
  database: Database,
  scope: Scope,
  most: number,
): readonly (readonly [state: number, count: number])[] {
  const { column, words } = narrowest(scope);
  const query = database.query(
    `SELECT count(*) FROM (SELECT 1 FROM task INDEXED BY task_${column ?? "state"} WHERE ${column === undefined ? "? = 0" : `${column} = ?`}
     AND state = ? AND since BETWEEN ? AND ? LIMIT ?)`,
  );
  const counts = new Map<number, number>(scope.states.map((state) => [state, 0]));
  const until = Math.min(scope.until, scope.at);
  for (const word of words) {
    for (const state of scope.states) {
      const count = query.get(word, state, scope.from, until, most)?.[0] as number;
      counts.set(state, (counts.get(state) ?? 0) + count);
    }
  }
  const { where, values } = pastFilter(scope);
  const past = database.query(
    `SELECT state, count(*) FROM (SELECT state FROM past WHERE level = ? AND start BETWEEN ? AND ? AND until > ? ${where} LIMIT ?) GROUP BY state`,
  );
  for (const level of pastLevels(database)) {
    const from = Math.max(scope.from, earliest(level, scope.at));
    for (const [state, count] of past.all(level, from, Math.min(scope.until, scope.at), scope.at, ...values, most))
      counts.set(state as number, (counts.get(state as number) ?? 0) + (count as number));
  }
  return [...counts];
}

/** A closed stretch of this level that covers `at` began at this moment or later. */
export function earliest(level: number, at: number): number {
  return at - 2 ** (level + 1) + 1;
}

/** Levels that there are: each is found by one step down the tree. */
export function pastLevels(database: Database): readonly number[] {
  const next = database.query("SELECT level FROM past WHERE level > ? ORDER BY level LIMIT 1");
  const found: number[] = [];
  for (let level = -1; found.length < levels;) {
    const row = next.get(level);
    if (!row) break;
    level = row[0] as number;
    found.push(level);
  }
  return found;
}

function pastFilter({ states, names, queues, workers }: Scope): {
  readonly where: string;
  readonly values: readonly (number | string)[];
} {
  const mask = states.reduce((bits, state) => bits | (1 << state), 0);
  const lists = [
    ["name", names],
    ["queue", queues],
    ["worker", workers],
  ] as const;
  const given = lists.filter(([, words]) => words !== undefined);
  return {
    where: [
      "AND (1 << state) & ?",
      ...given.map(([column]) => `AND ${column} IN (SELECT value FROM json_each(?))`),
    ].join(" "),
    values: [mask, ...given.map(([, words]) => JSON.stringify(words))],
  };
}
