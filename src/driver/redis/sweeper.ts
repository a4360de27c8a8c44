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
import { rest } from "./pulse.ts";

/** Workers that ask for the same turn ask spread over this part of a sweep, and no longer than so many ms: what is found late is claimed late. */
const spread = 0.2;
const longestSpread = 500;
/** Bounds of one look. */
const mostEntries = 100;
const mostBytes = 4 * 1024 * 1024;
/** Control field with the longest lease that any worker uses. */
const longestField = "lease";

export interface SweepSettings {
  readonly lease: Millis;
  readonly sweep: Millis;
  readonly queues: () => readonly string[];
  readonly serverClock: ServerClock;
}

export class Sweeper {
  readonly #context: Context;
  readonly #settings: SweepSettings;
  readonly #closing = new AbortController();
  #longest: Millis;

  constructor(context: Context, settings: SweepSettings) {
    this.#context = context;
    this.#settings = settings;
    this.#longest = settings.lease;
  }

  start(): void {
    this.#loop().catch(() => undefined);
  }

  /** A turn that is under way ends after its next step. */
  stop(): void {
    this.#closing.abort(new Error("the sweeper was stopped"));
  }

  async #loop(): Promise<void> {
    const { signal } = this.#closing;
    const { sweep } = this.#settings;
    // Workers that started together must not all ask at once.
    for (let wait = sweep * Math.random(); !signal.aborted;) {
      await rest(this.#context.clock, wait + Math.random() * Math.min(spread * sweep, longestSpread), signal);
      wait = sweep;
      if (!this.#context.link.isUp) continue;
      for (const queue of this.#settings.queues()) {
        wait = Math.min(wait, await this.#sweep(queue).catch(() => sweep));
      }
    }
  }

  /** Resolves with the ms until the next turn: what was another's ends before ours would have. */
  async #sweep(queue: string): Promise<Millis> {
    const { keys } = this.#context;
    const { sweep } = this.#settings;
    for (let first = true; !this.#closing.signal.aborted; first = false) {
      const known = first ? await this.#context.link.call("HGET", [keys.control, longestField]) : undefined;
      this.#longest = Math.max(this.#longest, Number(known ?? 0), this.#settings.lease);
      const reply = (await this.#context.run(
        expiredScript,
        [keys.unacked, keys.index, keys.lease(queue), keys.started(queue), keys.sweep(queue)],
        [first ? "1" : "0", String(sweep), String(mostEntries), String(mostBytes), String(this.#longest)],
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
