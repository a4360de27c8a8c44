/** Events of one group on their way: the bytes of a JSON list, written as they come, so that nothing of them is kept as text. */

/** Room of one batch. What is larger by itself gets a batch of its own. */
const usual = 64 * 1024;
/** UTF-8 needs at most so many bytes for a unit of a text. */
const widest = 3;
const open = "[".charCodeAt(0);
const comma = ",".charCodeAt(0);
const close = "]".charCodeAt(0);

export class EventBatch {
  readonly group: string;
  readonly #bytes: Buffer;
  #length = 0;
  #count = 0;

  /** `first`: characters of the event that it is made for. `room`: of a batch that nobody reads any more. */
  constructor(group: string, first: number, room: Buffer | undefined) {
    this.group = group;
    const needed = first * widest + 2;
    this.#bytes =
      room !== undefined && room.byteLength >= needed ? room : Buffer.allocUnsafeSlow(Math.max(usual, needed));
  }

  /** For another batch, once nobody reads this one any more; `undefined` where it is too large to be kept. */
  get room(): Buffer | undefined {
    return this.#bytes.byteLength === usual ? this.#bytes : undefined;
  }

  get count(): number {
    return this.#count;
  }

  /** False if it has no room for that. `json` is one event. */
  add(json: string): boolean {
    if (this.#length + json.length * widest + 2 > this.#bytes.byteLength) return false;
    this.#bytes[this.#length++] = this.#count++ === 0 ? open : comma;
    this.#length += this.#bytes.write(json, this.#length);
    return true;
  }

  /** The whole list. Nothing can be added afterwards. */
  end(): Uint8Array {
    this.#bytes[this.#length++] = close;
    return this.#bytes.subarray(0, this.#length);
  }
}
