/** What every part of the driver works with: two connections, so that a server that takes no publishes still takes acknowledgements. */

import type { Clock } from "../../clock/clock.ts";
import { CeleriacError } from "../../error/celeriac-error.ts";
import type { BackendOptions } from "../../port/backend.ts";
import type { Millis } from "../../port/units.ts";
import { ChannelError, type AmqpChannel, type Connect } from "./amqp/client.ts";
import { isPassing, refusedBy } from "./failure.ts";
import { Link } from "./link.ts";
import { readTls, type Location } from "./location.ts";
import { Packer } from "./parcel.ts";

/** What hears at an address, or does not just now. */
interface Ear {
  readonly deaf: Promise<void> | undefined;
}

export class Context {
  readonly options: BackendOptions;
  readonly location: Location;
  readonly clock: Clock;
  readonly packer: Packer;
  /** Publishes, and nothing that must go on while publishes wait. */
  readonly sending: Link;
  readonly #taking: Link;
  readonly #used = new Set<string>();
  /** By address. */
  readonly #ears = new Map<string, Ear>();
  #tls: Readonly<Record<string, unknown>> | undefined;
  #major = 0;
  #cluster = "";

  constructor(options: BackendOptions, location: Location, connect: Connect) {
    this.options = options;
    this.location = location;
    this.clock = options.clock;
    this.packer = new Packer(options.clock);
    const link = (role: string): Link =>
      new Link({
        clock: options.clock,
        name: location.name,
        connect: (signal) => {
          const { host, port, vhost, username, password, heartbeat } = location;
          const name = `celeriac ${process.pid} ${role}`;
          const { clock, commandTimeout: timeout } = options;
          const server = { host, port, vhost, username, password, heartbeat, tls: this.#tls };
          return connect({ ...server, timeout, clock, name }, signal);
        },
      });
    this.sending = link("publishes");
    this.#taking = link("consumes");
  }

  /** Consumes, acknowledges, asks. Connects when it is first used. */
  get taking(): Link {
    this.#taking.start();
    return this.#taking;
  }

  /** Aborts when the backend closes. */
  get closing(): AbortSignal {
    return this.sending.closing;
  }

  get timeout(): Millis {
    return this.options.commandTimeout;
  }

  /** Of the server's version. */
  get major(): number {
    return this.#major;
  }

  async connect(signal: AbortSignal): Promise<void> {
    this.#tls = await readTls(this.location);
    await this.sending.open(signal);
  }

  /** Transient queues that anybody may use are refused from RabbitMQ 4 on. */
  serverIs(major: number, cluster: unknown): void {
    this.#major = major;
    this.#cluster = typeof cluster === "string" ? cluster : this.location.name;
  }

  /** The same for all who use this virtual host, by whatever address. */
  get scope(): string {
    return `${this.#cluster}/${this.location.vhost}`;
  }

  /** Queues that this process has to do with: the server tells nobody which it has. */
  use(queue: string): void {
    this.#used.add(queue);
  }

  get queues(): readonly string[] {
    return [...new Set([...this.#used, ...(this.options.knownQueues?.() ?? [])])].toSorted();
  }

  /** Answers to `address` come here. Returns how to end it. */
  hearsAt(address: string, ear: Ear): () => void {
    this.#ears.set(address, ear);
    return () => void (this.#ears.get(address) === ear && this.#ears.delete(address));
  }

  /** While answers to `address` would be lost; the other connection may come back seconds before the one that hears. */
  deafAt(address: string | undefined): Promise<void> | undefined {
    return address === undefined ? undefined : this.#ears.get(address)?.deaf;
  }

  /**
   * With a channel of the consuming connection: tried again while the server is away, at most until one answer is due, then
   * BACKEND_UNREACHABLE. `run` must be safe to repeat. A `ChannelError` comes through as it is.
   */
  async ask<T>(run: (channel: AmqpChannel) => Promise<T>): Promise<T> {
    return await this.persist(() => this.taking.withChannel(run));
  }

  /** As `ask`, for what finds its channels itself. */
  async persist<T>(run: () => Promise<T>): Promise<T> {
    this.ensureOpen();
    const limit = new AbortController();
    const timer = this.clock.after(this.timeout, () => limit.abort());
    try {
      return await this.taking.persist(run, limit.signal);
    } catch (error) {
      if (this.closing.aborted) throw this.closedError();
      if (!limit.signal.aborted && !isPassing(error)) throw error;
      throw this.unreachable(error);
    } finally {
      timer[Symbol.dispose]();
    }
  }

  /** As `ask`, for calls whose refusal has no meaning of its own: throws BACKEND_REFUSED. */
  async demand<T>(run: (channel: AmqpChannel) => Promise<T>): Promise<T> {
    try {
      return await this.ask(run);
    } catch (error) {
      throw error instanceof ChannelError ? refusedBy(this.location, error) : error;
    }
  }

  ensureOpen(): void {
    if (this.closing.aborted) throw this.closedError();
    if (this.#major === 0)
      throw new CeleriacError("BACKEND_CLOSED", `${this.location.name} is not open; call open() first.`);
  }

  unreachable(cause?: unknown): CeleriacError {
    return new CeleriacError(
      "BACKEND_UNREACHABLE",
      `${this.location.name} gave no answer within ${this.timeout} ms; the call may be repeated.`,
      { cause },
    );
  }

  closedError(): CeleriacError {
    return new CeleriacError("BACKEND_CLOSED", `the connection to ${this.location.name} was closed.`);
  }

  async close(): Promise<void> {
    await Promise.all([this.#taking.close(), this.sending.close()]);
  }
}
