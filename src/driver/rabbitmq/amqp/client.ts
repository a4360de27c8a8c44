/**
 * What this driver uses of AMQP 0-9-1, as an interface: one connection, channels on it, confirms. Nothing here reconnects; a connection that
 * ends, ends, and `Link` makes the next. Names are those of the specification.
 */

import type { Clock } from "../../../clock/clock.ts";
import type { Millis } from "../../../port/units.ts";

/** A field table; integers are written as int32 where they fit and as int64 where not, never shorter. */
export type FieldTable = Readonly<Record<string, unknown>>;

export interface ConnectOptions {
  readonly host: string;
  readonly port: number;
  readonly vhost: string;
  readonly username: string;
  readonly password: string;
  /** Options of `node:tls` beside host and port; absent = plain TCP. */
  readonly tls?: Readonly<Record<string, unknown>> | undefined;
  /** What we ask for, ms; the server may want less. 0 = none. A link silent for two of these is dropped. */
  readonly heartbeat: Millis;
  /** Longest wait for the whole handshake, and for the answer to any method, ms. */
  readonly timeout: Millis;
  readonly clock: Clock;
  /** Shown in the server's list of connections. */
  readonly name: string;
}

/** Ends rejected with a `ConnectionError` or `ChannelError`, or with the signal's reason. */
export type Connect = (options: ConnectOptions, signal: AbortSignal) => Promise<AmqpConnection>;

export interface AmqpConnection {
  /** What the server said of itself: `product`, `version`, `capabilities`. */
  readonly serverProperties: FieldTable;
  /** As agreed; 0 = none. */
  readonly heartbeat: Millis;
  /** Why the server takes no publishes just now (memory or disk alarm); `undefined` = it does. */
  readonly blocked: string | undefined;
  readonly closed: boolean;
  openChannel(): Promise<AmqpChannel>;
  /** `closed` comes once, with the reason, and soon to who asks after it; after it nothing else. Not after our own `close`. */
  on(event: "closed", listener: (error: Error) => void): void;
  on(event: "blocked", listener: (reason: string) => void): void;
  on(event: "unblocked", listener: () => void): void;
  /**
   * Polite: waits for the server's answer, so that all that was written before has been taken; or for the end of the connection, if that
   * comes first. Safe twice.
   */
  close(): Promise<void>;
  /** At once, without a word to the server. What is in flight rejects. */
  destroy(error: Error): void;
}

export interface Properties {
  readonly contentType?: string | undefined;
  readonly contentEncoding?: string | undefined;
  readonly headers?: FieldTable | undefined;
  readonly deliveryMode?: 1 | 2 | undefined;
  readonly priority?: number | undefined;
  readonly correlationId?: string | undefined;
  readonly replyTo?: string | undefined;
  readonly expiration?: string | undefined;
  readonly messageId?: string | undefined;
  readonly timestamp?: number | undefined;
  readonly type?: string | undefined;
  readonly userId?: string | undefined;
  readonly appId?: string | undefined;
}

export interface AmqpDelivery {
  /** Of this channel alone. */
  readonly deliveryTag: number;
  readonly consumerTag: string;
  readonly redelivered: boolean;
  readonly exchange: string;
  readonly routingKey: string;
  /** Absent where the header cannot be read: then `fault` says why. Reading it never ends the channel or the connection. */
  readonly properties: Properties | undefined;
  readonly fault: string | undefined;
  /** The content header's payload as it came (after class, weight and size): flags and properties. For what cannot be read. */
  readonly rawProperties: Uint8Array;
  readonly body: Uint8Array;
}

export interface Outbound {
  readonly exchange: string;
  readonly routingKey: string;
  readonly mandatory: boolean;
  readonly properties: Properties;
  /** The properties as `writeProperties` writes them, if that was done already: they go out as they are. */
  readonly encoded?: Uint8Array | undefined;
  readonly body: Uint8Array;
}
/** `returned`: no queue took it (the server sends it back before it confirms); `nacked`: the server could not or would not take it. */
export type Confirm =
  | { readonly kind: "acked" }
  | { readonly kind: "nacked" }
  | { readonly kind: "returned"; readonly code: number; readonly text: string };

