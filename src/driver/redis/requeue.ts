/**
 * Moves tasks at somebody's word: finds each by its id, in bounded reads, and moves it in one step that does nothing if it has gone meanwhile.
 * Then it is looked for once more: a worker may have taken it between the two, or given it back.
 */

import type { Held, RequeueTo } from "../../port/queue-admin.ts";
import { decodeEnvelope, readMarks, spliceMarks } from "../../wire/envelope.ts";
import type { Message } from "../../wire/message.ts";
import { spliceRoute } from "../../wire/route.ts";
import type { Context } from "./context.ts";
import { requeueScript } from "./script/requeue.ts";
import { isOurs, readUnacked } from "./unacked-entry.ts";

/** Looks at where they are. */
const rounds = 3;
const page = 200;
/** Messages of one place that are looked into, as by `find`. */
const most = 50_000;
/** Any number in an envelope that stands under this name; most are not asked for, so a look is enough. */
const idText = /"id": ?("(?:[^"\\]|\\.)*")/g;

type State = Held["state"];
interface Place {
  readonly mode: State | "python";
  /** What the script finds it by. */
  readonly known: Buffer;
  /** In which the script finds it. */
  readonly where: string;
  readonly raw: Buffer;
  readonly message: Message;
}
type Seen = Omit<Place, "message">;
type Note = (seen: Seen) => void;

export class Requeue {
  readonly #context: Context;
  readonly #queue: string;
  readonly #to: RequeueTo;
  readonly #missing: Set<string>;
  /** Under which claim each was held when it was seen first. */
  readonly #holds = new Map<string, string>();
  /** Bindings that were asked for. */
  readonly #ways = new Map<string, boolean>();

  /** Throws NAME_INVALID. */
  constructor(context: Context, queue: string, ids: readonly string[], to: RequeueTo) {
    context.keys.checkQueue(to.queue ?? queue);
    this.#context = context;
    this.#queue = queue;
    this.#to = to;
    this.#missing = new Set(ids);
  }

  async run(): Promise<ReadonlyMap<string, State>> {
    const states = new Map<string, State>();
    const { keys } = this.#context;
    for (let round = 0; round < rounds && this.#missing.size > 0; round++) {
      const places = await this.#look();
      if (places.size === 0) break;
      // Each goes to the very front, so the one to come first goes last.
      const order = this.#to.at === "front" ? [...this.#missing].toReversed() : [...this.#missing];
      for (const id of order) {
        const place = places.get(id);
        if (place === undefined) continue;
        if (this.#isAnother(id, place) || (await this.#move(place))) {
          states.set(id, place.mode === "python" ? "leased" : place.mode);
          this.#missing.delete(id);
        }
      }
    }
    if (states.size > 0 && this.#isElsewhere) await this.#context.command("SADD", [keys.queues, this.#target]);
    return states;
  }

  get #target(): string {
    return this.#to.queue ?? this.#queue;
  }

