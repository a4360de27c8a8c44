/**
 * A worker as others see it: it comes, beats every two seconds while anybody hears it, and goes; and what it tells of its tasks while somebody may be listening.
 * Python's workers count it as one of them, so it answers when they elect.
 */

import { readFileSync } from "node:fs";
import { loadavg, type as systemName } from "node:os";
import { Attention } from "../event/attention.ts";
import { Emitter } from "../event/emitter.ts";
import { LamportClock } from "../event/lamport.ts";
import type { Subscription } from "../port/bus.ts";
import { readEvents } from "../wire/event.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { WorkerInside, WorkerPart } from "./part.ts";
import { TaskEvents } from "./task-events.ts";
import { Vitals } from "./vitals.ts";

/** Seconds between two heartbeats; a monitor takes a worker for lost after twice as long. */
const frequency = 2;
const beats = { kind: "event", type: "worker.heartbeat" } as const;
const softwareName = "celeriac";

/** What remote control does with events. */
export interface EventControl {
  /** `enable_events`. False if they were enabled before. */
  enable(): boolean;
  /** `disable_events`. False if they were disabled before. */
  disable(): boolean;
  readonly enabled: boolean;
  /** `heartbeat`: a monitor has just come and wants to see who is there. */
  beat(): void;
  /** Goes on with each event; `clock` and `hello` tell it, and what others tell adjusts it. */
  readonly clock: LamportClock;
}

export class EventPart implements WorkerPart, EventControl {
  readonly clock: LamportClock = new LamportClock();
  readonly #inside: Omit<WorkerInside, "events">;
  readonly #emitter: Emitter;
  readonly #attention: Attention;
  readonly #vitals: Vitals;
  #beating: Disposable | undefined;
  #election: Subscription | undefined;

  constructor(inside: Omit<WorkerInside, "events">) {
    const { backend, clock, id, pool, settings } = inside;
    this.#inside = inside;
    this.#vitals = new Vitals(clock, pool);
    this.#attention = new Attention(backend.bus, clock, settings.events, "task.multi");
    this.#emitter = new Emitter({ bus: backend.bus, clock, lamport: this.clock, hostname: id, pid: process.pid });
  }

  get enabled(): boolean {
    return this.#attention.enabled;
  }

  enable(): boolean {
    return this.#attention.enable();
  }

  disable(): boolean {
    return this.#attention.disable();
  }

  async start(): Promise<void> {
    const { backend, report, clock, core } = this.#inside;
    const tell = (type: string, fields: Readonly<Record<string, unknown>>): void => this.#emitter.queue(type, fields);
    const write = (type: string, json: string): void => this.#emitter.write(type, json);
    report.watch(new TaskEvents({ on: () => this.#attention.on, tell, write }));
    report.on("child:started", ({ pid }) => this.#child("started", pid, {}));
    report.on("child:exited", ({ pid, detail }) => this.#child("exited", pid, { ...detail }));
    report.on("child:retiring", ({ pid, code, text }) => this.#child(code ?? "retiring", pid, { why: text ?? null }));
    // Only Python elects, and it speaks to neither files nor memory.
    if (!/^(sqlite|memory):$/.test(core.config.broker.protocol)) await this.#answerElections();
    void this.#emitter.send("worker-online", this.#state(frequency));
    this.#beating = new Heartbeat({
      clock,
      every: frequency * 1000,
      unheard: () => backend.bus.unheard?.(beats) === true,
      beat: () => this.#beat(frequency),
    });
  }

  async stop(): Promise<void> {
    this.#beating?.[Symbol.dispose]();
    this.#vitals[Symbol.dispose]();
    await this.#election?.close().catch(() => {});
    void this.#emitter.send("worker-offline", this.#state(frequency));
    await this.#emitter.drain();
  }

  /** Celery's quirk: asked for, it says that it beats every five seconds. */
  beat(): void {
    this.#attention.notice();
    this.#beat(5);
  }

  #beat(freq: number): void {
    void this.#emitter.send("worker-heartbeat", this.#state(freq));
  }

  #state(freq: number): Readonly<Record<string, unknown>> {
    const { flow, stats, settings } = this.#inside;
    const { received, concurrency, queues } = stats();
    return {
      freq,
      active: flow.slots.running.size,
      processed: received,
      loadavg: loadavg().map((load) => Math.round(load * 100) / 100),
      sw_ident: softwareName,
      sw_ver: softwareVersion,
      sw_sys: systemName(),
      waiting: flow.slots.waiting,
      concurrency,
      pool: settings.pool,
      queues,
      ...this.#vitals.now(),
    };
  }

  #child(kind: string, pid: number | undefined, detail: Readonly<Record<string, unknown>>): void {
    if (this.#attention.on) this.#emitter.queue("celeriac-child", { kind, child: pid ?? null, detail });
  }

  /**
   * A Python node that elects waits for the answer of each worker that beats. Only those that asked for the election can win it, so to
   * answer is all there is to do.
   */
  async #answerElections(): Promise<void> {
    const { backend, report, id } = this.#inside;
    const heard = { kind: "event", type: "worker.elect" } as const;
    try {
      this.#election = await backend.bus.listen(
        heard,
        (_, message) => {
          for (const event of readEvents(message)) {
            this.clock.adjust(event.clock);
            if (event.type === "worker-elect" && event.hostname !== id)
              void this.#emitter.send("worker-elect-ack", { id: event["id"] });
          }
        },
        () => {},
      );
    } catch (error) {
      report.warning("ELECTIONS_UNHEARD", "this worker does not answer when Python's workers elect", error);
    }
  }
}

const softwareVersion = ((): string => {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
})();
