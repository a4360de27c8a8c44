/**
 * Writes what was heard of tasks: what comes together of one task is one change of its row. Keeps the records of unfinished tasks in
 * memory, so that the next event of one costs no look into the file.
 */

import type { PlannedStep } from "../../event/planned.ts";
import type { Database } from "./database.ts";
import { FlowWriter } from "./flow-writer.ts";
import type { Life, Span } from "./fold.ts";
import { faultOf } from "./fault.ts";
import { LogWriter } from "./log-writer.ts";
import type { Saying } from "./reading.ts";
import { keyOf, recordColumns, recordOf, TaskRecord, writeLife } from "./record.ts";
import { levelOf, stateNumber } from "./schema.ts";
import type { Tally } from "./tally.ts";
import type { Words } from "./words.ts";

/** Records of unfinished tasks in memory, some 2 KB each. */
const mostOpen = 20_000;

export class TaskWriter {
  readonly #database: Database;
  readonly #words: Words;
  readonly #tally: Tally;
  readonly #log: LogWriter;
  readonly #open = new Map<string, TaskRecord>();
  readonly #flows: FlowWriter;

  constructor(database: Database, words: Words, tally: Tally) {
    this.#database = database;
    this.#words = words;
    this.#tally = tally;
    this.#log = new LogWriter(database);
    this.#flows = new FlowWriter(database, words, (id) => {
      const record = this.#open.get(id);
      if (record) record.inFlow = true;
    });
  }

  /** Within a transaction: everything that was heard of one task. */
  write(id: string, sayings: readonly Saying[]): void {
    const record = this.#open.get(id) ?? this.#load(id) ?? new TaskRecord(id);
    if (record.row === 0 && sayings.every(({ besides }) => besides === true)) return;
    const before = record.row === 0 ? undefined : record.life;
    const task = record.fact("task");
    let news = false;
    for (const saying of sayings) if (record.hear(saying)) news = true;
    if (news) {
      if (before) this.#tally.count(before, task, -1);
      this.#tally.count(record.life, record.fact("task"), 1);
      this.#store(
        record,
        before,
        sayings.flatMap(({ planned = [] }) => planned),
      );
    }
    for (const { log } of sayings) if (log && record.row !== 0) this.#log.write(record.row, log);
  }

  #load(id: string): TaskRecord | undefined {
    const row = this.#database.query(`SELECT ${recordColumns} FROM task WHERE uuid = ?`).get(keyOf(id));
    return row && recordOf(id, row, this.#words);
  }

  #store(record: TaskRecord, before: Life | undefined, planned: readonly PlannedStep[]): void {
    const words = this.#words;
    const now = record.life.spans.at(-1);
    if (!now) return;
    const name = words.number(record.fact("task"));
    const failed = now.state === "failed" || now.state === "dead";
    const flow = this.#flows.flowOf(record, now.from, planned);
    if (flow !== null) record.inFlow = true;
    const values = [
      name,
      words.number(now.queue),
      words.number(now.worker),
      stateNumber(now.state),
      now.from,
      failed ? words.number(faultOf(record.life.error)) : null,
      flow,
      optionalKey(record.fact("parent")),
      optionalKey(record.fact("group")),
      writeLife(record, words),
      record.fact("args") ?? null,
      record.fact("kwargs") ?? null,
      record.fact("result") ?? null,
      record.fact("error") ?? null,
      record.fact("trace") ?? null,
    ];
    if (record.row === 0) {
      record.row = this.#database
        .query(
          "INSERT INTO task (uuid, name, queue, worker, state, since, fault, flow, parent, grp, life, args, kwargs, result, error, trace) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .insert(keyOf(record.id), ...values);
    } else {
      this.#database
        .query(
          "UPDATE task SET name = ?, queue = ?, worker = ?, state = ?, since = ?, fault = ?, flow = coalesce(?, flow), parent = ?, grp = ?, life = ?, args = ?, kwargs = ?, result = ?, error = ?, trace = ? WHERE id = ?",
        )
        .run(...values, record.row);
    }
    this.#storePast(record, before, name);
    this.#remember(record, now);
  }

  /** Only what is otherwise than before. */
  #storePast({ row, life }: TaskRecord, before: Life | undefined, name: number): void {
    const old = before?.spans.slice(0, -1) ?? [];
    const now = life.spans.slice(0, -1);
    let same = 0;
    while (same < old.length && same < now.length && alike(old[same], now[same])) same++;
    if (same < old.length) {
      const drop = this.#database.query("DELETE FROM past WHERE level = ? AND start = ? AND task = ?");
      for (const { from, until } of old.slice(same)) drop.run(levelOf(until - from), from, row);
    }
    if (same === now.length) return;
    const put = this.#database.query(
      "INSERT OR REPLACE INTO past (level, start, task, until, state, name, queue, worker) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    );
    for (const { from, until, state, queue, worker } of now.slice(same)) {
      const level = levelOf(until - from);
      put.run(level, from, row, until, stateNumber(state), name, this.#words.number(queue), this.#words.number(worker));
    }
  }

  #remember(record: TaskRecord, { state }: Span): void {
    this.#open.delete(record.id);
    if (state === "succeeded" || state === "failed" || state === "revoked" || state === "dead") return;
    this.#open.set(record.id, record);
    if (this.#open.size <= mostOpen) return;
    const [oldest] = this.#open.keys();
    if (oldest !== undefined) this.#open.delete(oldest);
  }

  /** After a roll-back or a sweep. */
  forget(): void {
    this.#open.clear();
    this.#flows.forget();
  }
}

const optionalKey = (id: string | undefined): Uint8Array | string | null => (id === undefined ? null : keyOf(id));

function alike(a: Span | undefined, b: Span | undefined): boolean {
  return (
    a?.from === b?.from &&
    a?.until === b?.until &&
    a?.state === b?.state &&
    a?.worker === b?.worker &&
    a?.queue === b?.queue
  );
}