  get #isElsewhere(): boolean {
    return this.#target !== this.#queue;
  }

  /** Whoever held it first has lost it already, be it that the answer to our own step was lost: the next holder keeps it. */
  #isAnother(id: string, { mode, known }: Place): boolean {
    if (mode !== "leased" && mode !== "python") return false;
    const claim = known.toString();
    const first = this.#holds.get(id) ?? claim;
    this.#holds.set(id, first);
    return first !== claim;
  }

  async #move({ mode, known, where, raw, message }: Place): Promise<boolean> {
    const { keys } = this.#context;
    const queue = this.#target;
    if (mode === "delayed" && !this.#isElsewhere) return true;
    const step = keys.stepOf(message.properties.priority);
    const list = keys.list(queue, step);
    const args = [
      mode,
      known,
      this.#text(raw, message, mode),
      this.#to.at === "front" ? "F" : "B",
      queue,
      String(step),
    ];
    const names = [keys.unacked, keys.index, keys.fence, list, keys.bell(queue), keys.due(queue), where];
    const done = await this.#context.ask(() =>
      this.#context.run(requeueScript, [...names, keys.started(this.#queue)], args),
    );
    return Number(done) === 1;
  }

  /** As it is put: told as handed out before where it was, and on the way of its new queue. "": unchanged. */
  #text(raw: Buffer, message: Message, mode: Place["mode"]): Buffer | "" {
    const held = mode === "leased" || mode === "python";
    if (!held && !this.#isElsewhere) return "";
    let text = raw.toString("latin1");
    if (held) text = spliceMarks(text, { ...readMarks(message), redelivered: true });
    if (this.#isElsewhere) text = spliceRoute(text, this.#target);
    return Buffer.from(text, "latin1");
  }

  async #look(): Promise<ReadonlyMap<string, Place>> {
    const { keys } = this.#context;
    const places = new Map<string, Place>();
    const note: Note = (place) => {
      for (const [, quoted = ""] of place.raw.toString("latin1").matchAll(idText)) {
        if (!this.#missing.has(plain(quoted))) continue;
        const message = decodeEnvelope(place.raw);
        if ("malformed" in message) return;
        const id = message.headers["id"];
        if (typeof id === "string" && this.#missing.has(id) && !places.has(id)) places.set(id, { ...place, message });
        return;
      }
    };
    const looks = [
      () => this.#ledger("leased", keys.lease(this.#queue), note),
      ...keys.lists(this.#queue).map((list) => () => this.#ready(list, note)),
      () => this.#fair(keys.fair(this.#queue), note),
      () => this.#ledger("delayed", keys.due(this.#queue), note),
      () => this.#python(note),
    ];
    for (const look of looks) if (places.size < this.#missing.size) await look();
    return places;
  }

  /** From the right end, as they are taken. */
  async #ready(list: string, note: Note): Promise<void> {
    for (let from = 0; from < most; from += page) {
      const range = [list, String(-(from + page)), String(-1 - from)];
      const raws = ((await this.#context.command("LRANGE", range, { binary: true })) as Buffer[]).reverse();
      for (const raw of raws) note({ mode: "ready", known: raw, where: list, raw });
      if (raws.length < page) return;
    }
  }

  /** In the order of their turns. */
  async #fair(where: string, note: Note): Promise<void> {
    for (let from = 0; from < most; from += page) {
      const range = [where, String(from), String(from + page - 1)];
      const raws = (await this.#context.command("ZRANGE", range, { binary: true })) as Buffer[];
      for (const raw of raws) note({ mode: "ready", known: raw, where, raw });
      if (raws.length < page) return;
    }
  }

  async #ledger(mode: "leased" | "delayed", where: string, note: Note): Promise<void> {
    const suffix = this.#queue.length + 7;
    for (let from = 0; from < most; from += page) {
      const ids = (await this.#context.command("ZRANGE", [where, String(from), String(from + page - 1)])) as string[];
      if (ids.length === 0) return;
      const asked = [this.#context.keys.unacked, ...ids];
      const values = (await this.#context.command("HMGET", asked, { binary: true })) as (Buffer | null)[];
      for (const [index, id] of ids.entries()) {
        const raw = values[index]?.subarray(1, -suffix);
        if (raw !== undefined) note({ mode, known: Buffer.from(id), where, raw });
      }
      if (ids.length < page) return;
    }
  }

  /** What a Python worker holds lies among everybody's, under a name that says nothing. */
  async #python(note: Note): Promise<void> {
    const { keys } = this.#context;
    let cursor = "0";
    for (let seen = 0; seen < most;) {
      const args = [keys.unacked, cursor, "COUNT", String(page)];
      const [next, flat] = (await this.#context.command("HSCAN", args, { binary: true })) as [Buffer, Buffer[]];
      for (let at = 0; at + 1 < flat.length; at += 2) {
        const [known, value] = [flat[at], flat[at + 1]];
        if (known === undefined || value === undefined || isOurs(known.toString("latin1"))) continue;
        const entry = readUnacked(value.toString("latin1"));
        if (entry === undefined || !(await this.#isHere(entry.exchange, entry.routingKey))) continue;
        note({ mode: "python", known, where: keys.index, raw: Buffer.from(entry.raw, "latin1") });
      }
      seen += flat.length / 2;
      cursor = next.toString();
      if (cursor === "0") return;
    }
  }

  /** kombu would put it back into this queue: it was sent straight to it, or over an exchange to which it is bound by this very key. */
  async #isHere(exchange: string, routingKey: string): Promise<boolean> {
    if (exchange === "") return routingKey === this.#queue;
    const { keys } = this.#context;
    const way = [keys.binding(exchange), keys.bound(routingKey, this.#queue)];
    const known = this.#ways.get(way.join(" ")) ?? Number(await this.#context.command("SISMEMBER", way)) === 1;
    this.#ways.set(way.join(" "), known);
    return known;
  }
}

/** An id is compared as text: one with escapes in it is read as JSON reads it. */
function plain(quoted: string): string {
  const text = Buffer.from(quoted, "latin1").toString();
  return quoted.includes("\\") ? String(JSON.parse(text)) : text.slice(1, -1);
}
