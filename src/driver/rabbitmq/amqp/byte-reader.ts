/**
 * Reads the fields of one frame. Never past its end: whatever lengths a peer claims, a `SyntaxFault` comes before any memory is taken.
 * One is used for all frames of a connection.
 */

/** The bytes are not what the specification says. What follows from it is the caller's affair. */
export class SyntaxFault extends Error {
  override readonly name = "SyntaxFault";
}

/** Names repeat from message to message: a table of the last seen, by their bytes, saves a call into the runtime for each. */
const nameSlots = 512;
const longestKnown = 64;

interface KnownName {
  readonly bytes: Uint8Array;
  readonly text: string;
}

const nothing = Buffer.alloc(0);

export class ByteReader {
  at = 0;
  end = 0;
  #bytes: Buffer = nothing;
  readonly #names: (KnownName | undefined)[] = Array.from<undefined>({ length: nameSlots });

  use(bytes: Buffer, from: number, end: number): this {
    this.#bytes = bytes;
    this.at = from;
    this.end = end;
    return this;
  }

  /** Lets go of the memory of the last frame. */
  done(): void {
    this.#bytes = nothing;
  }

  u8(): number {
    const from = this.#take(1);
    return this.#bytes[from]!;
  }

  u16(): number {
    const from = this.#take(2);
    return this.#bytes.readUInt16BE(from);
  }

  u32(): number {
    const from = this.#take(4);
    return this.#bytes.readUInt32BE(from);
  }

  i8(): number {
    return (this.u8() << 24) >> 24;
  }

  i16(): number {
    return (this.u16() << 16) >> 16;
  }

  i32(): number {
    return this.u32() | 0;
  }

  /** A `bigint` where a number would not be exact. */
  i64(): number | bigint {
    const from = this.#take(8);
    const value = this.#bytes.readInt32BE(from) * 0x1_0000_0000 + this.#bytes.readUInt32BE(from + 4);
    return Number.isSafeInteger(value) ? value : this.#bytes.readBigInt64BE(from);
  }

  /** Delivery tags and sizes: they would take centuries to leave the exact range. */
  u64(): number {
    const high = this.u32();
    return high * 0x1_0000_0000 + this.u32();
  }

  float(): number {
    const from = this.#take(4);
    return this.#bytes.readFloatBE(from);
  }

  double(): number {
    const from = this.#take(8);
    return this.#bytes.readDoubleBE(from);
  }

  shortString(): string {
    const size = this.u8();
    const from = this.#take(size);
    return this.#bytes.toString("utf8", from, from + size);
  }

  longString(): string {
    const size = this.u32();
    const from = this.#take(size);
    return this.#bytes.toString("utf8", from, from + size);
  }

  /** A view, not a copy. */
  longBytes(): Uint8Array {
    const size = this.u32();
    const from = this.#take(size);
    return this.#bytes.subarray(from, from + size);
  }

  /** A short string of which few different ones are expected. */
  name(): string {
    const size = this.u8();
    const from = this.#take(size);
    const bytes = this.#bytes;
    if (size === 0) return "";
    if (size > longestKnown) return bytes.toString("utf8", from, from + size);
    let hash = size;
    for (let at = from; at < from + size; at++) hash = (Math.imul(hash, 31) + bytes[at]!) | 0;
    const slot = (hash ^ (hash >>> 9)) & (nameSlots - 1);
    const known = this.#names[slot];
    if (known !== undefined && same(known.bytes, bytes, from, size)) return known.text;
    const text = bytes.toString("utf8", from, from + size);
    this.#names[slot] = { bytes: Uint8Array.prototype.slice.call(bytes, from, from + size), text };
    return text;
  }

  #take(size: number): number {
    const from = this.at;
    if (size > this.end - from) throw new SyntaxFault(`${size} bytes should follow, but only ${this.end - from} do`);
    this.at = from + size;
    return from;
  }
}

function same(known: Uint8Array, bytes: Uint8Array, from: number, size: number): boolean {
  if (known.length !== size) return false;
  for (let index = 0; index < size; index++) if (known[index] !== bytes[from + index]) return false;
  return true;
}
