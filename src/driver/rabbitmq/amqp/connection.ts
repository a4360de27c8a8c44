/**
 * A connection whose handshake is done: channels by their numbers, and what the server says about the connection itself. It ends once,
 * and all its channels with it.
 */

import type { Millis } from "../../../port/units.ts";
import { Answers } from "./answers.ts";
import { ByteReader } from "./byte-reader.ts";
import { Channel } from "./channel.ts";
import { ChannelError, ConnectionError, type AmqpChannel, type AmqpConnection, type FieldTable } from "./client.ts";
import { frameType } from "./frame.ts";
import { method, readReason, writeClose, writeMethod } from "./method.ts";
import type { Transport } from "./transport.ts";

/** What client and server agreed on. */
export interface Agreement {
  readonly serverProperties: FieldTable;
  readonly heartbeat: Millis;
  readonly channelMax: number;
}

interface Listeners {
  readonly closed: ((error: Error) => void)[];
  readonly blocked: ((reason: string) => void)[];
  readonly unblocked: (() => void)[];
}

export class Connection implements AmqpConnection {
  readonly serverProperties: FieldTable;
  readonly heartbeat: Millis;
  readonly #channelMax: number;
  readonly #transport: Transport;
  readonly #timeout: Millis;
  readonly #bytes = new ByteReader();
  readonly #answers: Answers;
  readonly #channels = new Map<number, Channel>();
  readonly #listeners: Listeners = { closed: [], blocked: [], unblocked: [] };
  /** Numbers below it are in use, but for those that were given back. */
  #nextNumber = 1;
  readonly #freeNumbers: number[] = [];
  #blocked: string | undefined;
  #closing: Promise<void> | undefined;

  /** Takes the transport over. */
  constructor(transport: Transport, agreement: Agreement, timeout: Millis) {
    this.serverProperties = agreement.serverProperties;
    this.heartbeat = agreement.heartbeat;
    this.#channelMax = agreement.channelMax;
    this.#transport = transport;
    this.#timeout = timeout;
    this.#answers = new Answers({ clock: transport.clock, timeout, late: (error) => transport.end(error) });
    transport.handTo({
      frame: (type, channel, buffer, from, end) => this.#frame(type, channel, buffer, from, end),
      ended: (reason) => this.#ended(reason),
    });
  }

  get blocked(): string | undefined {
    return this.#blocked;
  }

  get closed(): boolean {
    return this.#transport.ended !== undefined || this.#closing !== undefined;
  }

  on(event: "closed", listener: (error: Error) => void): void;
  on(event: "blocked", listener: (reason: string) => void): void;
  on(event: "unblocked", listener: () => void): void;
  on(event: keyof Listeners, listener: ((error: Error) => void) | ((reason: string) => void) | (() => void)): void {
    const reason = this.#transport.ended;
    if (reason === undefined) (this.#listeners[event] as (typeof listener)[]).push(listener);
    else if (event === "closed" && this.#closing === undefined)
      queueMicrotask(() => (listener as (error: Error) => void)(reason));
  }

  async openChannel(): Promise<AmqpChannel> {
    if (this.#transport.ended !== undefined) throw this.#transport.ended;
    if (this.#closing !== undefined) throw closedByUser();
    const number = this.#freeNumbers.pop() ?? this.#nextNumber++;
    if (number > this.#channelMax) {
      this.#nextNumber--;
      throw new ChannelError(504, `the server allows ${this.#channelMax} channels on a connection, and all are in use`);
    }
    const channel = new Channel(number, this.#transport, this.#timeout, () => {
      this.#channels.delete(number);
      this.#freeNumbers.push(number);
    });
    this.#channels.set(number, channel);
    await channel.open();
    return channel;
  }

  close(): Promise<void> {
    if (this.#closing !== undefined) return this.#closing;
    if (this.#transport.ended !== undefined) return Promise.resolve();
    // Acks of this turn stand in front of it.
    this.#transport.flush();
    writeClose(this.#transport.out, 0, method.connectionClose, 200, "");
    this.#transport.send();
    const answer = this.#answers.expect(method.connectionClose, () => this.#transport.hangUp(closedByUser()));
    // Whoever wants to know what was taken has confirms; for them it is closed in any case.
    this.#closing = answer.catch(() => undefined);
    return this.#closing;
  }

  destroy(error: Error): void {
    this.#transport.end(error);
  }

  #frame(type: number, number: number, buffer: Buffer, from: number, end: number): void {
    if (type === frameType.heartbeat) return;
    const bytes = this.#bytes.use(buffer, from, end);
    if (number === 0) {
      if (type !== frameType.method) throw new ConnectionError(505, "unexpected frame: content on channel 0");
      this.#method(bytes.u32(), bytes);
    } else {
      const channel = this.#channels.get(number);
      if (channel === undefined)
        throw new ConnectionError(504, `channel error: a frame came for channel ${number}, which is not open`);
      channel.frame(type, bytes, buffer);
    }
  }

  #method(id: number, bytes: ByteReader): void {
    switch (id) {
      case method.connectionClose: {
        const { code, text } = readReason(bytes);
        writeMethod(this.#transport.out, 0, method.connectionCloseOk);
        this.#transport.hangUp(closedByServer(this.#transport.peer, code, text));
        return;
      }
      case method.connectionBlocked: {
        const reason = bytes.shortString();
        this.#blocked = reason;
        for (const listener of this.#listeners.blocked) listener(reason);
        return;
      }
      case method.connectionUnblocked:
        this.#blocked = undefined;
        for (const listener of this.#listeners.unblocked) listener();
        return;
      default:
        this.#answers.take(id, bytes);
    }
  }

  #ended(reason: Error): void {
    this.#bytes.done();
    this.#blocked = undefined;
    this.#answers.rejectAll(reason);
    for (const channel of this.#channels.values()) channel.end(reason);
    this.#channels.clear();
    if (this.#closing === undefined) for (const listener of this.#listeners.closed) listener(reason);
  }
}

export function closedByServer(peer: string, code: number, text: string): ConnectionError {
  return new ConnectionError(code, `${peer} closed the connection: ${code} ${text}`);
}

function closedByUser(): ConnectionError {
  return new ConnectionError(200, "this connection was closed by its user");
}
