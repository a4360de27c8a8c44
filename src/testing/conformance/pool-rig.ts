/** A pool under test, with everything that its hooks heard, and short ways to call tasks. Closes what it opened. */

import { afterAll, afterEach, beforeAll } from "vitest";
import { type Clock, systemClock } from "../../clock/clock.ts";
import type { ChildEvent } from "../../pool/pool-options.ts";
import type { Ask, Call } from "../../pool/pool-message.ts";
import type { Pool, PoolHooks, PoolOutcome } from "../../pool/pool.ts";

/** What the cases may change; the pool's maker fills in the rest. */
export interface PoolSettings {
  readonly slots: number;
  readonly children: number;
  readonly hooks: PoolHooks;
  readonly clock: Clock;
  readonly maxResultBytes: number;
  readonly drain: number;
  readonly maxTasks?: number | undefined;
  readonly maxAge?: number | undefined;
  readonly recycleRss?: number | undefined;
  readonly killRss?: number | undefined;
  readonly memoryLimit?: number | undefined;
  /** Another module than the suite's own tasks; the worker's list stays the suite's. */
  readonly app?: string | undefined;
  readonly env?: readonly string[] | undefined;
  readonly startBy?: (() => number) | undefined;
  readonly onLine: (child: number, stream: "stdout" | "stderr", text: string, task: string | undefined) => void;
  readonly onChild: (event: ChildEvent) => void;
}

export interface PoolSubject {
  /**
   * What it keeps apart. `process`: everything. `thread`: loops, full heaps, uncaught errors, `process.exit`; not memory outside of
   * the heap, not SIGKILL. `none`: nothing, so a hard limit can't stop the code either.
   */
  readonly contains: "process" | "thread" | "none";
  /** A pool over the tasks of `src/pool/fixtures/app.ts`, or over the module that `settings.app` names there. */
  make(settings: PoolSettings): Pool | Promise<Pool>;
}

export type MakeCall = Partial<Omit<Call, "input">> & { readonly input?: unknown; readonly body?: Uint8Array };

export class PoolRig {
  readonly pool: Pool;
  readonly began: number[];
  readonly progress: unknown[][];
  readonly logs: unknown[][];
  readonly asks: [slot: number, what: Ask][];
  readonly lines: [child: number, stream: string, text: string, task: string | undefined][];
  readonly events: ChildEvent[];
  /** How asks are answered; replaced by cases. */
  answer: (slot: number, what: Ask) => Promise<unknown> = nothing;
  #slot = 0;
  readonly #waiting: { readonly holds: () => boolean; readonly resolve: () => void }[];

  private constructor(pool: Pool, heard: Heard) {
    this.pool = pool;
    this.began = heard.began;
    this.progress = heard.progress;
    this.logs = heard.logs;
    this.asks = heard.asks;
    this.lines = heard.lines;
    this.events = heard.events;
    this.#waiting = heard.waiting;
    heard.rig = this;
  }

  static async make(subject: PoolSubject, settings: Partial<PoolSettings> = {}): Promise<PoolRig> {
    const heard = new Heard();
    const pool = await subject.make({
      slots: 4,
      children: 1,
      clock: systemClock,
      maxResultBytes: 1024 * 1024,
      drain: 5000,
      hooks: heard.hooks,
      onLine: (...line) => heard.note(heard.lines, line),
      onChild: (event) => heard.note(heard.events, event),
      ...settings,
    });
    return new PoolRig(pool, heard);
  }

  call(task: string, { input, body, ...rest }: MakeCall = {}): Call {
    const slot = ++this.#slot;
    const text = input === undefined ? "[[],{}]" : JSON.stringify([[input], {}]);
    const id = rest.id ?? `id-${slot}`;
    return {
      slot,
      task,
      id,
      attempt: 1,
      fence: 1,
      input: { contentType: "application/json", bytes: body ?? Buffer.from(text) },
      soft: null,
      hard: null,
      checkpoints: [],
      lineage: { root: id, parent: null, group: null, stamps: null, trace: null },
      isolated: false,
      queue: "celery",
      headers: "{}",
      ...rest,
    };
  }

