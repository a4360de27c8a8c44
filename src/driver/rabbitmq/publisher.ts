/**
 * Sends messages and learns whether the server has them. What was in flight when the connection ended is sent again under the same
 * message id until the caller gives up: it may then lie there twice, which a ledger notices by the names of the two.
 */

import { CeleriacError } from "../../error/celeriac-error.ts";
import type { Published } from "../../port/broker.ts";
import { ChannelError, ConnectionError, type AmqpChannel, type AmqpConnection, type Confirm } from "./amqp/client.ts";
import type { Context } from "./context.ts";
import type { Declarations } from "./declarations.ts";
import { isPassing, refusedBy, replyCode } from "./failure.ts";
import type { Parcel } from "./parcel.ts";

/** While the server has told that it takes no publishes: new work is refused at once, what ends a task waits. */
type WhenBlocked = "refuse" | "wait";

/** One message on its way. Two of its batch may end it, and the first counts. */
class Sending {
  parcel: Parcel;
  readonly whenBlocked: WhenBlocked;
  readonly #ended: () => void;
  answer: Published | Error | undefined;
  /** It was written to a connection: whether the server has it is not known before the confirm. */
  tried = false;
  /** It came back once, and its queue was declared again. */
  returned = false;
  /** How often the server ended a channel or the connection while it was in flight. */
  suspected = 0;
  #turn: (() => void) | undefined;

  constructor(parcel: Parcel, whenBlocked: WhenBlocked, ended: () => void) {
    this.parcel = parcel;
    this.whenBlocked = whenBlocked;
    this.#ended = ended;
  }

  get ended(): boolean {
    return this.answer !== undefined;
  }

  done(answer: Published | Error): void {
    if (this.ended) return;
    this.answer = answer;
    this.#ended();
    this.yield();
  }

  /** `next` is called when its time alone is over. */
  takeTurn(next: () => void): void {
    this.#turn = next;
  }

  yield(): void {
    this.#turn?.();
    this.#turn = undefined;
  }
}

const accepted: Published = { kind: "accepted" };
/** Before a channel that the server ended is opened again. */
const pause = 50;
/** So often a message may be in flight when the server ends what carries it, after the first time alone, before it is the cause. */
const mostSuspected = 3;

export class Publisher {
  readonly #context: Context;
  readonly #declarations: Declarations;
  #channel: { readonly connection: AmqpConnection; readonly opening: Promise<AmqpChannel> } | undefined;
  #alarm: { readonly connection: AmqpConnection; readonly over: Promise<void> } | undefined;
  /** The channel, when it is open. */
  #ready: AmqpChannel | undefined;
  /** Ends when the last of those that are sent alone has had its turn. */
  #suspects: Promise<void> = Promise.resolve();

  constructor(context: Context, declarations: Declarations) {
    this.#context = context;
    this.#declarations = declarations;
  }

