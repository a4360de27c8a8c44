/**
 * One browser that listens. What it has not read yet waits here, up to a bound: who reads too slowly is told `reset` and dropped, whatever
 * its connection does, so that the slowest listener costs as much memory as any.
 *
 *   open ──(more than 256 KB wait)──▶ told reset ──(read, or 10 s)──▶ ended
 */

import type { Clock } from "../../clock/clock.ts";
import type { Viewer } from "../access/viewer.ts";

const mostWaiting = 256 * 1024;
/** For the last word to be read, ms. */
const parting = 10_000;
const slow: Uint8Array = Buffer.from('data: {"type":"reset","why":"slow"}\n\n');

export interface ClientOptions {
  readonly viewer: Viewer;
  readonly topics: ReadonlySet<string>;
  readonly clock: Clock;
  /** Called once, when it is over. */
  readonly ended: (client: Client) => void;
}

export class Client {
  readonly viewer: Viewer;
  readonly topics: ReadonlySet<string>;
  readonly body: ReadableStream<Uint8Array>;
  readonly #options: ClientOptions;
  #waiting: Uint8Array[] = [];
  #bytes = 0;
  #wake: (() => void) | undefined;
  #leaving = false;
  #over = false;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #timer: Disposable | undefined;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.viewer = options.viewer;
    this.topics = options.topics;
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#pull(),
        cancel: () => this.#end(),
      },
      { highWaterMark: 0 },
    );
  }

  /** Bytes that wait for it. */
  get waiting(): number {
    return this.#bytes;
  }

  /** `bytes` are only read, so that what many are told is there once. */
  send(bytes: Uint8Array): void {
    if (this.#leaving || this.#over) return;
    this.#push(bytes);
    if (this.#bytes > mostWaiting) this.leave(slow);
  }

  /** Nothing but this is told any more. */
  leave(word: Uint8Array | undefined): void {
    if (this.#leaving || this.#over) return;
    this.#leaving = true;
    this.#waiting = [];
    this.#bytes = 0;
    if (word !== undefined) this.#push(word);
    this.#wakeUp();
    this.#timer = this.#options.clock.after(parting, () => this.drop());
  }

  /** It has gone: nothing is broken off, for nobody reads it. */
  gone(): void {
    if (this.#over) return;
    this.#controller?.close();
    this.#end();
  }

  /** At once, whatever was read. */
  drop(): void {
    if (this.#over) return;
    this.#controller?.error(new Error("the listener was dropped"));
    this.#end();
  }

  #push(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    this.#bytes += bytes.byteLength;
    this.#wakeUp();
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  async #pull(): Promise<void> {
    while (this.#waiting.length === 0 && !this.#leaving && !this.#over) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    if (this.#over) return;
    const next = this.#waiting.shift();
    if (next !== undefined) {
      this.#bytes -= next.byteLength;
      this.#controller?.enqueue(next);
    }
    if (this.#leaving && this.#waiting.length === 0) {
      this.#controller?.close();
      this.#end();
    }
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#waiting = [];
    this.#bytes = 0;
    this.#timer?.[Symbol.dispose]();
    this.#wakeUp();
    this.#options.ended(this);
  }
}
