/**
 * The RabbitMQ driver: broker, bus and answers, for `amqp:` and `amqps:` URLs. Results lie elsewhere, or go back by `rpc://`. Options in the
 * URL's query: `queueType`, `maxPriority`, `heartbeat`, `consumerTimeout`, and `ca`, `cert`, `key`, `verify` for TLS.
 */

import { connect } from "./amqp/connect.ts";
import type { BackendOptions, OpenBackend, ServerBackend } from "../../port/backend.ts";
import type { Check } from "../../port/check.ts";
import type { Warning } from "../../port/units.ts";
import { RabbitBroker } from "./broker.ts";
import { RabbitBus } from "./bus.ts";
import { Context } from "./context.ts";
import { Declarations, type Drift } from "./declarations.ts";
import { examine } from "./examination.ts";
import { connectFailure } from "./failure.ts";
import { readLocation } from "./location.ts";
import { Publisher } from "./publisher.ts";
import { RabbitReplies } from "./replies.ts";
import { checkServer } from "./server-check.ts";

/** Throws BROKER_URL_INVALID; everything else waits for `open`. */
export const open: OpenBackend<RabbitBackend> = (options: BackendOptions): RabbitBackend => new RabbitBackend(options);

/** Queues that are compared with what we would declare, at the start. */
const mostCompared = 50;

export class RabbitBackend implements ServerBackend {
  readonly broker: RabbitBroker;
  readonly store: undefined;
  readonly bus: RabbitBus;
  readonly replies: RabbitReplies;
  readonly lease: undefined;
  readonly control: undefined;
  readonly limits: undefined;
  readonly #context: Context;
  readonly #declarations: Declarations;
  #opening: Promise<readonly Warning[]> | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: BackendOptions) {
    const context = new Context(options, readLocation(options.url), connect);
    const declarations = new Declarations(() => context.sending, context.location);
    const publisher = new Publisher(context, declarations);
    this.#context = context;
    this.#declarations = declarations;
    this.broker = new RabbitBroker(
      context,
      publisher,
      (signal) => this.open(signal),
      () => this.close(),
    );
    this.bus = new RabbitBus(context);
    this.replies = new RabbitReplies(context, publisher);
  }

  open(signal: AbortSignal): Promise<readonly Warning[]> {
    this.#opening ??= this.#open(signal);
    return this.#opening;
  }

  async #open(signal: AbortSignal): Promise<readonly Warning[]> {
    const { location, sending } = this.#context;
    try {
      await this.#context.connect(signal);
      const server = sending.connection?.serverProperties ?? {};
      const { major, warnings } = checkServer(server, location);
      this.#context.serverIs(major, server["cluster_name"]);
      for (const queue of this.#context.queues.slice(0, mostCompared)) await this.#declarations.compare(queue);
      return [...warnings, ...this.#declarations.drifts.map(driftWarning)];
    } catch (error) {
      await this.#context.close();
      throw connectFailure(location, error);
    }
  }

  async examine(): Promise<readonly Check[]> {
    const version = this.#context.sending.connection?.serverProperties["version"];
    return examine(this.#context.location, typeof version === "string" ? version : "?", this.#declarations.drifts);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#opening?.catch(() => undefined);
    await this.broker.stopConsumers();
    await this.#context.close();
  }
}

function driftWarning({ queue, ours, told }: Drift): Warning {
  return {
    code: "QUEUE_MISMATCH",
    text: `queue ${queue} is not as this app would declare it (${JSON.stringify(ours)}): ${told}. It is used as it is; set queueType and maxPriority in the broker URL as they are on the server.`,
  };
}
