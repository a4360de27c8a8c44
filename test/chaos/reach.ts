/**
 * Tells when a process got no word to its server and back, or did not turn at all, for longer than it should take. Shares its line and its
 * thread with a worker's renewals and none of their code: what a lease that was lost is measured by.
 */

import { connect, type Socket } from "node:net";

/** Ms between two questions. */
const every = 200;
/** Ms after which a question is not waited for, and asked on a new connection. */
const patience = 1000;
/** Shorter silences are told of to nobody, ms. */
const noticed = 500;

export interface ReachOptions {
  /** Of a Redis server; without one, what is told is when the process did not turn. */
  readonly server: URL | undefined;
  readonly now: () => number;
  /** From the sending of the last question that was answered until the answer to the next. */
  readonly away: (t: number, until: number) => void;
}

export class Reach implements Disposable {
  readonly #options: ReachOptions;
  readonly #timer: NodeJS.Timeout;
  #socket: Socket | undefined;
  #asked: number | undefined;
  #reached: number;

  constructor(options: ReachOptions) {
    this.#options = options;
    this.#reached = options.now();
    this.#timer = setInterval(() => this.#ask(), every).unref();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#socket?.destroy();
  }

  #ask(): void {
    const now = this.#options.now();
    if (this.#options.server === undefined) return this.#answered(now, now);
    if (this.#asked !== undefined) {
      if (now - this.#asked < patience) return;
      this.#socket?.destroy();
      this.#socket = undefined;
    }
    this.#socket ??= this.#connect(this.#options.server);
    this.#asked = now;
    this.#socket.write("PING\r\n");
  }

  #connect({ hostname, port }: URL): Socket {
    const socket = connect(Number(port), hostname).unref();
    // Also a refusal is an answer.
    socket.on("data", () => {
      if (socket !== this.#socket || this.#asked === undefined) return;
      this.#answered(this.#asked, this.#options.now());
      this.#asked = undefined;
    });
    socket.on("error", () => {}); // it closes then
    socket.on("close", () => {
      if (socket !== this.#socket) return;
      this.#socket = undefined;
      this.#asked = undefined;
    });
    return socket;
  }

  #answered(asked: number, now: number): void {
    if (now - this.#reached >= noticed) this.#options.away(this.#reached, now);
    this.#reached = asked;
  }
}
