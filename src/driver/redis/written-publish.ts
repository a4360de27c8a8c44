/** PUBLISH of large messages as bytes, in rooms that are used again: a new one each time is a reason for the garbage collector to look through the whole heap. */

import type { Message } from "../../wire/message.ts";
import { base64Length, PackedEnvelope } from "../../wire/packed-envelope.ts";
import type { Link } from "./link.ts";

/** Bytes: a full list of events, and what stands around it. */
const usual = base64Length(64 * 1024) + 2 * 1024;
/** As many as an emitter has under way, 1.4 MB. More at a time are made anew. */
const mostSpare = 16;

export class WrittenPublishes {
  readonly #link: () => Link;
  readonly #spare: Buffer[] = [];

  constructor(link: () => Link) {
    this.#link = link;
  }

  /** Resolves with how many heard it. */
  async publish(channel: string, message: Message, routed: string, tag: string): Promise<unknown> {
    const envelope = new PackedEnvelope(message, routed, tag);
    const head = `*3\r\n$7\r\nPUBLISH\r\n$${Buffer.byteLength(channel)}\r\n${channel}\r\n$${envelope.byteLength}\r\n`;
    const needed = Buffer.byteLength(head) + envelope.byteLength + 2;
    const room =
      needed <= usual ? (this.#spare.pop() ?? Buffer.allocUnsafeSlow(usual)) : Buffer.allocUnsafeSlow(needed);
    const end = envelope.write(room, room.write(head));
    const heard = await this.#link().callWritten("publish", room.subarray(0, end + room.write("\r\n", end)));
    // Answered, so nobody reads it any more; after an error a socket still may.
    if (room.byteLength === usual && this.#spare.length < mostSpare) this.#spare.push(room);
    return heard;
  }
}
