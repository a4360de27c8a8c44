/** What is fuzzed: something that reads what others wrote, inputs that are sound, and the only errors that it may end in. */

import { ByteReader } from "../../src/driver/rabbitmq/amqp/byte-reader.ts";
import { ByteWriter } from "../../src/driver/rabbitmq/amqp/byte-writer.ts";
import { CeleriacError } from "../../src/error/celeriac-error.ts";

export interface Target {
  readonly name: string;
  /** Sound inputs, from which others are made. */
  readonly samples: readonly Uint8Array[];
  /** Throws what is a find. */
  readonly feed: (bytes: Uint8Array) => void;
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();

export const textOf = (bytes: Uint8Array): string => decoder.decode(bytes);
export const bytesOf = (text: string): Uint8Array => encoder.encode(text);

/** What a writer of AMQP has written. */
export function writtenBy(write: (out: ByteWriter) => void): Buffer {
  const out = new ByteWriter();
  write(out);
  return Buffer.concat(out.take());
}
export const readerOf = (bytes: Uint8Array): ByteReader => new ByteReader().use(Buffer.from(bytes), 0, bytes.length);

/** Runs it; an error is fine if it is a coded one, or of these kinds. */
export function refusing(run: () => unknown, ...kinds: readonly (abstract new (...args: never) => Error)[]): void {
  try {
    run();
  } catch (error) {
    if (error instanceof CeleriacError || kinds.some((kind) => error instanceof kind)) return;
    throw error;
  }
}

/** Throws if something has reached the prototype of all objects. */
export function checkPrototypes(): void {
  for (const name in {}) throw new Error(`Object.prototype has got a member ${JSON.stringify(name)}`);
  const grown = [Object.prototype, Array.prototype, Function.prototype].flatMap((prototype, index) =>
    Object.getOwnPropertyNames(prototype).filter((name) => !usual[index]?.has(name)),
  );
  if (grown.length > 0) throw new Error(`a prototype has got ${grown.join(", ")}`);
}

const usual = [Object.prototype, Array.prototype, Function.prototype].map(
  (prototype) => new Set(Object.getOwnPropertyNames(prototype)),
);
