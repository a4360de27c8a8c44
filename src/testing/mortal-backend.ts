/**
 * A worker's way to the server, which can end as it ends for a process that is killed: nothing is given back, no call is answered any
 * more, and what was on its way back is never heard. It tells what happens on it.
 */

import { over } from "../app/over.ts";
import type { MemoryBackend } from "../driver/memory/backend.ts";
import type { Backend } from "../port/backend.ts";
import type { ConsumeOptions, Consumer, Delivery } from "../port/broker.ts";
import type { Checkpoints } from "../port/result-store.ts";
import type { Moment } from "./crash-point.ts";

export interface Watching {
  /** Something has changed. */
  moved(): void;
  taken(batch: readonly Delivery[]): void;
  settled(batch: readonly Delivery[]): void;
  /** True: the worker is to die here. It is dead when this returns. */
  dies(moment: Moment): boolean;
}

/** How many messages it may hold: what the worker wants, or nothing while nothing is to run. */
export interface Gate {
  open: boolean;
}

interface Want {
  readonly n: number;
  readonly start: number;
}

/** Never answered. */
const silence: Promise<never> = new Promise(() => {});

export class MortalBackend {
  readonly backend: Backend;
  readonly #inner: MemoryBackend;
  readonly #watching: Watching;
  readonly #gate: Gate;
  readonly #wants = new Map<Consumer, Want>();
  /** Of the messages it holds, by id. */
  readonly #tasks = new Map<string, string>();
  #dead = false;

  constructor(inner: MemoryBackend, gate: Gate, watching: Watching) {
    this.#inner = inner;
    this.#gate = gate;
    this.#watching = watching;
    const { checkpoints } = inner.store;
    this.backend = over<Backend>(inner, {
      broker: over(this.#mortal(inner.broker), {
        consume: (options, take) => this.#consume(options, take),
        joins: (store) => store === this.backend.store,
      }),
      store: over(this.#mortal(inner.store), {
        commit: async (batch) => {
          if (this.#dead) return silence;
          this.#watching.moved();
          return this.#alive(await inner.store.commit(batch));
        },
        checkpoints: checkpoints && this.#checkpoints(checkpoints),
        ledger: inner.store.ledger && this.#mortal(inner.store.ledger),
        joins: inner.store.joins && this.#mortal(inner.store.joins),
      }),
      bus: this.#mortal(inner.bus),
      lease: this.#mortal(inner.lease),
      control: this.#mortal(inner.control),
      limits: this.#mortal(inner.limits),
    });
  }

  get isDead(): boolean {
    return this.#dead;
  }

  /** The gate was opened or shut. */
  turn(): void {
    for (const [consumer, want] of this.#wants) this.#ask(consumer, want);
  }

  async serve(queues: readonly string[]): Promise<void> {
    for (const consumer of this.#wants.keys()) await consumer.setQueues(queues);
  }

  kill(): void {
    if (this.#dead) return;
    this.#dead = true;
    this.#wants.clear();
    this.#inner.abandon();
  }

  async #consume(options: ConsumeOptions, take: (batch: readonly Delivery[]) => void): Promise<Consumer> {
    const consumer = await this.#inner.broker.consume(options, (batch) => {
      for (const delivery of batch) {
        const named = taskOf(delivery);
        if (named !== undefined) this.#tasks.set(named.id, named.task);
      }
      this.#watching.taken(batch);
      if (this.#watching.dies({ point: { step: "claim" }, tasks: tasksOf(batch) })) return;
      take(batch);
    });
    return over(this.#mortal(consumer), {
      want: (n, start) => {
        if (this.#dead) return;
        this.#wants.set(consumer, { n, start });
        this.#ask(consumer, { n, start });
      },
      started: (deliveries, blame) => {
        if (!this.#dead) consumer.started(deliveries, blame);
        this.#watching.moved();
      },
      settle: async (batch) => {
        if (this.#dead) return silence;
        const deliveries = batch.map(({ delivery }) => delivery);
        const tasks = tasksOf(deliveries);
        if (this.#watching.dies({ point: { step: "run" }, tasks })) return silence;
        const answers = await consumer.settle(batch);
        this.#watching.settled(deliveries);
        return this.#watching.dies({ point: { step: "settlement" }, tasks }) ? silence : this.#alive(answers);
      },
    });
  }

  #checkpoints(checkpoints: Checkpoints): Checkpoints {
    return over(this.#mortal(checkpoints), {
      write: async (id, fence, name, value, ttl) => {
        if (this.#dead) return silence;
        const kept = await checkpoints.write(id, fence, name, value, ttl);
        this.#watching.moved();
        const task = this.#tasks.get(id);
        return this.#watching.dies({ point: name, tasks: task === undefined ? [] : [task] })
          ? silence
          : this.#alive(kept);
      },
    });
  }

  #ask(consumer: Consumer, { n, start }: Want): void {
    if (this.#gate.open) consumer.want(n, start);
    else consumer.want(0, 0);
  }

  #mortal<T extends object>(port: T): T {
    return new Proxy(port, {
      get: (_, key) => {
        const value: unknown = Reflect.get(port, key, port);
        if (typeof value !== "function") return value;
        return (...given: readonly unknown[]): unknown => {
          if (this.#dead) return silence;
          const answer: unknown = Reflect.apply(value, port, given);
          return answer instanceof Promise ? answer.then((value: unknown) => this.#alive(value)) : answer;
        };
      },
    });
  }

  #alive<T>(value: T): T | Promise<never> {
    return this.#dead ? silence : value;
  }
}

function taskOf({ message }: Delivery): { readonly id: string; readonly task: string } | undefined {
  if ("malformed" in message) return undefined;
  const { id, task } = message.headers;
  return typeof id === "string" && typeof task === "string" ? { id, task } : undefined;
}

const tasksOf = (batch: readonly Delivery[]): readonly string[] =>
  batch.flatMap((delivery) => taskOf(delivery)?.task ?? []);
