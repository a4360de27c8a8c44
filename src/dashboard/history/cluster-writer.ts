/** Workers over time, what became of their children, and the ticks of schedules. */

import type { CeleryEvent } from "../../wire/event.ts";
import type { WorkerDetail } from "../contract.ts";
import type { Database, Query } from "./database.ts";
import { momentOf, number, text } from "./reading.ts";
import { keyOf } from "./record.ts";
import type { Words } from "./words.ts";

/** A sample of each worker every so often, ms. */
const sampleStep = 10_000;
/** Heartbeats that a worker may miss, as Celery's monitors count. */
const patience = 2;
const longestFrequency = 300;
/** Of one child's end. */
const mostFacts = 10;
const longestFact = 300;

/** What a heartbeat says of a worker's inside, as it is stored. */
export interface WorkerFacts {
  readonly active?: number | undefined;
  readonly processed?: number | undefined;
  readonly load?: readonly number[] | undefined;
  readonly rss?: number | undefined;
  readonly lag?: number | undefined;
  readonly slots?: number | undefined;
  readonly pool?: string | undefined;
  readonly queues?: readonly string[] | undefined;
}

/** What a worker told of a child, as it is stored. */
export type IncidentDetail = WorkerDetail["incidents"][number]["detail"];

interface Shift {
  readonly start: number;
  readonly last: number;
  readonly until: number;
  readonly pid: number | null;
}

export class ClusterWriter {
  readonly #database: Database;
  readonly #words: Words;

  constructor(database: Database, words: Words) {
    this.#database = database;
    this.#words = words;
  }

  /** False: none of its affair. */
  write(event: CeleryEvent): boolean {
    const at = momentOf(event.timestamp);
    if (at === undefined || typeof event.hostname !== "string" || event.hostname.length > 255) return false;
    switch (event.type) {
      case "worker-online":
      case "worker-heartbeat":
      case "worker-offline":
        this.#worker(event, at);
        return true;
      case "celeriac-child":
        this.#child(event, at);
        return true;
      case "celeriac-schedule":
        return this.#tick(event, at);
      default:
        return false;
    }
  }

  /** A life goes on with every beat that comes before it counts as over. */
  #worker(event: CeleryEvent, at: number): void {
    const worker = this.#words.number(event.hostname);
    const pid = number(event.pid) ?? null;
    const gone = event.type === "worker-offline";
    const frequency = Math.min(Math.max(number(event["freq"]) ?? 2, 1), longestFrequency);
    const until = gone ? at : at + frequency * patience * 1000;
    const former = this.#shift(worker, at);
    const same = former !== undefined && former.pid === pid && at <= former.until;
    if (same) {
      const end = gone ? at : Math.max(former.until, until);
      this.#database
        .query("UPDATE shift SET last = max(last, ?), until = ?, clean = max(clean, ?) WHERE worker = ? AND start = ?")
        .run(at, at >= former.last ? end : former.until, gone ? 1 : 0, worker, former.start);
    } else {
      const [ident, version] = [text(event["sw_ident"], 64), text(event["sw_ver"], 64)];
      const software = ident === undefined ? null : [ident, version].filter(Boolean).join(" ");
      this.#database
        .query(
          "INSERT OR IGNORE INTO shift (worker, start, last, until, pid, clean, software, system) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .run(worker, at, at, until, pid, gone ? 1 : 0, software, text(event["sw_sys"], 64) ?? null);
    }
    if (!gone) this.#sample(worker, event, at);
  }

  #shift(worker: number, at: number): Shift | undefined {
    const row = this.#database
      .query("SELECT start, last, until, pid FROM shift WHERE worker = ? AND start <= ? ORDER BY start DESC LIMIT 1")
      .get(worker, at);
    if (!row) return undefined;
    const [start, last, until, pid] = row as [number, number, number, number | null];
    return { start, last, until, pid };
  }

  #sample(worker: number, event: CeleryEvent, at: number): void {
    const load = event["loadavg"];
    const queues = event["queues"];
    const facts: WorkerFacts = {
      active: number(event["active"]),
      processed: number(event["processed"]),
      load: Array.isArray(load) ? (load as unknown[]).slice(0, 3).map((each) => number(each) ?? 0) : undefined,
      rss: number(event["rss"]),
      lag: number(event["lag"]),
      slots: number(event["concurrency"]),
      pool: text(event["pool"], 32),
      queues: Array.isArray(queues)
        ? (queues as unknown[]).slice(0, 50).flatMap((each) => text(each, 255) ?? [])
        : undefined,
    };
    this.#database
      .query("INSERT INTO sample (worker, at, data) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET data = excluded.data")
      .run(worker, at - (at % sampleStep), JSON.stringify(facts));
  }

  #child(event: CeleryEvent, at: number): void {
    this.#database
      .query("INSERT OR IGNORE INTO incident (worker, at, kind, pid, text) VALUES (?, ?, ?, ?, ?)")
      .run(
        this.#words.number(event.hostname),
        at,
        text(event["kind"], 64) ?? "",
        number(event["child"]) ?? 0,
        JSON.stringify(detailOf(event["detail"])),
      );
  }

  #tick(event: CeleryEvent, at: number): boolean {
    const schedule = text(event["schedule"], 255);
    const id = text(event["uuid"], 255);
    const tick = momentOfTick(event["tick"]);
    if (schedule === undefined || tick === undefined) return false;
    const [outcome, why] = [text(event["outcome"], 16) ?? null, text(event["why"], 300) ?? null];
    const number = this.#words.number(schedule);
    const query = (text: string): Query => this.#database.query(text);
    // One that waits, or is refused, is told of again when it is over: the last word counts.
    if (query("SELECT 1 FROM tick WHERE schedule = ? AND tick = ? AND sent > ?").get(number, tick, at)) return true;
    query("DELETE FROM tick WHERE schedule = ? AND tick = ? AND uuid = ''").run(number, tick);
    query("INSERT OR IGNORE INTO tick (schedule, tick, uuid, sent, outcome, why) VALUES (?, ?, ?, ?, ?, ?)").run(
      number,
      tick,
      id === undefined ? "" : keyOf(id),
      at,
      outcome,
      why,
    );
    return true;
  }
}

/** Plain facts, few and short. */
function detailOf(value: unknown): IncidentDetail {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return {};
  const facts = Object.entries(value).slice(0, mostFacts);
  return Object.fromEntries(
    facts.flatMap(([name, fact]) => {
      const told = typeof fact === "boolean" ? fact : (number(fact) ?? text(fact, longestFact));
      return told === undefined ? [] : [[name.slice(0, 64), told] as const];
    }),
  );
}

/** Unix ms or seconds, or ISO 8601. */
function momentOfTick(value: unknown): number | undefined {
  if (typeof value === "string") return momentOf(Date.parse(value) / 1000);
  return typeof value === "number" && value > 1e11 ? momentOf(value / 1000) : momentOf(value);
}
