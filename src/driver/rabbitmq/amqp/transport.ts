/**
 * One socket: what is written in one turn of the event loop goes out in one write; what comes in goes to the sink, frame by frame; silence
 * in either direction is noticed. It ends once, with a reason, and is never opened again.
 */

import type { Socket } from "node:net";
import type { Clock } from "../../../clock/clock.ts";
import type { Millis } from "../../../port/units.ts";
import { SyntaxFault } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import { ConnectionError } from "./client.ts";
import { FrameReader, writeHeartbeat, type FrameSink } from "./frame.ts";
import { method, writeClose } from "./method.ts";

export interface TransportHandler {
  /** What it throws ends the transport. */
  readonly frame: FrameSink;
  /** Once, last. */
  readonly ended: (reason: Error) => void;
}

interface Gathered {
  write(): void;
}

/** A heartbeat is due after half an interval, and the link is given up after two: looked at in quarters. */
const beatsPerInterval = 4;
const quietBeats = 2;
const silentBeats = 8;
/**
 * By so much more than was agreed RabbitMQ sends: it notes in the headers of a message where it has been, and does not look whether
 * they still fit. Who refused that would lose the connection over the same message again and again.
 */
const notes = 64 * 1024;
/** How long a farewell may take to leave, ms. */
const lastWords = 1000;

export class Transport {
  readonly out: ByteWriter = new ByteWriter();
  /** `host:port`. */
  readonly peer: string;
  readonly clock: Clock;
  readonly #socket: Socket;
  readonly #reader: FrameReader;
  #handler: TransportHandler;
  #ended: Error | undefined;
  #scheduled = false;
  readonly #gathered = new Set<Gathered>();
  #waiting: ((error: Error | undefined) => void)[] = [];
  #heartbeat: Disposable | undefined;
  /** Beats of the heart since something was written, and since something came. */
  #quiet = 0;
  #silent = 0;

  constructor(socket: Socket, peer: string, clock: Clock, handler: TransportHandler) {
    this.peer = peer;
    this.clock = clock;
    this.#socket = socket;
    this.#handler = handler;
    this.#reader = new FrameReader((type, channel, bytes, from, end) => {
      if (this.#ended === undefined) this.#handler.frame(type, channel, bytes, from, end);
    });
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("error", (error) =>
      this.end(new ConnectionError(0, `the connection to ${peer} failed: ${error.message}`, { cause: error })),
    );
    socket.on("close", () => this.end(new ConnectionError(0, `${peer} ended the connection without a word`)));
  }

  get ended(): Error | undefined {
    return this.#ended;
  }

  /** From now on everything goes there. */
  handTo(handler: TransportHandler): void {
    this.#handler = handler;
  }

  agree(frameMax: number, heartbeat: Millis): void {
    this.out.limit = frameMax;
    this.#reader.limit = frameMax + notes;
    if (heartbeat > 0) this.#heartbeat = this.clock.every(heartbeat / beatsPerInterval, () => this.#beat(heartbeat));
  }

  /** What stands in `out` goes out at the end of this turn, and before it what `gathered` has to write then. */
  send(gathered?: Gathered): void {
    if (gathered !== undefined) this.#gathered.add(gathered);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.flush());
  }

  /** Calls back when all that stands in `out` now has been given to the system, or with why it has not. */
  onWritten(call: (error: Error | undefined) => void): void {
    this.#waiting.push(call);
    this.send();
  }

  flush(): void {
    this.#scheduled = false;
    for (const gathered of this.#gathered) gathered.write();
    this.#gathered.clear();
    const pieces = this.out.take();
    const waiting = this.#waiting;
    if (waiting.length > 0) this.#waiting = [];
    if (this.#ended !== undefined) {
      for (const call of waiting) call(this.#ended);
      return;
    }
    this.#quiet = 0;
    const socket = this.#socket;
    if (pieces.length > 1) socket.cork();
    for (const piece of pieces) socket.write(piece);
    if (waiting.length > 0)
      socket.write("", (error) => {
        const reason = error ? (this.#ended ?? error) : undefined;
        for (const call of waiting) call(reason);
      });
    if (pieces.length > 1) socket.uncork();
  }

  /** Tells the server why, if it did something wrong, and ends. */
  fail(reason: ConnectionError): void {
    if (this.#ended !== undefined) return;
    if (reason.code >= 500) writeClose(this.out, 0, method.connectionClose, reason.code, reason.message);
    this.hangUp(reason);
  }

  /** Sends what is written, and ends. */
  hangUp(reason: Error): void {
    if (this.#ended !== undefined) return;
    this.flush();
    const last = this.clock.after(lastWords, () => this.#socket.destroy());
    this.#socket.once("close", () => last[Symbol.dispose]());
    this.#socket.destroySoon();
    this.end(reason, false);
  }

  /** Ends at once. */
  end(reason: Error, destroy = true): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    this.#heartbeat?.[Symbol.dispose]();
    if (destroy) this.#socket.destroy();
    for (const call of this.#waiting.splice(0)) call(reason);
    this.#handler.ended(reason);
  }

  #read(chunk: Buffer): void {
    if (this.#ended !== undefined) return;
    this.#silent = 0;
    try {
      this.#reader.feed(chunk);
    } catch (error) {
      this.fail(this.#asConnectionError(error));
    }
  }

  #asConnectionError(error: unknown): ConnectionError {
    const text = error instanceof Error ? error.message : String(error);
    if (error instanceof ConnectionError)
      return new ConnectionError(error.code, `${this.peer}: ${text}`, { cause: error });
    if (error instanceof SyntaxFault)
      return new ConnectionError(502, `${this.peer}: syntax error in a method: ${text}`, { cause: error });
    return new ConnectionError(541, `what took a frame of ${this.peer} threw: ${text}`, { cause: error });
  }

  /**
   * Counts beats and not time: after this process stood still, one beat comes and then what the socket has, so a link is never dropped
   * for our own pause.
   */
  #beat(interval: Millis): void {
    this.#silent++;
    if (this.#silent > silentBeats)
      return this.end(new ConnectionError(0, `${this.peer} was silent for more than two heartbeats of ${interval} ms`));
    this.#quiet++;
    if (this.#quiet < quietBeats) return;
    writeHeartbeat(this.out);
    this.flush();
  }
}
