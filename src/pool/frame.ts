/**
 * The frame that both ways of a child's pipe and a thread's port share: `u32 rest`, `u32 head`, the head as JSON text, then the
 * bodies as they are. A head item says how long its body is. Bodies are never parsed, copied to base64 or structured-cloned.
 */

/** What is gathered for one frame: items of the head, and bodies in the order in which the items name them. */
export class FrameDraft {
  #items: unknown[] = [];
  #bodies: (string | Uint8Array)[] = [];
  #lengths: number[] = [];
  #bytes = 0;

  get empty(): boolean {
    return this.#items.length === 0;
  }

  /** Large enough to be sent now, not at the end of the turn. */
  get full(): boolean {
    return this.#bytes >= fullFrame;
  }

  item(item: unknown): void {
    this.#items.push(item);
  }

  /** Takes a body and tells its length, for the item that names it. */
  body(body: string | Uint8Array): number {
    const length = typeof body === "string" ? Buffer.byteLength(body) : body.byteLength;
    this.#bodies.push(body);
    this.#lengths.push(length);
    this.#bytes += length;
    return length;
  }

  /** The frame in pieces; bodies of `apart` bytes and more are pieces of their own, not copied. Empties the draft. */
  take(apart: number): Uint8Array[] {
    const head = JSON.stringify(this.#items);
    const headLength = Buffer.byteLength(head);
    const size = prefix + headLength + this.#copied(apart);
    // A frame in one piece may be transferred to a thread, so its memory must not be shared with other buffers.
    const first = apart === Infinity ? Buffer.allocUnsafeSlow(size) : Buffer.allocUnsafe(size);
    first.writeUInt32LE(4 + headLength + this.#bytes, 0);
    first.writeUInt32LE(headLength, 4);
    first.write(head, prefix, "utf8");
    const pieces = this.#pieces(first, prefix + headLength, apart);
    this.#items = [];
    this.#bodies = [];
    this.#lengths = [];
    this.#bytes = 0;
    return pieces;
  }

  #copied(apart: number): number {
    let bytes = 0;
    for (const length of this.#lengths) if (length < apart) bytes += length;
    return bytes;
  }

  #pieces(buffer: Buffer, start: number, apart: number): Uint8Array[] {
    const pieces: Uint8Array[] = [];
    let from = 0;
    let at = start;
    for (const [index, body] of this.#bodies.entries()) {
      const length = this.#lengths[index] ?? 0;
      if (length >= apart) {
        if (at > from) pieces.push(buffer.subarray(from, at));
        pieces.push(typeof body === "string" ? Buffer.from(body) : body);
        from = at;
      } else {
        if (typeof body === "string") buffer.write(body, at, "utf8");
        else buffer.set(body, at);
        at += length;
      }
    }
    if (at > from) pieces.push(buffer.subarray(from, at));
    return pieces;
  }
}

const prefix = 8;

/** A frame opened: its items, and its bodies to be read in the same order. */
export class OpenFrame {
  readonly items: readonly (readonly unknown[])[];
  readonly #bytes: Buffer;
  #at: number;

  /** `bytes` is a whole frame, its leading length included. */
  constructor(bytes: Buffer) {
    const headLength = bytes.readUInt32LE(4);
    this.#bytes = bytes;
    this.#at = prefix + headLength;
    this.items = JSON.parse(bytes.toString("utf8", prefix, this.#at)) as (readonly unknown[])[];
  }

  /** The next body; a view, not a copy. */
  body(length: number): Buffer {
    const start = this.#at;
    this.#at = start + length;
    if (this.#at > this.#bytes.byteLength) throw new RangeError("a frame ends before its last body");
    return this.#bytes.subarray(start, this.#at);
  }
}

/** Most bytes of one frame, 512 MiB. More means that somebody else wrote to the pipe: four characters of text read as more. */
const maxFrame = 0x2000_0000;
/** A draft of this size is sent before more is put into it. */
const fullFrame = 0x0400_0000;

/** Cuts a stream into frames. A frame that lies whole in one chunk is not copied. */
export class FrameReader {
  readonly #onFrame: (frame: Buffer) => void;
  /** The first bytes of a frame whose length is not known yet. */
  #rest: Buffer | undefined;
  /** A frame of known length that is being filled. */
  #filling: Buffer | undefined;
  #filled = 0;

  constructor(onFrame: (frame: Buffer) => void) {
    this.#onFrame = onFrame;
  }

  push(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#filling) {
      const copied = bytes.copy(this.#filling, this.#filled);
      this.#filled += copied;
      if (this.#filled < this.#filling.byteLength) return;
      const frame = this.#filling;
      this.#filling = undefined;
      this.#onFrame(frame);
      bytes = bytes.subarray(copied);
    } else if (this.#rest) {
      bytes = Buffer.concat([this.#rest, bytes]);
      this.#rest = undefined;
    }
    let at = 0;
    while (bytes.byteLength - at >= prefix) {
      const length = 4 + bytes.readUInt32LE(at);
      if (length < prefix || length > maxFrame) throw new RangeError(`not a frame: it claims ${length} bytes`);
      if (bytes.byteLength - at < length) {
        this.#filling = Buffer.allocUnsafe(length);
        this.#filled = bytes.copy(this.#filling, 0, at);
        return;
      }
      const end = at + length;
      this.#onFrame(bytes.subarray(at, end));
      at = end;
    }
    if (at < bytes.byteLength) this.#rest = bytes.subarray(at);
  }
}