  /**
   * Answers in the order of `parcels`. What was not written because the server takes no publishes is refused as `full`, at once or, with
   * `wait`, when the signal aborts; anything else that is open then rejects the whole with PUBLISH_UNKNOWN.
   */
  async send(
    parcels: readonly Parcel[],
    signal: AbortSignal,
    whenBlocked: WhenBlocked = "wait",
  ): Promise<readonly Published[]> {
    signal.throwIfAborted();
    if (this.#context.closing.aborted) throw this.#context.closedError();
    if (parcels.length === 0) return [];
    const { closing } = this.#context;
    const over = new AbortController();
    const all = Promise.withResolvers<void>();
    let open = parcels.length;
    const ended = (): void => {
      open -= 1;
      if (open === 0) all.resolve();
    };
    const sendings = parcels.map((parcel) => new Sending(parcel, whenBlocked, ended));
    // One listener for the whole batch: removing one of many from a signal walks them all.
    const stop = (event: Event): void => {
      const { reason } = event.target as AbortSignal;
      for (const sending of sendings) if (!sending.ended) sending.done(this.#abandoned(sending, reason));
      over.abort(reason);
    };
    for (const each of [signal, closing]) each.addEventListener("abort", stop, { once: true });
    for (const sending of sendings) this.#go(sending, over.signal);
    await all.promise;
    for (const each of [signal, closing]) each.removeEventListener("abort", stop);
    return sendings.map(({ answer }) => {
      if (answer instanceof Error) throw answer;
      return answer as Published;
    });
  }

  /** Writes it in this turn if everything is there, so that all of a turn go together. */
  #go(sending: Sending, over: AbortSignal): void {
    const { parcel } = sending;
    const refused = sending.whenBlocked === "refuse" ? this.#refusal(sending) : undefined;
    if (refused !== undefined) return sending.done(refused);
    const deaf = this.#context.deafAt(parcel.properties.replyTo);
    const up = this.#ready?.closed === false && this.#blocked === undefined && deaf === undefined;
    const channel = up ? this.#ready : undefined;
    const prepared = channel === undefined ? this.#prepare(sending, deaf, over) : this.#place(parcel);
    if (channel !== undefined && prepared === undefined) return this.#write(channel, sending, over);
    prepared?.then(
      () => sending.ended || this.#go(sending, over),
      (error: unknown) => this.#failed(sending, error, over),
    );
  }

  async #prepare(sending: Sending, deaf: Promise<void> | undefined, over: AbortSignal): Promise<void> {
    await deaf;
    const connection = await this.#context.sending.ready(over);
    // Who gave up in the meantime is not sent then: `#prepare` has nothing else to undo.
    if (connection.blocked !== undefined)
      return this.#refusal(sending) !== undefined && sending.whenBlocked === "refuse"
        ? undefined
        : await this.#unblocked(connection);
    await this.#open(connection);
    await this.#place(sending.parcel);
  }

  #place(parcel: Parcel): Promise<void> | undefined {
    const { queue, place } = parcel;
    if (place === "anywhere") return undefined;
    if (place === "dead") return this.#declarations.dead(queue.slice(0, -".dead".length));
    const task = this.#declarations.task(queue);
    if (!this.#context.packer.isDelayed(parcel)) return task;
    return task === undefined ? this.#declarations.delay(queue) : task.then(() => this.#declarations.delay(queue));
  }

  async #open(connection: AmqpConnection): Promise<AmqpChannel> {
    if (this.#channel?.connection !== connection || (this.#ready?.closed ?? false)) {
      this.#ready = undefined;
      this.#channel = { connection, opening: this.#confirming(connection) };
    }
    const { opening } = this.#channel;
    try {
      return (this.#ready = await opening);
    } catch (error) {
      if (this.#channel?.opening === opening) this.#channel = undefined;
      throw error;
    }
  }

  async #confirming(connection: AmqpConnection): Promise<AmqpChannel> {
    const channel = await connection.openChannel();
    await channel.confirmSelect();
    return channel;
  }

