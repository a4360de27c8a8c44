/**
 * The thread's side of the bus: a file of its own, without fsync, thrown away at will, so that events never cost the queue
 * anything. Nothing is written without a fresh listener, and what is written is kept for a minute at most.
 */

import { DatabaseSync } from "node:sqlite";

import type { Clock } from "../../clock/clock.ts";
import type { Channel } from "../../port/bus.ts";
import { removeBell } from "./bell.ts";
import { channelOf, channelText, hears } from "./channel.ts";
import { pause, Statement } from "./database.ts";
import { isBusy } from "./failure.ts";
import { openPrivately } from "./file-mode.ts";
import { busSchema } from "./schema.ts";

/** A listener says that it is there every `beat`; after `stale` without a word it is not. */
const beat = 5_000;
const stale = 20_000;
const keptRows = 50_000;
const keptFor = 60_000;
/** Messages handed to a listener before it has to say that it took them. */
const portion = 500;
const trimLimit = 2_000;
const slowLook = 100;

/** Of each try, ms. */
const tryFor = 20;
/** With pauses that double from 0.2 ms: a fifth of a second. */
const usualTries = 8;
/** For who begins to listen, for commands and answers: a second. */
const patientTries = 12;
const lockedFor = 1000;

interface Listener {
  readonly channel: Channel;
  row: number;
  last: number;
  /** The caller has not yet taken the former portion. */
  full: boolean;
}
export type Hear = (listener: number, gap: boolean, messages: readonly (readonly [string, Uint8Array])[]) => void;

export class BusFile {
  readonly #queuePath: string;
  readonly #clock: Clock;
  readonly #ring: (bell: string) => void;
  readonly #hear: Hear;
  readonly #listeners = new Map<number, Listener>();
  #sql: DatabaseSync | undefined;
  #timers: Disposable[] = [];
  #version = -1;
  #trimmed = 0;
  #bell = "";
  /** Monotonic ms. */
  #lockedUntil = 0;
  #statements: ReturnType<typeof prepareAll> | undefined;

  constructor(queuePath: string, clock: Clock, ring: (bell: string) => void, hear: Hear) {
    this.#queuePath = queuePath;
    this.#clock = clock;
    this.#ring = ring;
    this.#hear = hear;
  }

