/**
 * Finds leases that ran out and gives their messages back to the front of their queue. Many workers sweep; the server lets one have
 * each turn. Nothing is given back while the server's clock has just stepped: the living would look dead.
 */

import type { Millis } from "../../port/units.ts";
import type { AttemptRecord } from "../../port/queue-admin.ts";
import { readCallMark } from "../../wire/call-mark.ts";
import { readTaskHeaders } from "../../wire/task-message.ts";
import type { Context } from "./context.ts";
import { RedisDelivery } from "./delivery.ts";
import { expiredScript, givebackScript } from "./script/reap.ts";
import type { ServerClock } from "./server-clock.ts";
import { markedRaw, recordText, takesTurns } from "./settle-request.ts";
import { readStart } from "./start-mark.ts";
import { Pulse } from "./pulse.ts";

/** Workers that ask for the same turn ask spread over this part of a sweep, and no longer than so many ms: what is found late is claimed late. */
const spread = 0.2;
const longestSpread = 500;
/** Bounds of one look. */
const mostEntries = 100;
const mostBytes = 4 * 1024 * 1024;
/** Until a look must have told of the turn for which it was to ask, ms: the consumer may have become busy before it was sent. */
const lookPatience = 250;
const sameTurn = 50;

export interface SweepSettings {
  readonly lease: Millis;
  readonly sweep: Millis;
  readonly queues: () => readonly string[];
  readonly serverClock: ServerClock;
  /** Have the consumer look, which asks for the turns as well and has `told` called; false: it is busy and does not. */
  readonly look: () => boolean;
}

export class Sweeper {
  readonly #context: Context;
  readonly #settings: SweepSettings;
  readonly #closing = new AbortController();
  readonly #pulse: Pulse;
  /** Monotonic ms at which the next turn is free, as far as known. */
  #freeAt = 0;

  constructor(context: Context, settings: SweepSettings) {
    this.#context = context;
    this.#settings = settings;
    this.#pulse = new Pulse(context.clock, this.#closing.signal);
  }

  start(): void {
    this.#loop().catch(() => undefined);
  }

  /** A turn that is under way ends after its next step. */
  stop(): void {
    this.#closing.abort(new Error("the sweeper was stopped"));
  }

  /** Of each queue the ms until its turn is free; 0: it is ours, and used now. */
  told(turns: readonly (readonly [queue: string, free: Millis])[]): void {
    const { sweep } = this.#settings;
    for (const [queue, free] of turns) if (free === 0) this.#sweep(queue, false).catch(() => undefined);
    const free = Math.min(sweep, ...turns.map(([, ms]) => (ms === 0 ? sweep : ms)));
    const earlier = this.#freeAt - (this.#context.clock.monotonic() + free);
    // Each look tells it anew, in whole ms and with its own way: the same moment is not waited for twice.
    if (Math.abs(earlier) < sameTurn) return;
    this.#freeIn(free);
    if (earlier > 0) this.#pulse.poke();
  }

  #freeIn(ms: Millis): void {
    this.#freeAt = this.#context.clock.monotonic() + ms;
  }

  async #loop(): Promise<void> {
    const { signal } = this.#closing;
    const { clock, link } = this.#context;
    const { sweep, queues, look } = this.#settings;
    // Workers that started together must not all ask at once.
    this.#freeIn(sweep * Math.random());
    for (let looks = false; !signal.aborted;) {
      const asked = this.#freeAt;
      const spreadOver = looks ? 0 : Math.random() * Math.min(spread * sweep, longestSpread);
      await this.#pulse.sleep(Math.max(0, asked - clock.monotonic()) + spreadOver);
      // Told meanwhile, by a look: another has the turn, or has had it for longer than was known.
      const told = this.#freeAt !== asked;
      looks = !told && !looks && look();
      if (told) continue;
      let wait = sweep;
      if (looks) wait = Math.min(sweep, lookPatience);
      else if (link.isUp)
        for (const queue of queues()) wait = Math.min(wait, await this.#sweep(queue, true).catch(() => sweep));
      this.#freeIn(wait);
    }
  }

  /** Resolves with the ms until the next turn: what was another's ends before ours would have. `ask`: or is it our turn already? */
  async #sweep(queue: string, ask: boolean): Promise<Millis> {
    const { keys } = this.#context;
    const { sweep } = this.#settings;
    for (let first = ask; !this.#closing.signal.aborted; first = false) {
      const reply = (await this.#context.run(
        expiredScript,
        [keys.unacked, keys.index, keys.lease(queue), keys.started(queue), keys.sweep(queue), keys.control],
        [first ? "1" : "0", String(sweep), String(mostEntries), String(mostBytes), String(this.#settings.lease)],
        { binary: true },
      )) as [free: number, now: Buffer, ...entries: Buffer[]];
      const [free, time, ...entries] = reply;
      const now = Number(time.toString());
      const stepped = this.#settings.serverClock.saw(now, this.#settings.lease);
      if (free > 0) return free;
      if (stepped || this.#settings.serverClock.unsettled) return sweep;
      // Each goes to the very front, so the one that was claimed first goes last.
      for (let i = entries.length - 3; i >= 0 && !this.#closing.signal.aborted; i -= 3) {
        const [id, start, raw] = [entries[i], entries[i + 1], entries[i + 2]];
        if (id && start && raw)
          await this.#giveBack(new RedisDelivery(id.toString(), raw, now, 0), start.toString(), now);
      }
      if (entries.length < mostEntries * 3) return sweep;
    }
    return sweep;
  }

  async #giveBack(delivery: RedisDelivery, start: string, now: number): Promise<void> {
    const { keys } = this.#context;
    const { queue, step, claim } = delivery;
    const mark = readStart(start);
    const raw = markedRaw(delivery, {
      redelivered: true,
      crashes: delivery.crashes + (mark?.blame === "sure" ? 1 : 0),
      suspicions: delivery.suspicions + (mark?.blame === "suspect" ? 1 : 0),
    });
    let id = "";
    let record = "";
    if (mark && !("malformed" in delivery.message)) {
      id = String(delivery.message.headers["id"]);
      const lost: AttemptRecord = {
        attempt: attemptOf(delivery),
        worker: mark.worker,
        pid: mark.pid,
        started: mark.since,
        ended: now,
        exit: undefined,
        stderrTail: "",
        error: "worker lost",
      };
      record = recordText(lost);
    }
    const { message } = delivery;
    const call = "malformed" in message ? undefined : readCallMark(message.headers);
    const task = "malformed" in message ? "" : String(message.headers["id"]);
    await this.#context.run(
      givebackScript,
      [
        keys.unacked,
        keys.index,
        keys.lease(queue),
        keys.started(queue),
        keys.list(queue, step),
        keys.bell(queue),
        keys.crash(id),
        keys.due(queue),
        ...(call === undefined ? [] : [keys.call(call.queue, call.key)]),
      ],
      [claim, raw ?? "", record, takesTurns(delivery) ? "1" : "0", task],
    );
  }
}

/** 1 for the first run. Headers that can't be read have no retries to tell. */
function attemptOf(delivery: RedisDelivery): number {
  if ("malformed" in delivery.message) return 1;
  try {
    return readTaskHeaders(delivery.message).retries + 1;
  } catch {
    return 1;
  }
}
