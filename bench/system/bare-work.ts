/** What a bare client does for a task beside AMQP: the same message as Celery's protocol has it, and the same result on Redis. */

import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { Redis } from "ioredis";
import { handle, type Payload, type SystemOptions } from "./system.ts";

export const queue = "bench";
/** Deliveries that are not acknowledged. With 400 it was slower by a quarter. */
export const prefetch = 1000;

const origin = `${process.pid}@${hostname()}`;
const ttlSeconds = 86_400;
const embed = { callbacks: null, errbacks: null, chain: null, chord: null };

export interface BareMessage {
  readonly id: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}

export function messageOf(payload: Payload): BareMessage {
  const id = randomUUID();
  const headers = {
    lang: "js",
    task: "bench.noop",
    id,
    shadow: null,
    eta: null,
    expires: null,
    group: null,
    group_index: null,
    retries: 0,
    timelimit: [null, null],
    root_id: id,
    parent_id: null,
    argsrepr: "",
    kwargsrepr: "{}",
    origin,
    ignore_result: false,
  };
  return { id, headers, body: Buffer.from(JSON.stringify([[payload], {}, embed])) };
}

/** Runs what came in one turn, stores the results in one write, and then has `ack` called with the last tag of the batch. */
export class BareWork {
  readonly #redis: Redis;
  readonly #ack: (tag: number) => void;
  readonly #done: () => void;
  #batch: { readonly id: string; readonly body: Uint8Array }[] = [];
  #tag = 0;

  constructor({ results = "" }: SystemOptions, ack: (tag: number) => void, done: () => void) {
    const url = new URL(results);
    if (url.protocol !== "redis:") throw new Error("the bare client stores results on Redis alone: --broker rabbitmq");
    this.#redis = new Redis({ host: url.hostname, port: Number(url.port) });
    this.#ack = ack;
    this.#done = done;
  }

  take(id: string, body: Uint8Array, tag: number): void {
    if (this.#batch.length === 0) setImmediate(() => void this.#run());
    this.#batch.push({ id, body });
    this.#tag = tag;
  }

  async #run(): Promise<void> {
    const batch = this.#batch;
    const tag = this.#tag;
    this.#batch = [];
    const pipeline = this.#redis.pipeline();
    for (const { id, body } of batch) {
      const [[payload]] = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString()) as [
        [Payload],
      ];
      const date = new Date().toISOString();
      const meta = JSON.stringify({
        status: "SUCCESS",
        result: handle(payload),
        traceback: null,
        children: [],
        date_done: date,
        task_id: id,
      });
      const key = `celery-task-meta-${id}`;
      pipeline.set(key, meta, "EX", ttlSeconds).publish(key, meta);
    }
    await pipeline.exec();
    this.#ack(tag);
    for (const _ of batch) this.#done();
  }

  async close(): Promise<void> {
    await this.#redis.quit();
  }
}
