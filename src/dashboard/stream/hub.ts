/**
 * The stream of changes: who listens to what, and what was told lately, so that a browser that was away for a moment goes on where it
 * stopped. A topic is watched as long as somebody listens, and half a minute longer, for those that come back.
 */

import { randomBytes } from "node:crypto";
import type { Clock } from "../../clock/clock.ts";
import { maySee, type Viewer } from "../access/viewer.ts";
import type { StreamEvent } from "../contract.ts";
import { ApiError, badRequest } from "../http/failure.ts";
import { Client } from "./client.ts";

/** Told again to who comes back, events and bytes. */
const mostKept = 500;
const mostKeptBytes = 2 * 1024 * 1024;
const lingering = 30_000;
/** Proxies end what is silent, ms. */
const heartbeat = 15_000;
const mostTopics = 20;
const stillHere: Uint8Array = Buffer.from(": still here\n\n");
const gap: Uint8Array = Buffer.from('data: {"type":"reset","why":"gap"}\n\n');
const plainTopics: ReadonlySet<string> = new Set(["overview", "tasks", "queues", "workers", "schedules", "dead"]);

interface Told {
  readonly seq: number;
  /** Absent: for everybody. */
  readonly topic: string | undefined;
  readonly event: StreamEvent;
  /** Written once, whoever and however many hear it. */
  readonly bytes: Uint8Array;
}

/** What those hear who are confined to the same queues; `undefined`: nothing. */
type Confined = Map<string, Uint8Array | undefined>;

export class Hub implements Disposable {
  readonly #clock: Clock;
  readonly #most: number;
  readonly #epoch = randomBytes(6).toString("hex");
  readonly #clients = new Set<Client>();
  /** By topic: since which number it is watched without a break, and until when it is, where nobody listens. */
  readonly #topics = new Map<string, { readonly since: number; until: number }>();
  readonly #heart: Disposable;
  #kept: Told[] = [];
  #keptBytes = 0;
  #seq = 0;