  run(task: string, options: MakeCall = {}, signal: AbortSignal = new AbortController().signal): Promise<PoolOutcome> {
    return this.pool.run(this.call(task, options), signal);
  }

  /** The value that a task returned; fails the case for any other outcome. */
  async value(task: string, options: MakeCall = {}): Promise<unknown> {
    const outcome = await this.run(task, options);
    if (outcome.k !== "value") throw new Error(`expected a value of ${task}, got ${JSON.stringify(outcome)}`);
    return JSON.parse(Buffer.from(outcome.bytes).toString("utf8")) as unknown;
  }

  /** The number of the last call. */
  get slot(): number {
    return this.#slot;
  }

  /** For the next case with the same pool. */
  forget(): void {
    this.answer = nothing;
    for (const list of [this.began, this.progress, this.logs, this.asks, this.lines, this.events]) list.length = 0;
  }

  /** Resolves when `holds` does, looked at after everything that the pool tells. Ends with the case's own time limit. */
  until(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push({ holds, resolve });
    });
  }

  /** The pool has a free slot again: a child was replaced. */
  async room(least = 1, isolated = false): Promise<void> {
    await this.until(() => this.pool.room({ isolated }) >= least);
  }
}

const nothing = async (): Promise<unknown> => null;

class Heard {
  readonly began: number[] = [];
  readonly progress: unknown[][] = [];
  readonly logs: unknown[][] = [];
  readonly asks: [slot: number, what: Ask][] = [];
  readonly lines: [child: number, stream: string, text: string, task: string | undefined][] = [];
  readonly events: ChildEvent[] = [];
  readonly waiting: { readonly holds: () => boolean; readonly resolve: () => void }[] = [];
  rig: PoolRig | undefined;

  readonly hooks: PoolHooks = {
    began: (slot) => this.note(this.began, slot),
    progress: (...report) => this.note(this.progress, report),
    log: (...line) => this.note(this.logs, line),
    ask: (slot, what) => {
      this.note(this.asks, [slot, what]);
      return this.rig?.answer(slot, what) ?? Promise.resolve(null);
    },
  };

  note<T>(list: T[], item: T): void {
    list.push(item);
    // After the pool has finished with what it tells.
    setImmediate(() => {
      for (const waiting of this.waiting.filter(({ holds }) => holds())) {
        this.waiting.splice(this.waiting.indexOf(waiting), 1);
        waiting.resolve();
      }
    });
  }
}

/** One pool for all cases of a suite that leave it as they found it: a child's start is most of what such a case costs. */
export function useOnePool(subject: PoolSubject): () => PoolRig {
  let rig: PoolRig | undefined;
  beforeAll(async () => {
    rig = await PoolRig.make(subject, { slots: 8, maxResultBytes: 2 ** 21 });
    await rig.pool.open();
  });
  afterAll(() => rig?.pool.close(0));
  return () => {
    if (!rig) throw new Error("the pool did not open");
    rig.forget();
    return rig;
  };
}

/** Makes rigs for the cases of one suite, and closes them: a child that outlives its case fails it. */
export function usePools(subject: PoolSubject): (settings?: Partial<PoolSettings>) => Promise<PoolRig> {
  const rigs: PoolRig[] = [];
  afterEach(async () => {
    for (const rig of rigs.splice(0)) {
      await rig.pool.close(0);
      for (const { pid } of rig.pool.size.children) {
        if (pid !== process.pid) throw new Error(`child ${pid} outlived its pool`);
      }
    }
  });
  return async (settings) => {
    const rig = await PoolRig.make(subject, settings);
    rigs.push(rig);
    await rig.pool.open();
    return rig;
  };
}
