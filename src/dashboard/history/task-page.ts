/**
 * The tasks table at any moment: pages by keyset, counts by state. A text, and a second filter beside the narrowest, are checked along the
 * way; that stops when its time is up, and the answer says how far it came.
 */

import type { TaskCounts, TaskFilter, TaskPage, TaskQuery, TaskRow, TaskState } from "../contract.ts";
import { type Candidate, candidates, countByState, narrowest, type Place, type Scope } from "./candidates.ts";
import type { Database } from "./database.ts";
import { idOf, isUuid, keyOf, recordColumns, recordOf, type TaskRecord } from "./record.ts";
import { stateNumber, states } from "./schema.ts";
import { present, rowOf } from "./task-row.ts";
import type { Words } from "./words.ts";

/** Rows of a page. */
export const mostRows = 200;
const usualRows = 50;
/** Time for looking through tasks one by one, ms. */
const patience = 150;
/** The same for counting, which a page asks beside its rows: both together are to be there within 300. */
const countPatience = 80;
/** Tasks looked at in one statement. */
const stride = 500;
/** A state is counted up to here. */
const mostCounted = 500_000;
export const longestText = 200;

export interface Asking {
  readonly database: Database;
  readonly words: Words;
  readonly now: number;
  /** Of the clock that measures, ms. */
  readonly elapsed: () => number;
}

type Page = Omit<TaskPage, "gaps" | "since">;

export function pageOf(asking: Asking, query: TaskQuery): Page {
  const at = query.at ?? asking.now;
  const limit = Math.min(Math.max(Math.trunc(query.limit ?? usualRows), 1), mostRows);
  const scope = scopeOf(asking, query, query.order ?? "newest");
  if (!scope) return { at, items: [] };
  const text = query.text?.slice(0, longestText) ?? "";
  const exact = isUuid(text) ? findTask(asking, text) : undefined;
  if (exact) {
    const row = rowOf(exact, at);
    return { at, items: row && query.after === undefined && fits(row, query) ? [row] : [] };
  }
  const sieve = new Sieve(asking, scope, text);
  const items: TaskRow[] = [];
  const started = asking.elapsed();
  let last = placeIn(query.after);
  let batch: Candidate[] = [];
  const take = (): "full" | "late" | undefined => {
    const passed = sieve.pass(batch);
    for (const candidate of batch) {
      const record = passed.get(candidate.id);
      const row = record && rowOf(record, at);
      if (row && items.length === limit) return "full";
      last = candidate;
      if (row) items.push(row);
    }
    batch = [];
    return asking.elapsed() - started > patience ? "late" : undefined;
  };
  let size = sieve.open ? stride : limit + 1;
  for (const candidate of candidates(asking.database, scope, last, Math.min(size, limit + 1))) {
    batch.push(candidate);
    if (batch.length < size) continue;
    const end = take();
    if (end === "full") return { at, items, next: placeText(last) };
    if (end === "late") return present<Page>({ at, items, next: placeText(last), searchedTo: last?.since });
    size = Math.min(size * 2, 4_000);
  }
  return take() === "full" ? { at, items, next: placeText(last) } : { at, items };
}

export function countsOf(asking: Asking, filter: TaskFilter): Omit<TaskCounts, "gaps" | "since"> {
  const at = filter.at ?? asking.now;
  const counts = Object.fromEntries(states.map((state) => [state, 0])) as Record<TaskState, number>;
  const atLeast = new Set<TaskState>();
  const text = filter.text?.slice(0, longestText) ?? "";
  const { state: _, ...whatever } = filter;
  const scope = scopeOf(asking, whatever, "newest");
  const done = (): Omit<TaskCounts, "gaps" | "since"> => {
    const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
    return { at, states: counts, total, atLeast: [...atLeast] };
  };
  if (!scope) return done();
  const sieve = new Sieve(asking, scope, text);
  if (!sieve.open) {
    for (const [state, count] of countByState(asking.database, scope, mostCounted)) {
      const name = states[state];
      if (name === undefined) continue;
      counts[name] += count;
      if (count >= mostCounted) atLeast.add(name);
    }
    return done();
  }
  const started = asking.elapsed();
  let batch: Candidate[] = [];
  const take = (): void => {
    const passed = sieve.pass(batch);
    for (const { id } of batch) {
      const record = passed.get(id);
      const row = record && rowOf(record, at);
      if (row) counts[row.state]++;
    }
    batch = [];
  };
  for (const candidate of candidates(asking.database, scope, undefined, stride)) {
    batch.push(candidate);
    if (batch.length < 2 * stride) continue;
    take();
    if (asking.elapsed() - started <= countPatience) continue;
    for (const state of states) atLeast.add(state);
    return done();
  }
  take();
  return done();
}

/** What the index leaves open: further filters, and the text. */
class Sieve {
  readonly #asking: Asking;
  readonly #scope: Scope;
  readonly #text: string;
  /** Not every candidate passes. */
  readonly open: boolean;

  constructor(asking: Asking, scope: Scope, text: string) {
    this.#asking = asking;
    this.#scope = scope;
    this.#text = text.toLowerCase();
    const { rest } = narrowest(scope);
    this.open = text !== "" || rest.queues !== undefined || rest.workers !== undefined;
  }