  /** Writes a message if anybody listens. Given up when the file stays locked: an event is lost then, anything else throws. */
  say(channel: string, message: Uint8Array): void {
    const sql = this.#open();
    const now = this.#clock.now();
    const bells = new Set<string>();
    for (const [pattern, bell, seen] of sql.listeners.all()) {
      if ((seen as number) > now - stale && hears(pattern as string, channel)) bells.add(bell as string);
    }
    if (bells.size === 0) return;
    const isEvent = channelOf(channel).kind === "event";
    const problem = this.#write(isEvent ? this.#tries : patientTries, () => {
      const seq = sql.insert.insert(channel, now, message);
      if (now - this.#trimmed > 1_000) {
        if (sql.trim.run(seq - keptRows, now - keptFor) < trimLimit) this.#trimmed = now;
        for (const [bell] of sql.dropStale.all(now - 3 * stale)) removeBell(this.#queuePath, bell as string);
      }
    });
    for (const bell of bells) this.#ring(bell);
    if (problem !== undefined && !isEvent) throw problem;
  }

  listen(listener: number, channel: Channel, bell: string): void {
    const sql = this.#open();
    let row = 0;
    let last = 0;
    const problem = this.#write(patientTries, () => {
      row = sql.listen.insert(channelText(channel), bell, this.#clock.now());
      last = (sql.highest.get()?.[0] as number | undefined) ?? 0;
    });
    // Events may be lost; a listener that nobody knows of would lose them all, silently.
    if (problem !== undefined) throw problem;
    this.#bell = bell;
    this.#listeners.set(listener, { channel, row, last, full: false });
    if (this.#timers.length > 0) return;
    this.#timers.push(
      this.#clock.every(beat, () => this.#beat()),
      this.#clock.every(slowLook, () => {
        if (this.#changed()) this.look();
      }),
    );
  }

  unlisten(listener: number): void {
    const known = this.#listeners.get(listener);
    if (known === undefined) return;
    this.#listeners.delete(listener);
    this.#write(this.#tries, () => this.#open().unlisten.run(known.row));
    if (this.#listeners.size === 0) this.#stopTimers();
  }

  /** The listener took its portion and can have the next. */
  heard(listener: number): void {
    const known = this.#listeners.get(listener);
    if (known === undefined) return;
    known.full = false;
    this.look();
  }

  /** Does anybody listen here? */
  get isHeard(): boolean {
    return this.#listeners.size > 0;
  }

  /** Channels that somebody listens to. */
  audience(): readonly string[] {
    const now = this.#clock.now();
    const rows = this.#open().listeners.all();
    return rows.filter((row) => (row[2] as number) > now - stale).map((row) => row[0] as string);
  }

  /** Hands new messages out. Called when the bell rings. */
  look(): void {
    for (const [id, listener] of this.#listeners) if (!listener.full) this.#lookFor(id, listener);
  }

  close(): void {
    this.#stopTimers();
    const rows = [...this.#listeners.values()].map(({ row }) => row);
    this.#listeners.clear();
    if (this.#sql === undefined) return;
    this.#write(this.#tries, () => {
      for (const row of rows) this.#open().unlisten.run(row);
    });
    this.#sql.close();
    this.#sql = undefined;
  }

  #lookFor(id: number, listener: Listener): void {
    const sql = this.#open();
    const rows = sql.after.all(listener.last, portion);
    const first = rows[0]?.[0] as number | undefined;
    // A number that is not there was thrown away before we looked: numbers are given out without holes.
    const gap = first === undefined ? this.#isEmptied(listener) : first > listener.last + 1;
    const wanted = channelText(listener.channel);
    const messages = rows
      .filter((row) => hears(wanted, row[1] as string))
      .map((row) => [row[1] as string, row[2] as Uint8Array] as const);
    listener.last = (rows.at(-1)?.[0] as number | undefined) ?? listener.last;
    if (messages.length === 0 && !gap) {
      if (rows.length === portion) this.#lookFor(id, listener);
      return;
    }
    listener.full = true;
    this.#hear(id, gap, messages);
  }

  /** All rows gone, and some of them unseen by this listener. */
  #isEmptied(listener: Listener): boolean {
    const highest = (this.#open().highest.get()?.[0] as number | undefined) ?? 0;
    const gap = highest > listener.last;
    listener.last = Math.max(listener.last, highest);
    return gap;
  }

  #beat(): void {
    const sql = this.#open();
    for (const [id, listener] of this.#listeners) {
      let missed = false;
      this.#write(this.#tries, () => {
        const now = this.#clock.now();
        // Others dropped it while this process stood still, and whatever was said meanwhile was not written for it.
        missed = sql.beat.run(now, listener.row) === 0;
        if (missed) listener.row = sql.listen.insert(channelText(listener.channel), this.#bell, now);
      });
      if (missed) this.#hear(id, true, []);
    }
    // So that nobody takes the bell for one of a dead process.
    this.#ring(this.#bell);
  }

  #changed(): boolean {
    const version = this.#open().version.get()?.[0] as number;
    const changed = version !== this.#version;
    this.#version = version;
    return changed;
  }

  get #tries(): number {
    return this.#clock.monotonic() < this.#lockedUntil ? 1 : usualTries;
  }

  /**
   * A fifth of a second of patience, then the write is dropped: nobody may wait for an event. Who stands still in the midst of a write holds
   * the file for as long as that; for a second the others then ask once each time, or they would have no time left to renew their leases.
   * Answers why it was dropped.
   */
  #write(most: number, step: () => void): unknown {
    let problem: unknown;
    for (let turn = 0; turn < most; turn++) {
      try {
        step();
        this.#lockedUntil = 0;
        return undefined;
      } catch (error) {
        problem = error;
        if (!isBusy(error)) return problem;
        if (turn + 1 < most) pause(0.2 * 2 ** turn * (0.5 + Math.random()));
      }
    }
    if (most > 1) this.#lockedUntil = this.#clock.monotonic() + lockedFor;
    return problem;
  }

  #stopTimers(): void {
    for (const timer of this.#timers) timer[Symbol.dispose]();
    this.#timers = [];
  }

  #open(): ReturnType<typeof prepareAll> {
    if (this.#statements !== undefined && this.#sql !== undefined) return this.#statements;
    const path = `${this.#queuePath}-bus`;
    const sql = openPrivately(path, () => new DatabaseSync(path, { timeout: 200 }), this.#queuePath);
    sql.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA journal_size_limit = 1048576");
    sql.exec(busSchema);
    // A new file is waited for; then `#write` has a patience of its own.
    sql.exec(`PRAGMA busy_timeout = ${tryFor}`);
    this.#sql = sql;
    this.#statements = prepareAll(sql);
    return this.#statements;
  }
}

function prepareAll(sql: DatabaseSync) {
  const prepare = (text: string): Statement => new Statement(sql.prepare(text));
  return {
    insert: prepare("INSERT INTO bus (channel, at, message) VALUES (?, ?, ?)"),
    trim: prepare(
      `DELETE FROM bus WHERE seq IN (SELECT seq FROM (SELECT seq, at FROM bus ORDER BY seq LIMIT ${trimLimit}) WHERE seq <= ?1 OR at < ?2)`,
    ),
    after: prepare("SELECT seq, channel, message FROM bus WHERE seq > ? ORDER BY seq LIMIT ?"),
    highest: prepare("SELECT seq FROM sqlite_sequence WHERE name = 'bus'"),
    listeners: prepare("SELECT channel, bell, beat FROM listener"),
    dropStale: prepare("DELETE FROM listener WHERE beat < ? RETURNING bell"),
    listen: prepare("INSERT INTO listener (channel, bell, beat) VALUES (?, ?, ?)"),
    unlisten: prepare("DELETE FROM listener WHERE no = ?"),
    beat: prepare("UPDATE listener SET beat = ? WHERE no = ?"),
    version: prepare("PRAGMA data_version"),
  };
}
