/** PUBLISH of large messages as bytes. */

import type { Message } from "../../wire/message.ts";
import { base64Length, PackedEnvelope } from "../../wire/packed-envelope.ts";
import type { Link } from "./link.ts";
import { Rooms } from "./rooms.ts";

/** Bytes: a full list of events, and what stands around it. */
const usual = base64Length(64 * 1024) + 2 * 1024;
/** As many as an emitter has under way, 1.4 MB. */
const mostSpare = 16;

export class WrittenPublishes {
  readonly #link: () => Link;
  readonly #rooms = new Rooms(usual, mostSpare);

  constructor(link: () => Link) {
    this.#link = link;
  }

  /** Resolves with how many heard it. */
  async publish(channel: string, message: Message, routed: string, tag: string): Promise<unknown> {
    const envelope = new PackedEnvelope(message, routed, tag);
    const head = `*3\r\n$7\r\nPUBLISH\r\n$${Buffer.byteLength(channel)}\r\n${channel}\r\n$${envelope.byteLength}\r\n`;
    const room = this.#rooms.take(Buffer.byteLength(head) + envelope.byteLength + 2);
    const end = envelope.write(room, room.write(head));
    const heard = await this.#link().callWritten("publish", room.subarray(0, end + room.write("\r\n", end)));
    this.#rooms.give(room);
    return heard;
  }
}