  /** Those that pass, with their records. */
  pass(batch: readonly Candidate[]): ReadonlyMap<number, TaskRecord> {
    const { rest } = narrowest(this.#scope);
    const passed = new Map<number, TaskRecord>();
    const ids = (past: boolean): string =>
      JSON.stringify(batch.filter((each) => each.past === past).map(({ id }) => id));
    const text = this.#text === "" ? [] : likePatterns(this.#text);
    const texts =
      text.length === 0
        ? ""
        : "AND (args LIKE ? ESCAPE '\\' OR kwargs LIKE ? ESCAPE '\\' OR result LIKE ? ESCAPE '\\' OR error LIKE ? ESCAPE '\\' OR CASE typeof(uuid) WHEN 'blob' THEN hex(uuid) LIKE ? ESCAPE '\\' ELSE uuid LIKE ? ESCAPE '\\' END)";
    const lists = (
      [
        ["queue", rest.queues],
        ["worker", rest.workers],
      ] as const
    ).filter(([, words]) => words !== undefined);
    const more = lists.map(([column]) => `AND ${column} IN (SELECT value FROM json_each(?))`).join(" ");
    const select = `SELECT uuid, ${recordColumns} FROM task WHERE id IN (SELECT value FROM json_each(?))`;
    const { database, words } = this.#asking;
    const rows = [
      ...database
        .query(`${select} ${more} ${texts}`)
        .all(ids(false), ...lists.map(([, list]) => JSON.stringify(list)), ...text),
      ...database.query(`${select} ${texts}`).all(ids(true), ...text),
    ];
    for (const [uuid, ...columns] of rows) {
      const record = recordOf(idOf(uuid as Uint8Array | string), columns, words);
      if (this.#text === "" || this.#holds(record)) passed.set(record.row, record);
    }
    return passed;
  }

  /** As it was then, and as it is shown. */
  #holds(record: TaskRecord): boolean {
    const { at } = this.#scope;
    const then = (name: "args" | "kwargs" | "result" | "error"): string => {
      const fact = record.facts.get(name);
      const late = (name === "result" || name === "error") && fact !== undefined && fact.at > at;
      return fact === undefined || late ? "" : String(fact.value);
    };
    const texts = [record.id, then("args"), then("kwargs"), then("result"), then("error")];
    return texts.some((each) => each.toLowerCase().includes(this.#text));
  }
}

/** In the order of the statement: four texts, the id's hexadecimal digits, the id. */
function likePatterns(text: string): readonly string[] {
  const pattern = (part: string): string => `%${part.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
  const plain = pattern(text);
  const digits = text.replaceAll("-", "");
  const hex = /^[\da-f]+$/.test(digits) ? pattern(digits) : String.raw`\%`;
  return [plain, plain, plain, plain, hex, plain];
}

/** `undefined`: a name that was never seen is in no task. */
function scopeOf({ words, now }: Asking, filter: TaskFilter, order: Scope["order"]): Scope | undefined {
  const numbers = (names: readonly string[] | undefined): readonly number[] | undefined =>
    names === undefined || names.length === 0
      ? undefined
      : [...new Set(names.flatMap((name) => words.find(name) ?? []))];
  const [names, queues, workers] = [numbers(filter.task), numbers(filter.queue), numbers(filter.worker)];
  if ([names, queues, workers].some((list) => list?.length === 0)) return undefined;
  const asked =
    filter.state === undefined || filter.state.length === 0
      ? states
      : states.filter((state) => filter.state?.includes(state));
  return {
    at: filter.at ?? now,
    states: asked.map(stateNumber),
    names,
    queues,
    workers,
    from: Math.ceil(filter.from ?? 0),
    until: filter.until === undefined ? Number.MAX_SAFE_INTEGER : Math.ceil(filter.until) - 1,
    order,
  };
}

function fits(row: TaskRow, filter: TaskFilter): boolean {
  const among = (list: readonly string[] | undefined, value: string | undefined): boolean =>
    list === undefined || list.length === 0 || (value !== undefined && list.includes(value));
  return (
    among(filter.state, row.state) &&
    among(filter.task, row.task) &&
    among(filter.queue, row.queue) &&
    among(filter.worker, row.worker) &&
    row.since >= (filter.from ?? -Infinity) &&
    row.since < (filter.until ?? Infinity)
  );
}

export function findTask({ database, words }: Pick<Asking, "database" | "words">, id: string): TaskRecord | undefined {
  const row = database.query(`SELECT ${recordColumns} FROM task WHERE uuid = ?`).get(keyOf(id));
  return row && recordOf(id, row, words);
}

/** A page's end as text for `after`. */
function placeText(place: Place | undefined): string {
  return place === undefined ? "" : `${place.since.toString(36)}.${place.id.toString(36)}`;
}

/** Nonsense begins at the beginning. */
function placeIn(text: string | undefined): Place | undefined {
  const [since, id] = (text ?? "").split(".").map((part) => Number.parseInt(part, 36));
  return Number.isSafeInteger(since) && Number.isSafeInteger(id)
    ? { since: since as number, id: id as number }
    : undefined;
}
