/** One task with all that is known of it, and its log. */

import type { LogLine, LogPage, LogQuery, TaskDetail, TaskRow } from "../contract.ts";
import type { Database, Row } from "./database.ts";
import { errorReport } from "./error-report.ts";
import { mostLines } from "./log-writer.ts";
import { idOf, keyOf, recordColumns, recordOf, type TaskRecord } from "./record.ts";
import { type Asking, findTask } from "./task-page.ts";
import { attemptsOf, bySeen, present, rowOf } from "./task-row.ts";

const mostChildren = 200;
const usualLines = 200;

export type KeptDetail = Omit<TaskDetail, "actions" | "gaps" | "since">;

/** `undefined`: nobody told of it by then. */
export function detailOf(asking: Asking, id: string, at: number): KeptDetail | undefined {
  const record = findTask(asking, id);
  const row = record && rowOf(record, at);
  if (!row) return undefined;
  const result = record.facts.get("result");
  const children = childrenOf(asking, id, at);
  return present<KeptDetail>({
    at,
    row,
    attempts: attemptsOf(record, at),
    stepsLeftOut: record.leftOut,
    args: record.fact("args"),
    kwargs: record.fact("kwargs"),
    result: result !== undefined && result.at <= at ? String(result.value) : undefined,
    error: row.state === "succeeded" ? undefined : errorOf(record, row, at),
    eta: record.moment("eta"),
    expires: record.moment("expires"),
    parent: record.fact("parent"),
    root: record.fact("root"),
    group: record.fact("group"),
    children: children.rows,
    childCount: children.count,
    logLines: Number(
      asking.database.query("SELECT count(*) FROM log WHERE task = ? AND at <= ?").get(record.row, at)?.[0] ?? 0,
    ),
  });
}

/** In their order; who is not known is left out. */
export function rowsNow(asking: Asking, ids: readonly string[]): readonly TaskRow[] {
  return ids.flatMap((id) => {
    const record = findTask(asking, id);
    const row = record && rowOf(record, asking.now);
    return row ? [row] : [];
  });
}

/** The traceback is that of the last error; of an earlier moment only its first lines are kept. */
function errorOf(record: TaskRecord, row: TaskRow, at: number): TaskDetail["error"] {
  const error = record.facts.get("error");
  const trace = record.facts.get("trace");
  if (error === undefined || error.at > at) return errorReport(row.error, undefined);
  return errorReport(
    String(error.value),
    trace !== undefined && trace.at === error.at ? String(trace.value) : undefined,
  );
}

function childrenOf(
  asking: Asking,
  id: string,
  at: number,
): { readonly rows: readonly TaskRow[]; readonly count: number } {
  const { database, words } = asking;
  const key = keyOf(id);
  const rows = database
    .query(`SELECT uuid, ${recordColumns} FROM task WHERE parent = ? LIMIT ?`)
    .all(key, mostChildren);
  const count = Number(database.query("SELECT count(*) FROM task WHERE parent = ?").get(key)?.[0] ?? 0);
  return { rows: rows.flatMap(([uuid, ...columns]) => shown(uuid, columns, words, at)).toSorted(bySeen), count };
}

export function shown(
  uuid: Row[number] | undefined,
  columns: Row,
  words: Asking["words"],
  at: number,
): readonly TaskRow[] {
  const row = rowOf(recordOf(idOf(uuid as Uint8Array | string), columns, words), at);
  return row ? [row] : [];
}

/** From new to old; within a page from old to new. */
export function logOf(asking: Asking, id: string, query: LogQuery): Omit<LogPage, "gaps" | "since"> {
  const at = query.at ?? asking.now;
  const task = rowNumber(asking.database, id);
  if (task === undefined) return { at, items: [], dropped: 0 };
  const limit = Math.min(Math.max(Math.trunc(query.limit ?? usualLines), 1), mostLines);
  const rows = asking.database
    .query(
      `SELECT at, clock, hash, level, attempt, text, fields FROM log WHERE task = ? AND at <= ? AND (at, clock, hash) < (?, ?, ?)
       ORDER BY at DESC, clock DESC, hash DESC LIMIT ?`,
    )
    .all(task, at, ...placeIn(query.after), limit + 1);
  const shownRows = rows.slice(0, limit);
  const last = shownRows.at(-1);
  const dropped = Number(asking.database.query("SELECT cut FROM task WHERE id = ?").get(task)?.[0] ?? 0);
  return present<Omit<LogPage, "gaps" | "since">>({
    at,
    items: shownRows.toReversed().map(lineOf),
    next: rows.length > limit && last ? last.slice(0, 3).join(".") : undefined,
    dropped,
  });
}

function rowNumber(database: Database, id: string): number | undefined {
  return database.query("SELECT id FROM task WHERE uuid = ?").get(keyOf(id))?.[0] as number | undefined;
}

/** Nonsense begins at the newest. */
function placeIn(after: string | undefined): readonly [number, number, number] {
  const [at, clock, hash] = (after ?? "").split(".").map(Number);
  const all = [at, clock, hash].every((part) => Number.isSafeInteger(part));
  return all ? [at ?? 0, clock ?? 0, hash ?? 0] : [Number.MAX_SAFE_INTEGER, 0, 0];
}

const levels: ReadonlySet<string> = new Set<LogLine["level"]>(["trace", "debug", "info", "warn", "error", "fatal"]);

function lineOf([at, , , level, attempt, text, fields]: Row): LogLine {
  return present<LogLine>({
    at: at as number,
    level: levels.has(level as string) ? (level as LogLine["level"]) : "info",
    text: text as string,
    attempt: (attempt ?? undefined) as number | undefined,
    fields: typeof fields === "string" ? fieldsIn(fields) : undefined,
  });
}

function fieldsIn(json: string): Readonly<Record<string, unknown>> {
  try {
    const fields: unknown = JSON.parse(json);
    if (typeof fields === "object" && fields !== null && !Array.isArray(fields))
      return fields as Record<string, unknown>;
  } catch {
    // a worker of another make sends what it likes
  }
  return { fields: json };
}
