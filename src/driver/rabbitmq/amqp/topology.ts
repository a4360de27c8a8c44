/** What a channel can say about exchanges, queues and bindings. Each method ends the channel where the server refuses it. */

import type { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import type { ExchangeOptions, FieldTable, QueueOptions } from "./client.ts";
import { writeTable } from "./field-table.ts";
import { method } from "./method.ts";

const none: FieldTable = Object.freeze({});

export abstract class Topology {
  declareExchange(
    name: string,
    type: "direct" | "topic" | "fanout" | "headers",
    options: ExchangeOptions,
  ): Promise<void> {
    const write = (out: ByteWriter): void => {
      reserved(out);
      out.shortString(name, "exchange");
      out.shortString(type, "type of exchange");
      out.u8(bits(options.passive, options.durable, options.autoDelete, options.internal));
      writeTable(out, options.arguments ?? none);
    };
    return this.call(method.exchangeDeclare, write, nothing);
  }

  deleteExchange(name: string): Promise<void> {
    const write = (out: ByteWriter): void => {
      reserved(out);
      out.shortString(name, "exchange");
      out.u8(0);
    };
    return this.call(method.exchangeDelete, write, nothing);
  }

  bindExchange(destination: string, source: string, routingKey: string): Promise<void> {
    const write = (out: ByteWriter): void => {
      reserved(out);
      out.shortString(destination, "exchange");
      out.shortString(source, "exchange");
      out.shortString(routingKey, "routing key");
      out.u8(0);
      writeTable(out, none);
    };
    return this.call(method.exchangeBind, write, nothing);
  }

  declareQueue(
    name: string,
    options: QueueOptions,
  ): Promise<{ readonly queue: string; readonly messages: number; readonly consumers: number }> {
    const write = (out: ByteWriter): void => {
      reserved(out);
      out.shortString(name, "queue");
      out.u8(bits(options.passive, options.durable, options.exclusive, options.autoDelete));
      writeTable(out, options.arguments ?? none);
    };
    return this.call(method.queueDeclare, write, (bytes) => ({
      queue: bytes.shortString(),
      messages: bytes.u32(),
      consumers: bytes.u32(),
    }));
  }

  bindQueue(queue: string, exchange: string, routingKey: string, args: FieldTable = none): Promise<void> {
    const write = (out: ByteWriter): void => {
      reserved(out);
      out.shortString(queue, "queue");
      out.shortString(exchange, "exchange");
      out.shortString(routingKey, "routing key");
      out.u8(0);
      writeTable(out, args);
    };
    return this.call(method.queueBind, write, nothing);
  }

  unbindQueue(queue: string, exchange: string, routingKey: string): Promise<void> {
    const write = (out: ByteWriter): void => {
      reserved(out);
      out.shortString(queue, "queue");
      out.shortString(exchange, "exchange");
      out.shortString(routingKey, "routing key");
      writeTable(out, none);
    };
    return this.call(method.queueUnbind, write, nothing);
  }

  purgeQueue(queue: string): Promise<number> {
    return this.call(
      method.queuePurge,
      (out) => nameQueue(out, queue),
      (bytes) => bytes.u32(),
    );
  }

  deleteQueue(queue: string): Promise<number> {
    return this.call(
      method.queueDelete,
      (out) => nameQueue(out, queue),
      (bytes) => bytes.u32(),
    );
  }

  /** Sends a method whose answer has the next number, as all of AMQP's have, and resolves with what `read` makes of it. */
  protected abstract call<T>(id: number, write: (out: ByteWriter) => void, read: (bytes: ByteReader) => T): Promise<T>;
}

/** What the specification once meant for an access ticket. */
export function reserved(out: ByteWriter): void {
  out.u16(0);
}

function nameQueue(out: ByteWriter, queue: string): void {
  reserved(out);
  out.shortString(queue, "queue");
  out.u8(0);
}

/** Packed as the specification has it: the first is the lowest. */
export function bits(...flags: readonly (boolean | undefined)[]): number {
  return flags.reduce<number>((byte, flag, index) => (flag === true ? byte | (1 << index) : byte), 0);
}

/** Of an answer without arguments. */
export function nothing(): void {}
