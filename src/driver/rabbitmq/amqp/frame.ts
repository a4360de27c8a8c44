/**
 * Frames: type, channel, size, payload, 0xCE. The reader finds them in a stream of chunks, copies none that lies within one chunk, and
 * refuses what is larger than agreed before it takes memory for it.
 */

import type { ByteWriter } from "./byte-writer.ts";
import { tooLarge } from "./byte-writer.ts";
import { ConnectionError } from "./client.ts";

export const frameType = { method: 1, header: 2, body: 3, heartbeat: 8 } as const;

/** Type, channel and size in front, one byte behind. */
const headSize = 7;
export const frameOverhead: number = headSize + 1;
export const endByte = 0xce;

/** Before anything is agreed. RabbitMQ's greeting has some 500 bytes; the specification allows 4096 and servers send more. */
const firstLimit = 128 * 1024;

export const protocolHeader: Uint8Array = Buffer.from("AMQP\x00\x00\x09\x01", "latin1");

/** Ends with `closeFrame`. Returns the mark that it wants. */
export function openFrame(out: ByteWriter, type: number, channel: number): number {
  const mark = out.mark;
  out.u8(type);
  out.u16(channel);
  out.u32(0);
  return mark;
}

/** Throws MESSAGE_TOO_LARGE, with the frame undone, where it is larger than agreed. */
export function closeFrame(out: ByteWriter, mark: number): void {
  const size = out.mark - mark - headSize;
  if (size + frameOverhead > out.limit) {
    out.undo(mark);
    throw tooLarge(out.limit);
  }
  out.patch32(mark + 3, size);
  out.u8(endByte);
}

export function writeHeartbeat(out: ByteWriter): void {
  closeFrame(out, openFrame(out, frameType.heartbeat, 0));
}

/** As many frames as it takes; none for an empty body. */
export function writeBody(out: ByteWriter, channel: number, body: Uint8Array): void {
  const most = out.limit - frameOverhead;
  for (let from = 0; from < body.length; from += most) {
    const part = from === 0 && body.length <= most ? body : body.subarray(from, from + most);
    out.u8(frameType.body);
    out.u16(channel);
    out.u32(part.length);
    out.body(part);
    out.u8(endByte);
  }
}

/** The payload is `bytes` from `from` to `end`. Those bytes are never written to again. */
export type FrameSink = (type: number, channel: number, bytes: Buffer, from: number, end: number) => void;

export class FrameReader {
  /** Longest frame that is taken, bytes. */
  limit: number = firstLimit;
  readonly #sink: FrameSink;
  /** A frame, or its head, that did not end with its chunk, and how much of it is there. */
  #part: Buffer | undefined;
  #have = 0;
  #first = true;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Throws a `ConnectionError` for what is no frame; nothing can be read after that. */
  feed(chunk: Buffer): void {
    let at = this.#part === undefined ? 0 : this.#collect(chunk, 0);
    while (at < chunk.length) {
      const left = chunk.length - at;
      if (left < headSize) {
        at = this.#hold(chunk, at, headSize);
        continue;
      }
      const size = frameOverhead + this.#payloadSize(chunk, at);
      if (left < size) {
        at = this.#hold(chunk, at, size);
        continue;
      }
      this.#emit(chunk, at, at + size);
      at += size;
    }
  }

  #hold(chunk: Buffer, at: number, size: number): number {
    this.#part = Buffer.allocUnsafeSlow(size);
    this.#have = 0;
    return this.#collect(chunk, at);
  }

  /** Adds to the part; returns where the next frame begins. */
  #collect(chunk: Buffer, from: number): number {
    let at = from;
    while (this.#part !== undefined && at < chunk.length) {
      const part = this.#part;
      const copied = chunk.copy(part, this.#have, at);
      this.#have += copied;
      at += copied;
      if (this.#have < part.length) break;
      if (part.length === headSize) {
        const whole = Buffer.allocUnsafeSlow(frameOverhead + this.#payloadSize(part, 0));
        part.copy(whole);
        this.#part = whole;
      } else {
        this.#part = undefined;
        this.#emit(part, 0, part.length);
      }
    }
    return at;
  }

  #payloadSize(bytes: Buffer, at: number): number {
    const type = bytes[at]!;
    if (this.#first) this.#greeting(bytes, at);
    const size = bytes.readUInt32BE(at + 3);
    if (
      type !== frameType.method &&
      type !== frameType.header &&
      type !== frameType.body &&
      type !== frameType.heartbeat
    )
      throw new ConnectionError(501, `frame error: a frame of the unknown type ${type} came`);
    if (size + frameOverhead > this.limit)
      throw new ConnectionError(
        501,
        `frame error: a frame of ${size + frameOverhead} bytes came, and ${this.limit} were agreed`,
      );
    return size;
  }

  /** A server that speaks another version says which, and hangs up. */
  #greeting(bytes: Buffer, at: number): void {
    this.#first = false;
    const start = bytes.toString("latin1", at, at + headSize);
    if (start.startsWith("AMQP"))
      throw new ConnectionError(0, `it speaks AMQP ${bytes[at + 5]}-${bytes[at + 6]} and not 0-9-1`);
    if (bytes[at] !== frameType.method)
      throw new ConnectionError(
        0,
        `what answers there is no AMQP server (it begins with ${JSON.stringify(start)}); is the port right, and does it want TLS?`,
      );
  }

  #emit(bytes: Buffer, from: number, to: number): void {
    if (bytes[to - 1] !== endByte)
      throw new ConnectionError(501, "frame error: a frame came that doesn't end where it says");
    this.#sink(bytes[from]!, bytes.readUInt16BE(from + 1), bytes, from + headSize, to - 1);
  }
}