  #write(channel: AmqpChannel, sending: Sending, over: AbortSignal): void {
    const { packer } = this.#context;
    if (sending.tried) sending.parcel = packer.another(sending.parcel);
    sending.tried = true;
    channel.publish(packer.outbound(sending.parcel)).then(
      (confirm) => this.#confirmed(sending, confirm, over),
      (error: unknown) => this.#broken(sending, error, over),
    );
  }

  #confirmed(sending: Sending, confirm: Confirm, over: AbortSignal): void {
    const { queue } = sending.parcel;
    if (confirm.kind === "acked") return sending.done(accepted);
    if (confirm.kind === "nacked")
      return sending.done(full(`queue ${queue} takes no more: the server's limit for it is reached`));
    if (sending.returned)
      return sending.done({ kind: "refused", reason: "unroutable", detail: `${queue}: ${confirm.text}` });
    sending.returned = true;
    this.#declarations.forget(queue);
    if (!sending.ended) this.#go(sending, over);
  }

  /** It was in flight when what carried it ended: over this one, over another, or over none. */
  #broken(sending: Sending, error: unknown, over: AbortSignal): void {
    sending.yield();
    if (sending.ended) return;
    const most = /larger than configured max size (\d+)/.exec(error instanceof Error ? error.message : "")?.[1];
    if (!isAccusing(error) || most !== undefined) {
      const size = sending.parcel.body.byteLength;
      if (most === undefined || size <= Number(most)) return this.#failed(sending, error, over);
      const detail = `${size} bytes, the server takes ${most}`;
      return sending.done({ kind: "refused", reason: "too-large", detail });
    }
    sending.suspected += 1;
    if (sending.suspected < mostSuspected) void this.#alone(sending, over);
    // An answer to an address that cannot be is lost, as one to an address that nobody made.
    else sending.done(sending.parcel.place === "anywhere" ? accepted : this.#cause(error));
  }

  #cause(error: ChannelError | ConnectionError): CeleriacError {
    const { location } = this.#context;
    if (error.code === replyCode.refused) return refusedBy(location, error);
    return new CeleriacError(
      "NOT_SERIALIZABLE",
      `${location.name} cannot take the message (${error.message}): look at its headers, of which CC and BCC mean something to RabbitMQ.`,
      { cause: error, details: { code: error.code } },
    );
  }

  /** Sends it beside no other that was in flight then: the server does not say which of them it meant. */
  async #alone(sending: Sending, over: AbortSignal): Promise<void> {
    const before = this.#suspects;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#suspects = promise;
    await before;
    if (sending.ended) return resolve();
    sending.takeTurn(resolve);
    this.#go(sending, over);
  }

  #failed(sending: Sending, error: unknown, over: AbortSignal): void {
    if (sending.ended) return;
    if (error instanceof ChannelError) {
      // An exchange was deleted; or another message of this channel was refused, and took this one along.
      if (error.code === replyCode.notFound) this.#declarations.forget(sending.parcel.queue);
    } else if (!isPassing(error)) return sending.done(error instanceof Error ? error : new Error(String(error)));
    this.#context.clock.sleep(pause, over).then(
      () => this.#go(sending, over),
      () => undefined,
    );
  }

  /** Resolves when the server takes publishes again, or the connection has ended. One wait for all. */
  #unblocked(connection: AmqpConnection): Promise<void> {
    if (this.#alarm?.connection === connection) return this.#alarm.over;
    const over = new Promise<void>((resolve) => {
      const end = (): void => {
        this.#alarm = undefined;
        resolve();
      };
      connection.on("unblocked", end);
      connection.on("closed", end);
    });
    this.#alarm = { connection, over };
    return over;
  }

  get #blocked(): string | undefined {
    return this.#context.sending.connection?.blocked;
  }

  /** Nothing of it was written, and nothing would be read. */
  #refusal({ tried }: Sending): Published | undefined {
    const why = this.#blocked;
    if (tried || why === undefined) return undefined;
    return full(`${this.#context.location.name} takes no messages just now: ${why}`);
  }

  #abandoned(sending: Sending, cause: unknown): Published | Error {
    if (this.#context.closing.aborted) return this.#context.closedError();
    const { name } = this.#context.location;
    const { tried, parcel } = sending;
    const refused = this.#refusal(sending);
    if (refused !== undefined) return refused;
    return new CeleriacError(
      "PUBLISH_UNKNOWN",
      tried
        ? `${name} did not say whether it took the message; sending it again with the same id is safe where results are kept on Redis or SQLite.`
        : `${name} was not reachable in time; the message was not sent.`,
      { cause, details: { queue: parcel.queue } },
    );
  }
}

/** The server ended a channel or the connection because it would not have what was sent. */
function isAccusing(error: unknown): error is ChannelError | ConnectionError {
  if (error instanceof ChannelError) return error.code !== replyCode.notFound;
  return error instanceof ConnectionError && error.code >= 500;
}

function full(detail: string): Published {
  return { kind: "refused", reason: "full", detail };
}
