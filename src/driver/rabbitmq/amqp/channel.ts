/**
 * A channel: methods go out in the order of their calls and are answered in it; deliveries and confirms come in between. It ends once, by
 * `close`, by the server over one of its methods, or with its connection.
 *
 *   open → closing → closed
 */

import type { Millis } from "../../../port/units.ts";
import { Answers, type Read } from "./answers.ts";
import type { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import {
  ChannelError,
  ConnectionError,
  type AmqpChannel,
  type AmqpDelivery,
  type Confirm,
  type ConsumeChannelOptions,
  type Outbound,
} from "./client.ts";
import { Confirms } from "./confirms.ts";
import { ContentReader } from "./content.ts";
import { writeTable } from "./field-table.ts";
import { frameType } from "./frame.ts";
import { method, readReason, readEnvelope, writeClose, writeMethod, writePublish } from "./method.ts";
import { Settlements } from "./settlements.ts";
import { bits, nothing, reserved, Topology } from "./topology.ts";
import type { Transport } from "./transport.ts";

interface ConsumerOfChannel {
  readonly noAck: boolean;
  readonly take: (delivery: AmqpDelivery) => void;
  readonly cancelled: () => void;
}

type Got = AmqpDelivery & { readonly messagesLeft: number };

const written: Confirm = Object.freeze({ kind: "acked" });

export class Channel extends Topology implements AmqpChannel {
  readonly number: number;
  readonly #transport: Transport;
  /** Gives the number back. */
  readonly #release: () => void;
  readonly #answers: Answers;
  readonly #settlements: Settlements;
  readonly #confirms = new Confirms();
  readonly #content = new ContentReader();
  readonly #consumers = new Map<string, ConsumerOfChannel>();
  #listeners: ((error: Error) => void)[] = [];
  #ended: Error | undefined;
  #closing: Promise<void> | undefined;
  #tags = 0;
  #confirming = false;
  /** A `basic.get` whose message is on its way. */
  #getting: ((error: Error) => void) | undefined;

  constructor(number: number, transport: Transport, timeout: Millis, release: () => void) {
    super();
    this.number = number;
    this.#transport = transport;
    this.#release = release;
    this.#settlements = new Settlements(transport.out, number);
    this.#answers = new Answers({ clock: transport.clock, timeout, late: (error) => transport.end(error) });
  }

  get closed(): boolean {
    return this.#ended !== undefined || this.#closing !== undefined;
  }

  on(_event: "closed", listener: (error: Error) => void): void {
    const reason = this.#ended;
    if (reason === undefined) this.#listeners.push(listener);
    else if (this.#closing === undefined) queueMicrotask(() => listener(reason));
  }

  open(): Promise<void> {
    return this.call(method.channelOpen, (out) => out.shortString("", "reserved"), nothing);
  }

  prefetch(count: number, global: boolean): Promise<void> {
    const write = (out: ByteWriter): void => {
      out.u32(0);
      out.u16(count);
      out.u8(bits(global));
    };
    return this.call(method.basicQos, write, nothing);
  }

  consume(
    queue: string,
    options: ConsumeChannelOptions,
    take: (delivery: AmqpDelivery) => void,
    cancelled: () => void,
  ): Promise<string> {
    const tag = options.tag ?? `celeriac-${this.number}-${++this.#tags}`;
    const write = (out: ByteWriter): void => {
      reserved(out);
      out.shortString(queue, "queue");
      out.shortString(tag, "consumer tag");
      out.u8(bits(false, options.noAck, options.exclusive));
      writeTable(out, options.arguments ?? {});
    };
    // With the answer and not after it: deliveries follow in the same packet.
    const begin = (): string => {
      this.#consumers.set(tag, { noAck: options.noAck === true, take, cancelled });
      return tag;
    };
    return this.call(method.basicConsume, write, begin, tag);
  }

  cancel(tag: string): Promise<void> {
    const write = (out: ByteWriter): void => {
      out.shortString(tag, "consumer tag");
      out.u8(0);
    };
    return this.call(method.basicCancel, write, () => void this.#consumers.delete(tag), tag);
  }

  get(queue: string, noAck: boolean): Promise<Got | undefined> {
    const write = (out: ByteWriter): void => {
      reserved(out);
      out.shortString(queue, "queue");
      out.u8(bits(noAck));
    };
    return this.call(method.basicGet, write, (bytes, id) =>
      id === method.basicGetOk ? this.#got(bytes, noAck) : undefined,
    );
  }

  ack(deliveryTag: number, multiple: boolean): void {
    if (this.closed) return;
    if (multiple) this.#settlements.ackAll(deliveryTag);
    else this.#settlements.ack(deliveryTag);
    this.#transport.send(this.#settlements);
  }

  nack(deliveryTag: number, multiple: boolean, requeue: boolean): void {
    if (this.closed) return;
    this.#settlements.nack(deliveryTag, multiple, requeue);
    this.#transport.send();
  }

  confirmSelect(): Promise<void> {
    // From the call on and not from its answer: the server counts what follows the method.
    this.#confirming = true;
    return this.call(method.confirmSelect, (out) => out.u8(0), nothing);
  }

  publish(message: Outbound): Promise<Confirm> {
    if (this.closed) return Promise.reject(this.#reason());
    try {
      this.#settlements.write();
      writePublish(this.#transport.out, this.number, message);
    } catch (error) {
      return Promise.reject(error as Error);
    }
    if (this.#confirming) {
      this.#transport.send();
      return this.#confirms.add(message);
    }
    return new Promise((resolve, reject) =>
      this.#transport.onWritten((error) => (error === undefined ? resolve(written) : reject(error))),
    );
  }

  close(): Promise<void> {
    if (this.#closing !== undefined) return this.#closing;
    if (this.#ended !== undefined) return Promise.resolve();
    this.#consumers.clear();
    this.#settlements.write();
    writeClose(this.#transport.out, this.number, method.channelClose, 200, "");
    this.#transport.send();
    const answer = this.#answers.expect(method.channelClose, () => this.end(this.#reason()));
    // It is as closed as it can be when the connection ends meanwhile.
    this.#closing = answer.catch(() => undefined);
    return this.#closing;
  }

  /** A frame of this channel. What it throws ends the connection. */
  frame(type: number, bytes: ByteReader, buffer: Buffer): void {
    if (type === frameType.method) this.#method(bytes.u32(), bytes);
    else if (type === frameType.header) this.#content.header(bytes, buffer);
    else this.#content.body(buffer, bytes.at, bytes.end);
  }

  /** With the reason: the server closed the channel, or the connection ended. */
  end(error: Error): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#consumers.clear();
    this.#settlements.drop();
    if (!(error instanceof ConnectionError)) this.#release();
    this.#answers.rejectAll(error);
    this.#confirms.rejectAll(error);
    this.#getting?.(error);
    const listeners = this.#listeners;
    this.#listeners = [];
    if (this.#closing === undefined) for (const listener of listeners) listener(error);
  }

  protected call<T>(id: number, write: (out: ByteWriter) => void, read: Read<T>, tag?: string): Promise<T> {
    if (this.closed) return Promise.reject(this.#reason());
    try {
      this.#settlements.write();
      writeMethod(this.#transport.out, this.number, id, write);
    } catch (error) {
      return Promise.reject(error as Error);
    }
    this.#transport.send();
    return this.#answers.expect(id, read, tag);
  }

  #method(id: number, bytes: ByteReader): void {
    switch (id) {
      case method.basicDeliver:
        return this.#deliver(bytes);
      case method.basicAck:
      case method.basicNack: {
        const number = bytes.u64();
        return this.#confirms.settle(number, (bytes.u8() & 1) !== 0, id === method.basicAck);
      }
      case method.basicReturn:
        return this.#confirms.returned(bytes, this.#content);
      case method.basicCancel:
        return this.#cancelled(bytes);
      case method.channelClose: {
        const { code, text } = readReason(bytes);
        writeMethod(this.#transport.out, this.number, method.channelCloseOk);
        this.#transport.send();
        const error = new ChannelError(code, `the server closed the channel: ${code} ${text}`);
        // Our own close is still answered, though nothing before it is, and only then is the number free.
        if (this.#closing === undefined) this.end(error);
        else this.#answers.rejectBefore(method.channelClose, error);
        return;
      }
      case method.channelFlow: {
        const active = bytes.u8();
        writeMethod(this.#transport.out, this.number, method.channelFlowOk, (out) => out.u8(active));
        return this.#transport.send();
      }
      default:
        return this.#answers.take(id, bytes);
    }
  }

  #deliver(bytes: ByteReader): void {
    const consumerTag = bytes.name();
    const { deliveryTag, redelivered, exchange, routingKey } = readEnvelope(bytes);
    const consumer = this.#consumers.get(consumerTag);
    if (consumer?.noAck !== true) this.#settlements.delivered(deliveryTag);
    this.#content.begin(({ properties, fault, rawProperties, body }) => {
      const delivery = { deliveryTag, consumerTag, redelivered, exchange, routingKey };
      // Looked up again: it may have been cancelled between the frames.
      this.#consumers.get(consumerTag)?.take({ ...delivery, properties, fault, rawProperties, body });
    });
  }

  #got(bytes: ByteReader, noAck: boolean): Promise<Got> {
    const envelope = readEnvelope(bytes);
    if (!noAck) this.#settlements.delivered(envelope.deliveryTag);
    const messagesLeft = bytes.u32();
    return new Promise((resolve, reject) => {
      this.#getting = reject;
      this.#content.begin((content) => {
        this.#getting = undefined;
        resolve({ consumerTag: "", ...envelope, ...content, messagesLeft });
      });
    });
  }

  #cancelled(bytes: ByteReader): void {
    const tag = bytes.shortString();
    const noWait = (bytes.u8() & 1) !== 0;
    if (!noWait) {
      writeMethod(this.#transport.out, this.number, method.basicCancelOk, (out) =>
        out.shortString(tag, "consumer tag"),
      );
      this.#transport.send();
    }
    const consumer = this.#consumers.get(tag);
    this.#consumers.delete(tag);
    consumer?.cancelled();
  }

  #reason(): Error {
    return this.#ended ?? new ChannelError(0, "this channel was closed by its user");
  }
}