export interface QueueOptions {
  readonly passive?: boolean;
  readonly durable?: boolean;
  readonly exclusive?: boolean;
  readonly autoDelete?: boolean;
  readonly arguments?: FieldTable;
}
export interface ExchangeOptions {
  readonly passive?: boolean;
  readonly durable?: boolean;
  readonly autoDelete?: boolean;
  readonly internal?: boolean;
  readonly arguments?: FieldTable;
}
export interface ConsumeChannelOptions {
  /** Default: made by us. */
  readonly tag?: string;
  readonly noAck?: boolean;
  readonly exclusive?: boolean;
  readonly arguments?: FieldTable;
}

/**
 * Methods of one channel go out in the order of their calls, and need not wait for each other: RabbitMQ carries them out in that order,
 * and answers in it but for `consume` and `cancel`. A method that the server refuses ends the channel with a `ChannelError`.
 */
export interface AmqpChannel {
  readonly number: number;
  readonly closed: boolean;
  /** Comes once, also when the connection ends, with the reason, and soon to who asks after it. Not after our own `close`. */
  on(event: "closed", listener: (error: Error) => void): void;
  declareExchange(
    name: string,
    type: "direct" | "topic" | "fanout" | "headers",
    options: ExchangeOptions,
  ): Promise<void>;
  deleteExchange(name: string): Promise<void>;
  bindExchange(destination: string, source: string, routingKey: string): Promise<void>;
  declareQueue(
    name: string,
    options: QueueOptions,
  ): Promise<{ readonly queue: string; readonly messages: number; readonly consumers: number }>;
  bindQueue(queue: string, exchange: string, routingKey: string, args?: FieldTable): Promise<void>;
  unbindQueue(queue: string, exchange: string, routingKey: string): Promise<void>;
  /** Resolves with how many messages are gone. */
  purgeQueue(queue: string): Promise<number>;
  deleteQueue(queue: string): Promise<number>;
  /** `basic.qos`; `global` as RabbitMQ reads it: false = for each consumer that begins after it, true = for the channel. */
  prefetch(count: number, global: boolean): Promise<void>;
  /**
   * Resolves with the tag. What `take` throws ends the connection. `cancelled` is called when the server ends the consumer: its queue was
   * deleted, its node went.
   */
  consume(
    queue: string,
    options: ConsumeChannelOptions,
    take: (delivery: AmqpDelivery) => void,
    cancelled: () => void,
  ): Promise<string>;
  /** Resolves when no delivery of that consumer can come any more. What it delivered stays unacknowledged. */
  cancel(tag: string): Promise<void>;
  /** `basic.get`; `undefined` from an empty queue. */
  get(queue: string, noAck: boolean): Promise<(AmqpDelivery & { readonly messagesLeft: number }) | undefined>;
  /** Written at the end of the turn, all of a turn together, as one `multiple` where they cover the oldest deliveries without a gap. */
  ack(deliveryTag: number, multiple: boolean): void;
  nack(deliveryTag: number, multiple: boolean, requeue: boolean): void;
  /** From then on `publish` resolves with the server's confirm. */
  confirmSelect(): Promise<void>;
  /**
   * Without `confirmSelect` it resolves when it is written. Rejects when the channel or connection ends first: nobody knows then; and with
   * NOT_SERIALIZABLE or MESSAGE_TOO_LARGE, where nothing was written and all goes on. The body must not change before. All of a turn go
   * out together; frames of other channels may stand between the frames of one large body.
   */
  publish(message: Outbound): Promise<Confirm>;
  /** Polite. Unacknowledged deliveries go back to their queues. */
  close(): Promise<void>;
}

/** The connection ended or could not be made. `code` is AMQP's reply code, 0 where there was none. */
export class ConnectionError extends Error {
  override readonly name: string = "ConnectionError";
  readonly code: number;

  constructor(code: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The server ended a channel over one of our methods: 404 not found, 405 locked, 406 precondition failed, 403 refused. */
export class ChannelError extends Error {
  override readonly name: string = "ChannelError";
  readonly code: number;

  constructor(code: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
