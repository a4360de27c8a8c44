/**
 * From the first byte to `connection.open-ok`:
 *
 *   protocol header → start → start-ok (login) → tune → tune-ok, open → open-ok
 *
 * Ends with a `Connection`, made in the turn of the last answer, so that nothing that follows it is lost; or with a `ConnectionError`.
 */

import { readFileSync } from "node:fs";
import type { Millis } from "../../../port/units.ts";
import { ByteReader } from "./byte-reader.ts";
import { ConnectionError, type ConnectOptions, type FieldTable } from "./client.ts";
import { closedByServer, Connection, type Agreement } from "./connection.ts";
import { readTable, writeTable } from "./field-table.ts";
import { frameType, protocolHeader } from "./frame.ts";
import { method, methodName, readReason, writeMethod } from "./method.ts";
import type { Transport } from "./transport.ts";

/** What RabbitMQ itself offers: larger frames gain nothing, and it reads each whole. */
const frameMax = 128 * 1024;
const channelMax = 2047;

/** Each is a way in which the server may then speak to us. */
const capabilities: FieldTable = {
  publisher_confirms: true,
  consumer_cancel_notify: true,
  exchange_exchange_bindings: true,
  "basic.nack": true,
  "connection.blocked": true,
  authentication_failure_close: true,
};

export interface HandshakeEnd {
  readonly done: (connection: Connection) => void;
  readonly failed: (error: Error) => void;
}

export class Handshake {
  readonly #options: ConnectOptions;
  readonly #transport: Transport;
  readonly #end: HandshakeEnd;
  readonly #bytes = new ByteReader();
  #serverProperties: FieldTable = {};
  #agreement: Agreement | undefined;
  /** The method that must come next. */
  #awaited: number = method.connectionStart;

  constructor(transport: Transport, options: ConnectOptions, end: HandshakeEnd) {
    this.#transport = transport;
    this.#options = options;
    this.#end = end;
  }

  /** Takes the transport over, which has just been connected. */
  begin(): void {
    this.#transport.handTo({
      frame: (type, _channel, buffer, from, to) => this.#frame(type, this.#bytes.use(buffer, from, to)),
      ended: (reason) => this.#end.failed(this.#explain(reason)),
    });
    this.#transport.out.bytes(protocolHeader);
    this.#transport.flush();
  }

  #frame(type: number, bytes: ByteReader): void {
    if (type === frameType.heartbeat) return;
    if (type !== frameType.method) throw new ConnectionError(505, "unexpected frame: content during the handshake");
    const id = bytes.u32();
    if (id === method.connectionClose) {
      const { code, text } = readReason(bytes);
      writeMethod(this.#transport.out, 0, method.connectionCloseOk);
      return this.#transport.hangUp(closedByServer(this.#transport.peer, code, text));
    }
    if (id !== this.#awaited)
      throw new ConnectionError(503, `command invalid: ${methodName(id)} came instead of ${methodName(this.#awaited)}`);
    if (id === method.connectionStart) this.#login(bytes);
    else if (id === method.connectionTune) this.#open(bytes);
    else this.#end.done(new Connection(this.#transport, this.#agreement!, this.#options.timeout));
  }

  #login(bytes: ByteReader): void {
    const version = `${bytes.u8()}-${bytes.u8()}`;
    if (version !== "0-9") throw new ConnectionError(0, `it speaks AMQP ${version} and not 0-9-1`);
    this.#serverProperties = readTable(bytes);
    const mechanisms = bytes.longString();
    if (!mechanisms.split(" ").includes("PLAIN"))
      throw new ConnectionError(
        0,
        `it offers no login of the kind PLAIN, only ${mechanisms}; allow it in the server's auth_mechanisms`,
      );
    const { username, password, name } = this.#options;
    writeMethod(this.#transport.out, 0, method.connectionStartOk, (out) => {
      writeTable(out, {
        product: "celeriac",
        version: packageVersion(),
        platform: `Node ${process.versions.node}`,
        connection_name: name,
        capabilities,
      });
      out.shortString("PLAIN", "mechanism");
      out.longString(`\0${username}\0${password}`);
      out.shortString("en_US", "locale");
    });
    this.#transport.flush();
    this.#awaited = method.connectionTune;
  }

  #open(bytes: ByteReader): void {
    const channels = lesser(bytes.u16(), channelMax);
    const frame = lesser(bytes.u32(), frameMax);
    const seconds = this.#heartbeat(bytes.u16());
    this.#agreement = { serverProperties: this.#serverProperties, heartbeat: seconds * 1000, channelMax: channels };
    const { out } = this.#transport;
    writeMethod(out, 0, method.connectionTuneOk, (out) => {
      out.u16(channels);
      out.u32(frame);
      out.u16(seconds);
    });
    writeMethod(out, 0, method.connectionOpen, (out) => {
      out.shortString(this.#options.vhost, "vhost");
      out.shortString("", "reserved");
      out.u8(0);
    });
    this.#transport.agree(frame, seconds * 1000);
    this.#transport.flush();
    this.#awaited = method.connectionOpenOk;
  }

  /** In seconds. None where we want none; else the lesser wish, and a server without one follows ours. */
  #heartbeat(theirs: number): number {
    const wish: Millis = this.#options.heartbeat;
    return wish === 0 ? 0 : lesser(theirs, Math.min(Math.ceil(wish / 1000), 0xffff));
  }

  #explain(reason: Error): Error {
    if (!(reason instanceof ConnectionError) || reason.code !== 0) return reason;
    const { message } = reason;
    if (this.#awaited !== method.connectionTune) return reason;
    return new ConnectionError(0, `${message}, after it was given user and password; they may be wrong`, {
      cause: reason,
    });
  }
}

/** 0 of theirs means without limit. */
function lesser(theirs: number, ours: number): number {
  return theirs === 0 ? ours : Math.min(theirs, ours);
}

function packageVersion(): string {
  const text = readFileSync(new URL("../../../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { readonly version: string }).version;
}
