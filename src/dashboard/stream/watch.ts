/** Once a second: what has changed of all that somebody listens to. What nobody listens to is not looked at. */

import type { CeleryEvent } from "../../wire/event.ts";
import type { HistoryFacts, LogLine, QueueRow, TaskRow, WorkerRow } from "../contract.ts";
import type { Inside } from "../inside.ts";
import { coveredLine } from "../page/cover.ts";
import { queuesNow } from "../page/queues.ts";
import { shownRow } from "../page/tasks.ts";
import { workersNow } from "../page/workers.ts";
import { isRecord } from "../../wire/record.ts";

const every = 1_000;
/** The broker is asked every so many turns. */
const queueTurns = 2;
const historyTurns = 10;
/** Rows of one second, and tasks whose changes are noted until then. */
const mostRows = 200;
const mostNoted = 5_000;
const mostLines = 100;
const overviewSpan = 300_000;
const levels: readonly LogLine["level"][] = ["trace", "debug", "info", "warn", "error", "fatal"];

export class Watch implements Disposable {
  readonly #inside: Inside;
  readonly #timer: Disposable;
  #noted = new Set<string>();
  #more = 0;
  #lines = new Map<string, LogLine[]>();
  readonly #pages = new Set<"schedules" | "dead">();
  #queues = new Map<string, string>();
  #workers = new Map<string, string>();
  #history = "";
  #connected: boolean | undefined;
  #turn = 0;
  #busy = false;

  constructor(inside: Inside) {
    this.#inside = inside;
    this.#timer = inside.clock.every(every, () => void this.turn());
  }

  /** Notes what they are about; bounded between two turns. */
  take(events: readonly CeleryEvent[]): void {
    if (!this.#inside.hub.watched) return;
    for (const event of events) {
      const { type, uuid } = event;
      if (type === "celeriac-schedule") this.#pages.add("schedules");
      if (type === "celeriac-dead") this.#pages.add("dead");
      if (typeof uuid !== "string" || uuid.length > 255) continue;
      if (type === "celeriac-log") this.#note(uuid, event);
      else if (this.#noted.size < mostNoted || this.#noted.has(uuid)) this.#noted.add(uuid);
      else this.#more++;
    }
  }

  /** A page changed by an action, which no event may tell of. */
  touch(page: "schedules" | "dead"): void {
    this.#pages.add(page);
  }

  /** One look; the next waits until it has ended. */
  async turn(): Promise<void> {
    const { hub } = this.#inside;
    const topics = hub.topics();
    if (this.#busy) return;
    this.#busy = true;
    this.#turn++;
    try {
      await this.#tasks(topics);
      if (topics.has("overview")) await this.#overview();
      if (topics.has("queues") && this.#turn % queueTurns === 0) await this.#queueRows();
      if (topics.has("workers")) await this.#workerRows();
      for (const page of this.#pages) if (topics.has(page)) hub.tell({ type: page }, page);
      if (topics.size > 0) await this.#state();
    } catch {
      // Of a broker or file that does not answer the pages tell; here the next turn tries again.
    } finally {
      this.#pages.clear();
      this.#busy = false;
    }
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  #note(id: string, event: CeleryEvent): void {
    if (!this.#inside.hub.topics().has(`task:${id}`)) return;
    const lines = this.#lines.get(id) ?? [];
    this.#lines.set(id, lines);
    if (lines.length >= mostLines) return;
    const { level, text, attempt, fields, name } = event;
    const known = levels.find((word) => word === level) ?? "info";
    const line: LogLine = {
      at: Math.round(event.timestamp * 1000),
      level: known,
      text: (typeof text === "string" ? text : "").slice(0, 4_000),
      ...(typeof attempt === "number" && { attempt }),
      ...(isRecord(fields) && JSON.stringify(fields).length < 4_000 && { fields }),
    };
    lines.push(coveredLine(line, this.#inside.settings.redact, typeof name === "string" ? name : undefined));
  }

  async #tasks(topics: ReadonlySet<string>): Promise<void> {
    const { hub, past } = this.#inside;
    const [noted, lines] = [this.#noted, this.#lines];
    const more = this.#more + Math.max(0, noted.size - mostRows);
    this.#noted = new Set();
    this.#lines = new Map();
    this.#more = 0;
    for (const [id, told] of lines) hub.tell({ type: "log", id, lines: told }, `task:${id}`);
    const single = new Set([...topics].filter((topic) => topic.startsWith("task:")).map((topic) => topic.slice(5)));
    const roots = new Set([...topics].filter((topic) => topic.startsWith("workflow:")).map((topic) => topic.slice(9)));
    if (noted.size === 0 || (!topics.has("tasks") && single.size === 0 && roots.size === 0)) return;
    const wanted = [...noted].filter((id) => single.has(id));
    const some = topics.has("tasks") || roots.size > 0 ? [...noted].slice(0, mostRows) : [];
    // One question: two hundred of them held up each page that was asked meanwhile.
    const found = await past.rows([...new Set([...wanted, ...some])]);
    const rows = found.map((row) => shownRow(row, this.#inside));
    const changed = new Set<string>();
    for (const row of rows) {
      if (single.has(row.id)) hub.tell({ type: "task", id: row.id, row }, `task:${row.id}`);
      const root = row.root ?? row.id;
      if (roots.has(root)) changed.add(root);
    }
    // Of those that are not looked at nobody knows to which they belong.
    for (const root of more > 0 ? roots : changed) hub.tell({ type: "workflow", root }, `workflow:${root}`);
    const shown: readonly TaskRow[] = rows.slice(0, mostRows);
    if (topics.has("tasks")) hub.tell({ type: "tasks", rows: shown, more }, "tasks");
  }

  async #overview(): Promise<void> {
    const { hub, past, clock } = this.#inside;
    const until = clock.now();
    const { now, health } = await past.overview({ from: until - overviewSpan, until });
    hub.tell({ type: "overview", now, health }, "overview");
  }

  async #queueRows(): Promise<void> {
    const { items } = await queuesNow(this.#inside);
    const rows = changedOf<QueueRow>(this.#queues, items);
    if (rows.length > 0) this.#inside.hub.tell({ type: "queues", rows }, "queues");
  }

  async #workerRows(): Promise<void> {
    const { items } = await workersNow(this.#inside);
    const rows = changedOf<WorkerRow>(this.#workers, items);
    if (rows.length > 0) this.#inside.hub.tell({ type: "workers", rows }, "workers");
  }

  async #state(): Promise<void> {
    const { hub, past, connected } = this.#inside;
    if (connected() !== this.#connected) {
      this.#connected = connected();
      hub.tell({ type: "broker", connected: this.#connected });
    }
    if (this.#turn % historyTurns !== 0) return;
    const history: HistoryFacts = await past.facts();
    const text = JSON.stringify(history);
    if (text === this.#history) return;
    this.#history = text;
    hub.tell({ type: "history", history });
  }
}

/** Those that differ from what was told last; remembers them. */
function changedOf<Row extends { readonly name: string }>(
  known: Map<string, string>,
  rows: readonly Row[],
): readonly Row[] {
  const changed = rows.filter((row) => {
    const text = JSON.stringify(row);
    if (known.get(row.name) === text) return false;
    known.set(row.name, text);
    return true;
  });
  if (known.size > rows.length) {
    const names = new Set(rows.map(({ name }) => name));
    for (const name of known.keys()) if (!names.has(name)) known.delete(name);
  }
  return changed;
}
