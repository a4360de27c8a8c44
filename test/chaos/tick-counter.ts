/** Counts what schedulers send, by the ids of ticks, which are known beforehand. Takes and acknowledges every message itself. */

import { setTimeout as after } from "node:timers/promises";
import { coreOf, createApp } from "../../src/app/app.ts";
import type { AppCore } from "../../src/app/core.ts";
import { callOf } from "../../src/beat/call.ts";
import { type Entry, isReadable } from "../../src/beat/entry.ts";
import { portsOf } from "../../src/beat/schedule-ports.ts";
import type { App } from "../../src/index.ts";
import type { Backend } from "../../src/port/backend.ts";
import type { Consumer, Delivery } from "../../src/port/broker.ts";
import { pause } from "./faults.ts";
import { hour } from "./machine-faults.ts";
import type { Policy, Tick, TickEvidence } from "./tick-check.ts";
import { TickRecord } from "./tick-record.ts";

/** Schedulers end a little after the last tick that is asked for, or were an hour ahead: what they sent is known. */
const known = hour + 60_000;
/** Ms in which one scheduler leads again after the last fault, and has caught up. Before that nothing can be said of what is not used up. */
const patience = 180_000;
/** Ms in which what comes twice comes behind it. */
const echo = 200;
/** Ms between two looks at what the store notes; a tick that is left out within its grace is found out to so much. */
const lookEvery = 250;

export class TickCounter {
  readonly #app: App;
  readonly #core: AppCore;
  readonly #backend: Backend;
  readonly #counts = new Map<string, { fresh: number; seen: number }>();
  readonly #record: TickRecord;
  readonly #ending = new AbortController();
  #consumer: Consumer | undefined;
  #looking: Promise<void> | undefined;

  private constructor(app: App, core: AppCore, backend: Backend) {
    this.#app = app;
    this.#core = core;
    this.#backend = backend;
    const { lease } = portsOf(core, backend);
    this.#record = new TickRecord((schedule, limit) => lease.fired(schedule, limit), Date.now);
  }

  /** Its lines to the servers are good ones: what is judged are the schedulers. */
  static async open(servers: Readonly<Record<string, string>>, queue: string): Promise<TickCounter> {
    const app = createApp({
      name: "tick-counter",
      broker: servers["CHAOS_BROKER"] ?? "",
      ...(servers["CHAOS_RESULTS"] && { results: servers["CHAOS_RESULTS"] }),
    });
    const core = coreOf(app);
    const counter = new TickCounter(app, core, await core.connect());
    await counter.#count(queue);
    counter.#looking = counter.#look();
    return counter;
  }

  /**
   * Waits until a tick of each schedule is used up that is due after now, and all that were sent have come, if they are `owed`. Nothing is
   * thrown where that does not happen: they are then missing.
   */
  async settle(apart: boolean, owed: boolean): Promise<TickEvidence> {
    const entries = await this.#entries();
    const now = Date.now();
    const until = performance.now() + (owed ? patience : 0);
    while (!entries.every((entry) => this.#settled(entry, now)) && performance.now() < until) await pause(50);
    await pause(echo);
    return this.#evidence(entries, now, apart);
  }

  async close(): Promise<void> {
    this.#ending.abort();
    await this.#looking;
    await this.#consumer?.stop();
    await this.#app.close();
  }

  async #look(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      try {
        for (const { name } of await this.#entries()) await this.#record.look(name);
      } catch {
        // The server is away; what it notes is read when it is back.
      }
      await after(lookEvery, undefined, { signal }).catch(() => {}); // rejects with the end of the loop
    }
  }

  #settled({ name }: Entry, now: number): boolean {
    const used = [...this.#record.of(name)];
    return used.some(([at]) => at > now) && used.every(([, { id }]) => id === undefined || this.#counts.has(id));
  }

  async #count(queue: string): Promise<void> {
    const consumer = await this.#backend.broker.consume(
      {
        queues: [queue],
        worker: "tick-counter",
        lease: 30_000,
        sweep: 5_000,
        maxClaimBytes: 1_000_000,
        userCodeHere: false,
        stallLimit: 60_000,
      },
      (batch) => this.#take(batch),
    );
    this.#consumer = consumer;
    consumer.want(1_000, 1_000);
  }

  #take(batch: readonly Delivery[]): void {
    for (const { message, redelivered } of batch) {
      const id = "malformed" in message ? "malformed" : String(message.headers["id"]);
      const count = this.#counts.get(id) ?? { fresh: 0, seen: 0 };
      count.seen++;
      if (!redelivered) count.fresh++;
      this.#counts.set(id, count);
    }
    // What cannot be acknowledged comes again, marked.
    this.#consumer?.settle(batch.map((delivery) => ({ delivery, then: { kind: "ack" } }))).catch(() => {});
  }

  async #entries(): Promise<readonly Entry[]> {
    const all = [...(await portsOf(this.#core, this.#backend).store.all()).values()];
    return all.map((entry) => {
      if (!isReadable(entry)) throw new Error(`the schedule ${entry.name} cannot be read: ${entry.problem}`);
      return entry;
    });
  }

  #evidence(entries: readonly Entry[], until: number, apart: boolean): TickEvidence {
    const ticks: Tick[] = [];
    const ids = new Set<string>();
    const policies: Record<string, Policy> = {};
    for (const entry of entries) {
      const record = this.#record.of(entry.name);
      policies[entry.name] = entry.policy;
      for (let at = next(entry, entry.from); at < until + known; at = next(entry, at)) {
        const id = this.#id(entry, at);
        ids.add(id);
        const { fresh, seen } = this.#counts.get(id) ?? { fresh: 0, seen: 0 };
        const used = record.get(at);
        if (seen > 0 || used !== undefined || at <= until) ticks.push({ schedule: entry.name, at, fresh, seen, used });
      }
    }
    const strange = [...this.#counts.keys()].filter((id) => !ids.has(id));
    return { ticks, policies, strange, until, apart };
  }

  #id(entry: Entry, at: number): string {
    const { result } = callOf(this.#core, entry, at);
    return result.id;
  }
}

function next(entry: Entry, after: number): number {
  return entry.schedule.next(after, entry.since) ?? Infinity;
}
