/**
 * The writing half of the history. What is heard is gathered and written in one transaction a quarter of a second, or when enough has
 * come; what cannot be written (a full disk, a broken file) is let go with a warning, and remembered as a gap: to watch must never
 * harm what is watched.
 *
 *   recording ──(disk full, I/O error)──▶ waiting ──(every 5 s: once more)──▶ recording
 *       └──────(file damaged)──▶ moved aside, a new file ──▶ recording
 */

import type { EventBatch } from "../../app/events.ts";
import type { Warning } from "../../port/units.ts";
import type { CeleryEvent } from "../../wire/event.ts";
import { ClusterWriter } from "./cluster-writer.ts";
import { type Database, isDamage, moveAside, openHistoryFile } from "./database.ts";
import { LevelWriter, type QueueLevel } from "./levels.ts";
import { readTaskEvent, type Saying } from "./reading.ts";
import { Retention } from "./retention.ts";
import { Tally } from "./tally.ts";
import { TaskWriter } from "./task-writer.ts";
import { Words } from "./words.ts";

export interface WriterOptions {
  readonly path: string;
  /** Wall clock, unix ms. */
  readonly now: () => number;
  readonly warn: (warning: Warning) => void;
  /** Tasks whose last change is older are forgotten, ms. */
  readonly maxAge: number;
  /** The oldest are forgotten when the file would be larger, bytes. */
  readonly maxBytes: number;
}

/** Written at once when so many have come. */
const batch = 4_000;
/** Between two tries to write to a full disk, ms. */
const retryAfter = 5_000;
/** What is written has come at most so long before, ms. */
const lag = 1_000;

interface Parts {
  readonly database: Database;
  readonly words: Words;
  readonly tally: Tally;
  readonly tasks: TaskWriter;
  readonly cluster: ClusterWriter;
  readonly levels: LevelWriter;
  readonly retention: Retention;
}

export class HistoryWriter {
  readonly #options: WriterOptions;
  #parts: Parts;
  #heard = new Map<string, Saying[]>();
  #others: CeleryEvent[] = [];
  #count = 0;
  #events: number;
  /** The earliest moment that was told of. */
  #first: number;
  /** What was missed since the last write. */
  #missed: { readonly at: number; readonly many: number | undefined } | undefined;
  /** Since when nothing is recorded, and when it is tried again. */
  #trouble: { readonly since: number; readonly next: number; readonly text: string } | undefined;
  /** Goes up when the file is another one. */
  generation = 0;

  /** Throws DATABASE_FOREIGN, DATABASE_VERSION, BACKEND_UNREACHABLE. */
  constructor(options: WriterOptions) {
    this.#options = options;
    const now = options.now();
    const { database, moved } = openHistoryFile(options.path, now);
    if (moved !== undefined) this.#warnMoved(moved);
    this.#parts = this.#build(database);
    this.#events = database.number("SELECT value FROM fact WHERE key = 'events'");
    this.#first = database.number("SELECT value FROM fact WHERE key = 'first'") || Infinity;
    // Between then and now nobody listened.
    const left = database.number("SELECT value FROM fact WHERE key = 'left'");
    if (left > 0 && left < now) this.#safely(() => this.#gap(left, now, "closed", undefined));
  }

