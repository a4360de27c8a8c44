/**
 * A message on its way in: header, then bodies until its size is reached. Headers that can't be read are a fault of that message alone.
 * Memory grows with what came, never with what was announced.
 */

import { SyntaxFault, type ByteReader } from "./byte-reader.ts";
import { ConnectionError, type Properties } from "./client.ts";
import { basicClass } from "./method.ts";
import { readProperties } from "./properties.ts";

export interface Content {
  readonly properties: Properties | undefined;
  readonly fault: string | undefined;
  readonly rawProperties: Uint8Array;
  readonly body: Uint8Array;
}

/** RabbitMQ can be set to take no larger message than this. */
const largestBody = 512 * 1024 * 1024;
const nothing = new Uint8Array(0);

export class ContentReader {
  #take: ((content: Content) => void) | undefined;
  #header: Omit<Content, "body"> | undefined;
  #parts: Buffer[] = [];
  #size = 0;
  #have = 0;

  /** A method that carries content came; `take` gets the content when it is whole. */
  begin(take: (content: Content) => void): void {
    if (this.#take !== undefined) throw unexpected("a method in the middle of a message");
    this.#take = take;
  }

  header(bytes: ByteReader, buffer: Buffer): void {
    if (this.#take === undefined || this.#header !== undefined) throw unexpected("a header without its method");
    const classId = bytes.u16();
    bytes.u16();
    const size = bytes.u64();
    if (classId !== basicClass) throw unexpected(`a header of class ${classId}`);
    if (size > largestBody) throw new ConnectionError(501, `frame error: a message of ${size} bytes was announced`);
    const rawProperties = buffer.subarray(bytes.at, bytes.end);
    let properties: Properties | undefined;
    let fault: string | undefined;
    try {
      properties = readProperties(bytes);
    } catch (error) {
      if (!(error instanceof SyntaxFault)) throw error;
      fault = `its properties can't be read: ${error.message}`;
    }
    this.#header = { properties, fault, rawProperties };
    this.#size = size;
    this.#have = 0;
    if (size === 0) this.#complete(nothing);
  }

  body(buffer: Buffer, from: number, end: number): void {
    if (this.#header === undefined) throw unexpected("a body without its header");
    if (from === end) return;
    this.#have += end - from;
    if (this.#have > this.#size) throw new ConnectionError(501, "frame error: a body is longer than its header says");
    const part = buffer.subarray(from, end);
    if (this.#have < this.#size) {
      this.#parts.push(part);
      return;
    }
    if (this.#parts.length === 0) return this.#complete(part);
    this.#parts.push(part);
    const whole = Buffer.concat(this.#parts, this.#size);
    this.#parts = [];
    this.#complete(whole);
  }

  #complete(body: Uint8Array): void {
    const take = this.#take!;
    const header = this.#header!;
    this.#take = this.#header = undefined;
    const { properties, fault, rawProperties } = header;
    take({ properties, fault, rawProperties, body });
  }
}

function unexpected(what: string): ConnectionError {
  return new ConnectionError(505, `unexpected frame: ${what}`);
}
