/** What every part of the driver works with: one connection for commands, the keys, the scripts, and the way to make more connections. */

import type { Clock } from "../../clock/clock.ts";
import { CeleriacError } from "../../error/celeriac-error.ts";
import type { BackendOptions } from "../../port/backend.ts";
import type { Millis } from "../../port/units.ts";
import type { Argument, ClientFactory } from "./client.ts";
import { FactsTold } from "./facts-told.ts";
import { isPassing, refusedBy, ServerRefusal } from "./failure.ts";
import { Keys } from "./keys.ts";
import { Link, type CallOptions } from "./link.ts";
import type { Location } from "./location.ts";
import { Scripts, type Script } from "./script/script.ts";

export class Context {
  readonly options: BackendOptions;
  readonly location: Location;
  readonly clock: Clock;
  readonly keys: Keys;
  readonly scripts: Scripts = new Scripts();
  readonly factsTold: FactsTold = new FactsTold();
  /** Monotonic ms at which the server last said that no join is looked after. */
  noJoinsAt: number = -Infinity;
  readonly #links = new Set<Link>();
  readonly #closing = new AbortController();
  #make: ClientFactory | undefined;
  #link: Link | undefined;

  constructor(options: BackendOptions, location: Location) {
    this.options = options;
    this.location = location;
    this.clock = options.clock;
    this.keys = new Keys(options.keyPrefix, location);
  }

  /** Aborts when the backend closes. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  get link(): Link {
    if (this.#link !== undefined) return this.#link;
    throw new CeleriacError("BACKEND_CLOSED", `${this.location.name} is not open; call open() first.`);
  }

  get timeout(): Millis {
    return this.options.commandTimeout;
  }

  async connect(make: ClientFactory, signal: AbortSignal): Promise<void> {
    this.#make = make;
    this.#link = this.newLink();
    await this.#link.open(signal);
  }

  /** A further connection, for commands that block or listen. Not yet started. */
  newLink(): Link {
    if (this.#make === undefined) throw this.closedError();
    const link = new Link({
      clock: this.clock,
      make: this.#make,
      timeout: this.options.commandTimeout,
      name: this.location.name,
    });
    this.#links.add(link);
    return link;
  }

  release(link: Link): void {
    link.close();
    this.#links.delete(link);
  }

  run(script: Script, keys: readonly string[], args: readonly Argument[], options?: CallOptions): Promise<unknown> {
    return this.scripts.run(this.link, script, keys, args, options);
  }

  /**
   * A call that may be repeated: tried again while the server is away, at most until one answer is due, then BACKEND_UNREACHABLE; or
   * until `signal` aborts.
   */
  async ask<T>(call: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const limit = new AbortController();
    const timer = this.clock.after(this.timeout, () => limit.abort());
    try {
      const until = signal === undefined ? limit.signal : AbortSignal.any([limit.signal, signal]);
      return await this.link.persist(call, until);
    } catch (error) {
      signal?.throwIfAborted();
      if (this.closing.aborted) throw this.closedError();
      if (error instanceof CeleriacError) throw error;
      if (error instanceof ServerRefusal && !isPassing(error)) throw refusedBy(this.location.name, error);
      throw new CeleriacError(
        "BACKEND_UNREACHABLE",
        `${this.location.name} gave no answer within ${this.timeout} ms; the call may be repeated.`,
        { cause: error },
      );
    } finally {
      timer[Symbol.dispose]();
    }
  }

  /** One command under the same rule as `ask`. */
  command(name: string, args: readonly Argument[], options?: CallOptions): Promise<unknown> {
    return this.ask(() => this.link.call(name, args, options));
  }

  closedError(): CeleriacError {
    return new CeleriacError("BACKEND_CLOSED", `the connection to ${this.location.name} was closed.`);
  }

  close(): void {
    this.#closing.abort(this.closedError());
    for (const link of this.#links) link.close();
    this.#links.clear();
  }
}
