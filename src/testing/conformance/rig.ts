/**
 * The bench the suites work on: one server a suite, queue names of its own a test, and everything opened in a test closed
 * after it. Waits are for things that happen, by letting the server's time pass in small steps.
 */

import { afterAll, afterEach, beforeAll, expect } from "vitest";
import type { Consumer, Delivery, Outgoing, Published, Settled, Settlement } from "../../port/broker.ts";
import type { AttemptRecord, DeadLetter } from "../../port/queue-admin.ts";
import type { ResultWrite } from "../../port/result-store.ts";
import type { Message } from "../../wire/message.ts";
import type { ClientOverrides, MakeServer, OpenClient, SuiteServer } from "./suite-server.ts";

export const never: AbortSignal = new AbortController().signal;
/** Words the rest need no wait to be absent: long enough for any driver's wake-up, short enough to be paid often. */
const quietTime = 120;
/**
 * Leases of those that live, where time is real: a machine that stands still for seconds must not take from them what they hold. The
 * shorter one is for cases that wait for it to be renewed.
 */
const livingLease = 60_000;
const renewedLease = 3_000;

export interface MessageDraft {
  readonly id?: string;
  readonly task?: string;
  readonly priority?: number;
  readonly body?: string;
}

export class Rig {
  readonly server: SuiteServer;
  readonly #clients = new Set<OpenClient>();
  readonly #mortals = new WeakSet<OpenClient>();
  #count = 0;
  readonly #stem = crypto.randomUUID().slice(0, 8);

  constructor(server: SuiteServer) {
    this.server = server;
  }

  async client(overrides?: ClientOverrides): Promise<OpenClient> {
    const client = await this.server.open(overrides);
    this.#clients.add(client);
    return client;
  }

  /** One that is to die, to freeze or to be cut off: what it claims is leased for `timing.lease` alone. */
  async mortal(overrides?: ClientOverrides): Promise<OpenClient> {
    const client = await this.server.open(overrides, true);
    this.#clients.add(client);
    this.#mortals.add(client);
    return client;
  }

  /** The lease of a client that lives, for cases that wait for several of them. */
  get renewed(): number {
    return this.server.virtual === true ? this.server.timing.lease : renewedLease;
  }

  /** A name nobody used before on this server. */
  name(label: string): string {
    this.#count += 1;
    return `suite.${label}.${this.#stem}.${this.#count}`;
  }

  outgoing(queue: string, draft: MessageDraft = {}, rest: Omit<Outgoing, "queue" | "message"> = {}): Outgoing {
    return { queue, message: makeMessage({ id: crypto.randomUUID(), ...draft }), ...rest };
  }

  /** Publishes messages with these ids and sees each accepted. */
  async send(client: OpenClient, queue: string, ids: readonly string[], draft: MessageDraft = {}): Promise<void> {
    const batch = ids.map((id) => this.outgoing(queue, { ...draft, id }));
    expect(await client.broker.publish(batch, never)).toEqual(ids.map(() => ({ kind: "accepted" })));
  }

  async publishOne(client: OpenClient, outgoing: Outgoing): Promise<Published> {
    const [answer] = await client.broker.publish([outgoing], never);
    if (answer === undefined) throw new Error("publish answered nothing");
    return answer;
  }

  /** Starts consuming; `want` is stated at once. Who lives has a lease that no case waits for, unless `options` say otherwise. */
  async consume(client: OpenClient, queues: readonly string[], want: number, options: TrayOptions = {}): Promise<Tray> {
    const tray = new Tray(this, options.onBatch);
    const worker = options.worker ?? this.name("worker");
    const { virtual, timing } = this.server;
    const brief = virtual === true || this.#mortals.has(client);
    const consumer = await client.broker.consume(
      {
        queues,
        worker,
        lease: options.lease ?? (brief ? timing.lease : livingLease),
        sweep: timing.sweep,
        maxClaimBytes: options.maxClaimBytes ?? 4 * 1024 * 1024,
        userCodeHere: false,
        stallLimit: 60_000,
      },
      (batch) => tray.receive(batch),
    );
    tray.attach(consumer, worker);
    consumer.want(want, want);
    return tray;
  }

  /** Lets time pass until `ready` holds; fails, saying what never came, after `limit` ms of the server's time. */
  async until(what: string, ready: () => boolean | Promise<boolean>, limit: number = 30_000): Promise<void> {
    const step = 5;
    for (let waited = 0; ; waited += step) {
      if (await ready()) return;
      if (waited >= limit) throw new Error(`waited ${limit} ms for: ${what}`);
      await this.server.pass(step);
    }
  }

  /** Long enough for a dead holder's lease to end and be noticed: lease + sweep, doubled, and a second for slow machines. */
  get recovery(): number {
    return 2 * (this.server.timing.lease + this.server.timing.sweep) + 1_000;
  }

  async closeClients(): Promise<void> {
    const clients = [...this.#clients];
    this.#clients.clear();
    await Promise.all(clients.map((client) => client.close()));
  }
}

export interface TrayOptions {
  readonly maxClaimBytes?: number;
  readonly worker?: string;
  readonly lease?: number;
  readonly onBatch?: (batch: readonly Delivery[], tray: Tray) => void;
}

/** What one consumer was handed, in order. */
export class Tray {
  readonly batches: (readonly Delivery[])[] = [];
  readonly all: Delivery[] = [];
  readonly #rig: Rig;
  readonly #onBatch: TrayOptions["onBatch"];
  #consumer: Consumer | undefined;
  #worker = "";
  #taken = 0;

