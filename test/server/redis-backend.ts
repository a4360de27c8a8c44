/** An opened Redis backend for tests that need no suite, and small ways to make and await work on it. */

import { systemClock } from "../../src/clock/clock.ts";
import { open } from "../../src/driver/redis/index.ts";
import type { Backend, BackendOptions } from "../../src/port/backend.ts";
import type { Consumer, ConsumeOptions, Delivery, Outgoing } from "../../src/port/broker.ts";

export const never: AbortSignal = new AbortController().signal;

export function makeBackend(url: string, overrides: Partial<BackendOptions> = {}): Backend {
  return open({
    url: new URL(url),
    clock: systemClock,
    maxMessageBytes: 16 * 1024 * 1024,
    maxDepth: 0,
    commandTimeout: 30_000,
    allowEviction: false,
    keyPrefix: "",
    ...overrides,
  });
}

export async function openBackend(url: string, overrides?: Partial<BackendOptions>): Promise<Backend> {
  const backend = makeBackend(url, overrides);
  await backend.open(never);
  return backend;
}

export function outgoing(queue: string, id: string, rest: Partial<Outgoing> = {}, body = "[[],{},{}]"): Outgoing {
  const headers = Object.assign(Object.create(null) as Record<string, unknown>, {
    lang: "js",
    task: "test.task",
    id,
    root_id: id,
  });
  return {
    queue,
    message: {
      headers,
      properties: { correlationId: id },
      contentType: "application/json",
      contentEncoding: "utf-8",
      body: new TextEncoder().encode(body),
    },
    ...rest,
  };
}

export function idOf(delivery: Delivery): string {
  return "malformed" in delivery.message ? "malformed" : String(delivery.message.headers["id"]);
}

/** A consumer whose deliveries can be waited for. */
export class Catch {
  readonly all: Delivery[] = [];
  consumer!: Consumer;
  #waiting: (() => void)[] = [];

  static async open(
    backend: Pick<Backend, "broker">,
    queue: string,
    want: number,
    options: Partial<ConsumeOptions> = {},
  ): Promise<Catch> {
    const caught = new Catch();
    caught.consumer = await backend.broker.consume(
      {
        queues: [queue],
        worker: `w-${crypto.randomUUID().slice(0, 8)}`,
        lease: 30_000,
        sweep: 5000,
        maxClaimBytes: 4 * 1024 * 1024,
        userCodeHere: false,
        stallLimit: 60_000,
        ...options,
      },
      (batch) => {
        caught.all.push(...batch);
        for (const wake of caught.#waiting.splice(0)) wake();
      },
    );
    caught.consumer.want(want, want);
    return caught;
  }

  /** Resolves when `n` deliveries came in all. */
  async until(n: number): Promise<readonly Delivery[]> {
    while (this.all.length < n) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.all;
  }
}

/** Looks again every 10 ms: for states of a server, which tells nobody when they change. */
export async function eventually(what: string, ready: () => Promise<boolean> | boolean, limit = 60_000): Promise<void> {
  for (const end = performance.now() + limit; performance.now() < end;) {
    if (await ready()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`waited ${limit} ms for ${what}`);
}