  constructor(clock: Clock, most: number) {
    this.#clock = clock;
    this.#most = most;
    this.#heart = clock.every(heartbeat, () => {
      for (const client of this.#clients) client.send(stillHere);
    });
  }

  get size(): number {
    return this.#clients.size;
  }

  /** Somebody listens, or did a moment ago and may come back. */
  get watched(): boolean {
    return this.#topics.size > 0;
  }

  /** Bytes that wait for all listeners together. */
  get waiting(): number {
    return [...this.#clients].reduce((sum, { waiting }) => sum + waiting, 0);
  }

  /** What is to be watched now. */
  topics(): ReadonlySet<string> {
    const now = this.#clock.now();
    for (const [topic, entry] of this.#topics) {
      if ([...this.#clients].some(({ topics }) => topics.has(topic))) entry.until = now + lingering;
      else if (entry.until <= now) this.#topics.delete(topic);
    }
    return new Set(this.#topics.keys());
  }

  /** `signal`: the one who listens has gone. Throws BAD_REQUEST for a topic that there is none of, 503 where too many listen. */
  open(names: readonly string[], viewer: Viewer, lastId: string | undefined, signal: AbortSignal): Response {
    const topics = new Set(names.map(checkTopic));
    if (topics.size === 0 || topics.size > mostTopics)
      throw badRequest(`topics must name 1 to ${String(mostTopics)} of them.`, "topics");
    if (this.#clients.size >= this.#most)
      throw new ApiError(503, "BUSY", "Too many streams are open. Close other windows, or raise maxStreams.");
    const client = new Client({ viewer, topics, clock: this.#clock, ended: (ended) => this.#clients.delete(ended) });
    const missed = lastId === undefined ? [] : this.#since(lastId, topics);
    this.#clients.add(client);
    const until = this.#clock.now() + lingering;
    for (const topic of topics) if (!this.#topics.has(topic)) this.#topics.set(topic, { since: this.#seq, until });
    // Names a place to come back to, though nothing was told yet.
    client.send(Buffer.from(`retry: 2000\nid: ${this.#id(this.#seq)}\n: hello\n\n`));
    if (missed === undefined) client.send(gap);
    else for (const told of missed) this.#send(client, told, new Map());
    signal.addEventListener("abort", () => client.gone(), { once: true });
    if (signal.aborted) client.gone();
    return new Response(client.body, {
      headers: {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-store",
        // Nginx keeps answers back otherwise.
        "x-accel-buffering": "no",
      },
    });
  }

  /** To who listens to the topic; without one, to everybody. */
  tell(event: StreamEvent, topic?: string): void {
    this.#seq++;
    const bytes = format(this.#id(this.#seq), event);
    const told = { seq: this.#seq, topic, event, bytes };
    this.#kept.push(told);
    this.#keptBytes += bytes.byteLength;
    while (this.#kept.length > mostKept || this.#keptBytes > mostKeptBytes) {
      this.#keptBytes -= this.#kept.shift()?.bytes.byteLength ?? 0;
    }
    const confined: Confined = new Map();
    for (const client of this.#clients) this.#send(client, told, confined);
  }

  /** Everybody is told to come again later. */
  [Symbol.dispose](): void {
    this.#heart[Symbol.dispose]();
    for (const client of this.#clients) client.leave(undefined);
    this.#kept = [];
  }

  #send(client: Client, { seq, topic, event, bytes }: Told, confined: Confined): void {
    if (topic !== undefined && !client.topics.has(topic)) return;
    const { queues } = client.viewer;
    if (queues === undefined) return client.send(bytes);
    const key = JSON.stringify(queues);
    if (!confined.has(key)) {
      const seen = seenBy(event, client.viewer);
      confined.set(key, seen === undefined ? undefined : seen === event ? bytes : format(this.#id(seq), seen));
    }
    const shown = confined.get(key);
    if (shown !== undefined) client.send(shown);
  }

  /** What these topics were told after it; `undefined`: nobody knows. */
  #since(lastId: string, topics: ReadonlySet<string>): readonly Told[] | undefined {
    const [epoch, text = ""] = lastId.split("-");
    const seq = Number(text);
    if (epoch !== this.#epoch || !/^\d{1,15}$/.test(text) || seq > this.#seq) return undefined;
    const oldest = this.#kept[0]?.seq ?? this.#seq + 1;
    const watched = [...topics].every((topic) => (this.#topics.get(topic)?.since ?? Infinity) <= seq);
    if (seq < oldest - 1 || !watched) return undefined;
    return this.#kept.filter((told) => told.seq > seq && (told.topic === undefined || topics.has(told.topic)));
  }

  #id(seq: number): string {
    return `${this.#epoch}-${String(seq)}`;
  }
}

function format(id: string, event: StreamEvent): Uint8Array {
  return Buffer.from(`id: ${id}\ndata: ${JSON.stringify(event)}\n\n`);
}

function checkTopic(topic: string): string {
  if (plainTopics.has(topic) || /^(?:task|workflow):.{1,512}$/su.test(topic)) return topic;
  throw badRequest("There is no such topic.", "topics");
}

/** What of it somebody may see who is confined to some queues; `undefined`: nothing. */
function seenBy(event: StreamEvent, viewer: Viewer): StreamEvent | undefined {
  switch (event.type) {
    case "tasks":
      return { ...event, rows: event.rows.filter(({ queue }) => maySee(viewer, queue)) };
    case "queues":
      return { ...event, rows: event.rows.filter(({ name }) => maySee(viewer, name)) };
    case "task":
      return maySee(viewer, event.row.queue) ? event : undefined;
    case "log": // nobody can tell whose queue it was without its task
    case "workflow":
      return undefined;
    case "overview":
    case "workers":
    case "schedules":
    case "dead":
    case "action":
    case "history":
    case "broker":
    case "reset":
      return event;
  }
}