  #build(database: Database): Parts {
    const words = new Words(database);
    const tally = new Tally(database, words);
    const { maxAge, maxBytes } = this.#options;
    return {
      database,
      words,
      tally,
      tasks: new TaskWriter(database, words, tally),
      cluster: new ClusterWriter(database, words),
      levels: new LevelWriter(database, words),
      retention: new Retention(database, words, maxAge, maxBytes),
    };
  }

  /** Events that wait to be written. */
  get waiting(): number {
    return this.#count;
  }

  get events(): number {
    return this.#events;
  }

  get database(): Database {
    return this.#parts.database;
  }

  /** Why nothing is recorded. */
  get trouble(): string | undefined {
    return this.#trouble?.text;
  }

  /** Never throws: what cannot be read or written is let go. */
  ingest({ events, missed }: EventBatch): void {
    if (missed !== 0) {
      const before = this.#missed;
      const many =
        missed === undefined || (before && before.many === undefined) ? undefined : (before?.many ?? 0) + missed;
      this.#missed = { at: before?.at ?? this.#options.now(), many };
    }
    for (const event of events) {
      const saying = readTaskEvent(event);
      if (saying) {
        const known = this.#heard.get(saying.id);
        if (known) known.push(saying);
        else this.#heard.set(saying.id, [saying]);
      } else this.#others.push(event);
      if (++this.#count >= batch) this.flush();
    }
  }

  /** Writes what has come. Never throws. */
  flush(): void {
    if (this.#count === 0 && this.#missed === undefined) return;
    const heard = this.#heard;
    const others = this.#others;
    const count = this.#count;
    const missed = this.#missed;
    this.#heard = new Map();
    this.#others = [];
    this.#count = 0;
    this.#missed = undefined;
    const now = this.#options.now();
    const trouble = this.#trouble;
    if (trouble && now < trouble.next) return;
    let first = Infinity;
    for (const sayings of heard.values()) for (const { at } of sayings) first = Math.min(first, at);
    const done = this.#safely(() => {
      const { database, tasks, cluster, tally } = this.#parts;
      database.transaction("BEGIN IMMEDIATE", () => {
        if (trouble) this.#gap(trouble.since, now, "full", undefined);
        if (missed) this.#gap(missed.at, Math.max(now, missed.at + 1), "lost", missed.many);
        for (const [id, sayings] of heard) tasks.write(id, sayings);
        for (const event of others) cluster.write(event);
        tally.write();
        this.#put("events", this.#events + count);
        this.#put("left", now);
        if (first < this.#first) this.#put("first", (this.#first = first));
      });
      this.#events += count;
    });
    if (done && trouble) this.#trouble = undefined;
  }

  /** What the broker says of its queues now, behind what has come. Never throws. */
  sample(queues: readonly QueueLevel[]): void {
    this.flush();
    if (this.#trouble) return;
    this.#safely(() => {
      const { database, levels } = this.#parts;
      database.transaction("BEGIN IMMEDIATE", () => levels.write(this.#options.now(), queues));
    });
  }

  /** Forgets what is too old or too much, a little at a time. True: there is more to forget. Never throws. */
  sweep(): boolean {
    if (this.#trouble && this.#options.now() < this.#trouble.next) return false;
    let more = false;
    this.#safely(() => {
      const { retention, tasks, words } = this.#parts;
      const swept = retention.sweep(this.#options.now());
      more = swept.more;
      if (!swept.forgot) return;
      tasks.forget();
      words.forget();
    });
    return more;
  }

  close(): void {
    this.flush();
    if (!this.#trouble) this.#safely(() => this.#put("left", this.#options.now()));
    this.#parts.database.close();
  }

  /** False: it failed, and that is known by now. */
  #safely(work: () => void): boolean {
    try {
      work();
      return true;
    } catch (error) {
      const { tasks, words, tally } = this.#parts;
      tasks.forget();
      words.forget();
      tally.forget();
      if (isDamage(error)) this.#replace(error);
      else this.#stumble(error);
      return false;
    }
  }

  #stumble(error: unknown): void {
    const { now, path, warn } = this.#options;
    const why = error instanceof Error ? error.message : String(error);
    const text = `The history ${path} cannot be written (${why}). Nothing is recorded until it can; free some space, or name a file elsewhere.`;
    if (!this.#trouble) warn({ code: "HISTORY_NOT_RECORDING", text });
    this.#trouble = { since: this.#trouble?.since ?? now() - lag, next: now() + retryAfter, text };
  }

  /** Damaged while we use it. */
  #replace(cause: unknown): void {
    const { path, now } = this.#options;
    try {
      this.#parts.database.close();
      const moved = moveAside(path, now());
      this.#warnMoved(moved);
      this.#parts = this.#build(openHistoryFile(path, now()).database);
      this.#events = 0;
      this.#first = Infinity;
      this.generation++;
    } catch {
      this.#stumble(cause);
    }
  }

  #warnMoved(moved: string): void {
    const text = `The history ${this.#options.path} was damaged. It lies at ${moved} now, and a new one has begun; what it knew is not shown any more.`;
    this.#options.warn({ code: "HISTORY_DAMAGED", text });
  }

  #gap(from: number, until: number, why: "lost" | "closed" | "full", missed: number | undefined): void {
    this.#parts.database
      .query("INSERT OR REPLACE INTO gap (start, until, why, missed) VALUES (?, ?, ?, ?)")
      .run(from, until, why, missed ?? null);
  }

  #put(key: string, value: number): void {
    this.#parts.database
      .query("INSERT INTO fact (key, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value")
      .run(key, value);
  }
}