  constructor(rig: Rig, onBatch: TrayOptions["onBatch"]) {
    this.#rig = rig;
    this.#onBatch = onBatch;
  }

  attach(consumer: Consumer, worker: string): void {
    this.#consumer = consumer;
    this.#worker = worker;
  }

  receive(batch: readonly Delivery[]): void {
    this.batches.push(batch);
    this.all.push(...batch);
    this.#onBatch?.(batch, this);
  }

  get consumer(): Consumer {
    if (this.#consumer === undefined) throw new Error("deliveries came before consume() resolved");
    return this.#consumer;
  }

  get worker(): string {
    return this.#worker;
  }

  /** The next `n` deliveries that no earlier call took. */
  async take(n: number, limit?: number): Promise<Delivery[]> {
    await this.#rig.until(`${n} more deliveries`, () => this.all.length >= this.#taken + n, limit);
    this.#taken += n;
    return this.all.slice(this.#taken - n, this.#taken);
  }

  async one(limit?: number): Promise<Delivery> {
    const [delivery] = await this.take(1, limit);
    if (delivery === undefined) throw new Error("no delivery");
    return delivery;
  }

  /** Nothing comes for a while. */
  async quiet(ms: number = quietTime): Promise<void> {
    await this.#rig.server.pass(ms);
    expect(this.all.slice(this.#taken).map(idOf)).toEqual([]);
  }

  async settle(settlement: Settlement): Promise<Settled> {
    const [answer] = await this.consumer.settle([settlement]);
    if (answer === undefined) throw new Error("settle answered nothing");
    return answer;
  }

  async ack(deliveries: readonly Delivery[]): Promise<void> {
    // `all` grows while this waits.
    const batch: Settlement[] = deliveries.map((delivery) => ({ delivery, then: { kind: "ack" } }));
    const answers = await this.consumer.settle(batch);
    expect(answers).toEqual(batch.map(() => ({ kind: "settled" })));
  }
}

/** Registers the hooks around a suite; the function it returns gives the rig inside a test. */
export function useRig(makeServer: MakeServer): () => Rig {
  let rig: Rig | undefined;
  beforeAll(async () => {
    rig = new Rig(await makeServer());
  });
  afterEach(async () => {
    await rig?.closeClients();
  });
  afterAll(async () => {
    await rig?.server.close();
  });
  return () => {
    if (rig === undefined) throw new Error("the suite's server did not start");
    return rig;
  };
}

export function makeMessage(draft: MessageDraft & { readonly id: string }): Message {
  const headers: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  headers["lang"] = "js";
  headers["task"] = draft.task ?? "suite.task";
  headers["id"] = draft.id;
  headers["root_id"] = draft.id;
  headers["retries"] = 0;
  return {
    headers,
    properties: { correlationId: draft.id, ...(draft.priority === undefined ? {} : { priority: draft.priority }) },
    contentType: "application/json",
    contentEncoding: "utf-8",
    body: new TextEncoder().encode(
      draft.body ?? '[[],{},{"callbacks":null,"errbacks":null,"chain":null,"chord":null}]',
    ),
  };
}

export function messageOf(delivery: Delivery): Message {
  if ("malformed" in delivery.message) throw new Error(`malformed: ${delivery.message.reason}`);
  return delivery.message;
}

export function idOf(delivery: Delivery): string {
  return "malformed" in delivery.message ? "malformed" : String(delivery.message.headers["id"]);
}

export function bodyOf(delivery: Delivery): string {
  return new TextDecoder().decode(messageOf(delivery).body);
}

/** Celery's task meta as the codec writes it: `status` first, our own words in `celeriac`. */
export function resultOf(
  id: string,
  state: string,
  fence: number,
  rest: { readonly value?: unknown; readonly ttl?: number } = {},
): ResultWrite {
  const meta = {
    status: state,
    result: rest.value ?? null,
    traceback: null,
    children: [],
    date_done: "2026-01-15T12:00:00.000000+00:00",
    task_id: id,
    celeriac: { fence },
  };
  return {
    id,
    state,
    final: state === "SUCCESS" || state === "FAILURE" || state === "REVOKED",
    fence,
    meta: new TextEncoder().encode(JSON.stringify(meta)),
    ttl: rest.ttl,
  };
}

export function letterOf(delivery: Delivery, reason: DeadLetter["reason"], rest: Partial<DeadLetter> = {}): DeadLetter {
  const parsed = "malformed" in delivery.message ? undefined : delivery.message.headers;
  return {
    key: "",
    id: parsed === undefined ? undefined : String(parsed["id"]),
    task: parsed === undefined ? undefined : String(parsed["task"]),
    queue: delivery.queue,
    reason,
    at: delivery.claimedAt,
    raw: delivery.raw,
    attempts: [],
    detail: "by the suite",
    ...rest,
  };
}

export function recordOf(worker: string, error: string, at: number): AttemptRecord {
  return { attempt: 1, worker, pid: 4711, started: at, ended: at + 1, exit: undefined, stderrTail: "", error };
}
