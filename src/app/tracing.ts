/**
 * Traces what an app sends, if it has a `telemetry`: a call or a workflow is told of once, by whoever decides it, and carries where it came
 * from in its headers. Headers that the caller sets himself win. Without a `telemetry` each method is one comparison.
 */

import { tracedHeaders, tracedSignature } from "../canvas/traced-signature.ts";
import type { Outgoing } from "../port/broker.ts";
import { runningTask } from "../task/running.ts";
import { type BrokerName, flushed, type TraceHeaders } from "../task/telemetry.ts";
import type { AppConfig } from "./config.ts";
import type { Draft } from "./draft.ts";
import type { Launch } from "./launch.ts";

/** How long a closing app waits until what was recorded is handed over, ms. */
const flushPatience = 5_000;

type Config = Pick<AppConfig, "broker" | "clock" | "telemetry">;

export class Tracing {
  readonly #config: Config;
  readonly #broker: BrokerName;

  constructor(config: Config) {
    this.#config = config;
    this.#broker = brokerName(config.broker);
  }

  /** Calls of one send. */
  send<T>(drafts: readonly Draft[], go: (traced: readonly Draft[]) => Promise<T>): Promise<T> {
    const { telemetry } = this.#config;
    const [first] = drafts;
    if (telemetry === undefined || first === undefined) return go(drafts);
    const { task, queue, id, root } = first;
    const one = drafts.length === 1;
    const facts = {
      broker: this.#brokerHere(),
      task,
      queue: drafts.every((draft) => draft.queue === queue) ? queue : undefined,
      id: one ? id : undefined,
      root: one ? root : undefined,
      count: drafts.length,
    };
    return telemetry.sending(facts, (trace) => go(drafts.map((draft) => withTrace(draft, trace))));
  }

  /** A workflow: all parts of it carry where it came from, for whoever sends them. `schedule`: it is a tick of that one. */
  launch<T>(launch: Launch, go: (traced: Launch) => T, schedule?: string): T {
    const { telemetry } = this.#config;
    if (telemetry === undefined) return go(launch);
    const { signature, root } = launch;
    const { queue, task_id: id } = signature.options;
    const facts = {
      broker: this.#brokerHere(),
      task: signature.task,
      queue: typeof queue === "string" ? queue : undefined,
      id: typeof id === "string" ? id : undefined,
      root,
      count: 1,
      schedule,
    };
    return telemetry.sending(facts, (trace) => go({ ...launch, signature: tracedSignature(signature, trace) }));
  }

  /** By the broker, of what was sent here, also for the children of a pool. */
  accepted(batch: readonly Outgoing[]): void {
    const { telemetry } = this.#config;
    if (telemetry === undefined) return;
    const counts = new Map<string, number>();
    for (const { queue } of batch) counts.set(queue, (counts.get(queue) ?? 0) + 1);
    for (const [queue, count] of counts) telemetry.sent(this.#broker, queue, count);
  }

  async flush(): Promise<void> {
    const { telemetry, clock } = this.#config;
    if (telemetry !== undefined) await flushed(telemetry, clock, flushPatience);
  }

  /** A child gets no broker's URL, so what it was made with may name another than its worker's. */
  #brokerHere(): BrokerName {
    const running = runningTask();
    return (running?.ask && running.broker) ?? this.#broker;
  }
}

/** A broker as traces name it; nothing of its password. */
export function brokerName({ protocol, hostname, port }: URL): BrokerName {
  const system = systems[protocol] ?? protocol.slice(0, -1);
  if (hostname === "" || system === "memory" || system === "sqlite") return { system };
  return { system, address: hostname, ...(port !== "" && { port: Number(port) }) };
}

const systems: Readonly<Record<string, string>> = {
  "amqp:": "rabbitmq",
  "amqps:": "rabbitmq",
  "rediss:": "redis",
  "sentinel:": "redis",
};

function withTrace(draft: Draft, trace: TraceHeaders): Draft {
  return { ...draft, headers: tracedHeaders(draft.headers, trace) };
}
