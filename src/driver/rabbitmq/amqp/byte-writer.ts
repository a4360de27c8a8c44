/**
 * Bytes on their way out, written straight into one block that is handed to the socket as it is: no copy, no object per frame.
 * What was handed over is never written to again; large bodies go along uncopied, so they must not change until they are sent.
 */

import { CeleriacError } from "../../../error/celeriac-error.ts";

/** A block holds the frames of some dozens of messages; the rest of a block that has less than `leastRest` left is given up. */
const blockSize = 64 * 1024;
const leastRest = 4 * 1024;
/** From here on, copying costs more than one more piece in the socket's write. */
const largeBody = 8 * 1024;
/** Below this many characters a loop is quicker than the call into the runtime. */
const shortText = 24;

export class ByteWriter {
  /** Longest frame that may be written, bytes. */
  limit = 4096;
  #block = Buffer.allocUnsafeSlow(blockSize);
  /** Where what has not been taken begins, and where the next byte goes. */
  #start = 0;
  #at = 0;
  #pieces: Uint8Array[] = [];

  get isEmpty(): boolean {
    return this.#at === this.#start && this.#pieces.length === 0;
  }

  /** For `patch32`, `since` and `undo`; good until the next `take` or `body`. */
  get mark(): number {
    return this.#at - this.#start;
  }

  /** What was written since the last `take`, for keeping; it stays to be taken. */
  copy(): Uint8Array {
    return Buffer.from(this.#block.subarray(this.#start, this.#at));
  }

  /** Forgets what was written after `mark`. */
  undo(mark: number): void {
    this.#at = this.#start + mark;
  }

  u8(value: number): void {
    this.#room(1);
    this.#block[this.#at++] = value;
  }

  u16(value: number): void {
    this.#room(2);
    this.#at = this.#block.writeUInt16BE(value, this.#at);
  }

  /** Signed or not: only the low 32 bits count. */
  u32(value: number): void {
    this.#room(4);
    this.#at = this.#block.writeInt32BE(value | 0, this.#at);
  }

  /** A safe integer, in two's complement. */
  i64(value: number): void {
    const high = Math.floor(value / 0x1_0000_0000);
    this.u32(high);
    this.u32(value - high * 0x1_0000_0000);
  }

  bigInt64(value: bigint): void {
    this.#room(8);
    this.#at = this.#block.writeBigInt64BE(value, this.#at);
  }

  double(value: number): void {
    this.#room(8);
    this.#at = this.#block.writeDoubleBE(value, this.#at);
  }

  /** At most 255 bytes of UTF-8; `what` names it in the error. */
  shortString(text: string, what: string): void {
    if (text.length > 255) throw tooLong(what, text);
    this.#room(1 + text.length * 3);
    const lengthAt = this.#at++;
    const size = this.#text(text);
    if (size > 255) throw tooLong(what, text);
    this.#block[lengthAt] = size;
  }

  longString(text: string): void {
    if (text.length > this.limit) throw tooLarge(this.limit);
    this.#room(4 + text.length * 3);
    const lengthAt = this.#at;
    this.#at += 4;
    this.#block.writeUInt32BE(this.#text(text), lengthAt);
  }

  longBytes(bytes: Uint8Array): void {
    if (bytes.length > this.limit) throw tooLarge(this.limit);
    this.u32(bytes.length);
    this.bytes(bytes);
  }

  bytes(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#block.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** Bytes of a message's body: from a size on they are sent from where they are. Invalidates marks. */
  body(bytes: Uint8Array): void {
    if (bytes.length < largeBody) return this.bytes(bytes);
    this.#cut();
    this.#pieces.push(bytes);
  }

  patch16(mark: number, value: number): void {
    this.#block.writeUInt16BE(value, this.#start + mark);
  }

  patch32(mark: number, value: number): void {
    this.#block.writeUInt32BE(value, this.#start + mark);
  }

  /** All that was written since the last call, in order; it belongs to the caller. */
  take(): readonly Uint8Array[] {
    this.#cut();
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces;
  }

  #cut(): void {
    if (this.#at > this.#start) this.#pieces.push(this.#block.subarray(this.#start, this.#at));
    this.#start = this.#at;
    if (this.#block.length - this.#at < leastRest) {
      this.#block = Buffer.allocUnsafeSlow(blockSize);
      this.#start = this.#at = 0;
    }
  }

  #room(size: number): void {
    if (this.#at + size <= this.#block.length) return;
    const used = this.#at - this.#start;
    const block = Buffer.allocUnsafeSlow(Math.max(blockSize, 2 * (used + size)));
    this.#block.copy(block, 0, this.#start, this.#at);
    this.#block = block;
    this.#start = 0;
    this.#at = used;
  }

  /** Room for the longest case must be there. Returns the bytes that it took. */
  #text(text: string): number {
    const block = this.#block;
    const from = this.#at;
    if (text.length <= shortText) {
      let at = from;
      for (let index = 0; ; index++) {
        if (index === text.length) {
          this.#at = at;
          return at - from;
        }
        const code = text.charCodeAt(index);
        if (code > 0x7f) break;
        block[at++] = code;
      }
    }
    const size = block.write(text, from);
    this.#at = from + size;
    return size;
  }
}

function tooLong(what: string, text: string): CeleriacError {
  return new CeleriacError(
    "NOT_SERIALIZABLE",
    `the ${what} "${text.slice(0, 40)}…" has more than 255 bytes, which is the most that AMQP can carry there; make it shorter.`,
  );
}

/** Properties and headers travel in one frame; only bodies are split. */
export function tooLarge(limit: number): CeleriacError {
  return new CeleriacError(
    "MESSAGE_TOO_LARGE",
    `the properties and headers of a message must fit into one frame of ${limit} bytes, and these don't; move what is large into the body, or raise frame_max of the server.`,
    { details: { limit } },
  );
}
