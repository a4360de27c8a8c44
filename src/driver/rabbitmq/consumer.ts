/**
 * Takes what the server sends ahead, hands over while there is room, gives back what finds none, settles. A lost channel is followed by
 * the next, and what was held on it belongs to the server again.
 */

import type { Subscription } from "../../port/bus.ts";
import type { ConsumeOptions, Consumer, Delivery, Settled, Settlement } from "../../port/broker.ts";
import { ConsumerEvents, type ConsumerEvent } from "./consumer-events.ts";
import type { Context } from "./context.ts";
import type { Declarations } from "./declarations.ts";
import { RabbitDelivery } from "./delivery.ts";
import { Holding, stillHeld } from "./holding.ts";
import { Intake } from "./intake.ts";
import type { Pauses } from "./pauses.ts";
import { QueueSet } from "./queue-set.ts";
import type { Settler } from "./settler.ts";
import type { Arrived, Tap } from "./tap.ts";

export interface ConsumerParts {
  /** Of the consuming connection. */
  readonly declarations: Declarations;
  readonly pauses: Pauses;
  readonly settler: Settler;
}

/** What has arrived and waits longer than this for room goes back, so that idle neighbours get it. */
const longestWait = 1000;
/** A queue that is open for more than four times what is wanted is closed after this. */
const excessPatience = 2000;
const beat = 250;
/** How often it is looked whether a queue was paused, should the word of it have been lost, and whether one may be had by now. */
const pauseLook = 15_000;
/** Before the next try to open a channel, ms. */
const pause = 200;

export class RabbitConsumer implements Consumer {
  readonly #context: Context;
  readonly #parts: ConsumerParts;
  readonly #options: ConsumeOptions;
  readonly #take: (batch: readonly Delivery[]) => void;
  readonly #closing = new AbortController();
  readonly #events = new ConsumerEvents();
  readonly #held = new Holding();
  /** Settlements, and what is given back: a channel is not closed over them. */
  readonly #work = new Set<Promise<unknown>>();
  readonly #queues: QueueSet;
  #want = 0;
  #paused = false;
  #intake: Intake | undefined;
  #applying: Promise<void> | undefined;
  #again = false;
  #scheduled = false;
  #excess: number | undefined;
  #heart: Disposable | undefined;
  #glance: Disposable | undefined;
  #watching: Subscription | undefined;
  #stopping: Promise<void> | undefined;

  constructor(
    context: Context,
    parts: ConsumerParts,
    options: ConsumeOptions,
    take: (batch: readonly Delivery[]) => void,
  ) {
    this.#context = context;
    this.#parts = parts;
    this.#options = options;
    this.#take = take;
    this.#queues = new QueueSet(context, parts.declarations, parts.pauses, options.queues);
  }

  async start(): Promise<void> {
    const check = (): void => void this.#apply().catch(() => undefined);
    try {
      this.#watching = await this.#parts.pauses.watch(check);
      await this.#queues.declare();
      this.#closing.signal.throwIfAborted();
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.#heart = this.#context.clock.every(beat, () => this.#look(true));
    this.#glance = this.#context.clock.every(pauseLook, () => {
      this.#queues.retry();
      check();
    });
    this.#run().catch(() => undefined);
  }

  want(n: number, _start: number): void {
    this.#want = n;
    if (n === 0) this.#shut();
    this.#look();
  }

  async setQueues(queues: readonly string[]): Promise<void> {
    await this.#queues.change(queues);
    // A channel that is lost meanwhile is followed by one that takes from these.
    await this.#apply().catch(() => undefined);
  }

  /** Counted in a ledger, not here. */
  started(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) if (delivery instanceof RabbitDelivery) delivery.begun = true;
  }

  settle(batch: readonly Settlement[]): Promise<readonly Settled[]> {
    return this.#track(this.#parts.settler.settle(batch, (delivery) => this.#release(delivery)));
  }

  #track<T>(work: Promise<T>): Promise<T> {
    this.#work.add(work);
    const done = (): void => void this.#work.delete(work);
    work.then(done, done);
    return work;
  }

  /** Of another channel: the server gives its copy out again, and whoever gets it finds that it is kept elsewhere. */
  async detach(deliveries: readonly Delivery[]): Promise<void> {
    for (const delivery of deliveries) {
      if (!(delivery instanceof RabbitDelivery) || delivery.hasEnded) continue;
      delivery.detached = true;
      delivery.intake.ack(delivery.arrived);
    }
  }

  readonly holds: NonNullable<Consumer["holds"]> = stillHeld;

  pause(): void {
    this.#paused = true;
    this.#shut();
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  on(event: ConsumerEvent, listener: (detail: string) => void): void {
    this.#events.add(event, listener);
  }

  get isStopped(): boolean {
    return this.#closing.signal.aborted;
  }

  async #stop(): Promise<void> {
    this.#paused = true;
    this.#heart?.[Symbol.dispose]();
    this.#glance?.[Symbol.dispose]();
    this.#closing.abort(new Error("the consumer was stopped"));
    await this.#watching?.close();
    if (this.#work.size > 0) {
      // What is being settled gets its answer first, if the server gives one in time; what is sent anew would else be there twice.
      const limit = new AbortController();
      const late = this.#context.clock.sleep(this.#context.timeout, limit.signal).catch(() => undefined);
      await Promise.race([Promise.allSettled(this.#work), late]);
      limit.abort();
    }
    await this.#intake?.close();
    for (const delivery of this.#held) {
      if (delivery.detached) continue;
      this.#held.remove(delivery);
      delivery.lose("its consumer was stopped");
    }
  }

  /** One channel after the other. */
  async #run(): Promise<void> {
    const { signal } = this.#closing;
    for (let first = true; !signal.aborted; first = false) {
      // No connection any more: the next one may do.
      const intake = await this.#open(signal).catch(() => undefined);
      if (intake !== undefined) {
        this.#intake = intake;
        if (!first) this.#events.emit("connected", this.#context.location.name);
        await this.#apply().catch(() => intake.close());
        await intake.whenEnded();
        if (signal.aborted) return;
        this.#lost(intake);
      }
      await this.#context.clock.sleep(pause * (0.7 + Math.random() * 0.6), signal);
    }
  }

  async #open(signal: AbortSignal): Promise<Intake> {
    const connection = await this.#context.taking.ready(signal);
    const channel = await connection.openChannel();
    const intake = new Intake(channel, this.#context.clock, {
      look: () => this.#look(),
      cancelled: (queue) => {
        this.#parts.declarations.forget(queue);
        this.#apply().catch(() => undefined);
      },
    });
    if (signal.aborted) await intake.close();
    return intake;
  }

  #lost(intake: Intake): void {
    if (this.#intake === intake) this.#intake = undefined;
    this.#queues.endedOver(intake.ended.reason);
    const why = (intake.ended.reason as Error).message;
    this.#events.emit("disconnected", why);
    for (const delivery of this.#held) {
      // What has not begun would only begin a second time.
      if (delivery.intake !== intake || delivery.detached || (this.#options.fenced === true && delivery.begun))
        continue;
      this.#release(delivery);
      delivery.lose(why);
    }
  }

  /** Makes the channel consume what is to be consumed just now. Calls that come meanwhile are answered by one more round. */
  #apply(): Promise<void> {
    this.#again = true;
    this.#applying ??= this.#applyAll().finally(() => (this.#applying = undefined));
    return this.#applying;
  }

  async #applyAll(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      const intake = this.#intake;
      if (intake === undefined || this.#closing.signal.aborted) return;
      const surplus = await intake.setQueues(await this.#queues.usable());
      await this.#track(this.#giveBack(intake, surplus));
      this.#look();
    }
  }

  get #room(): number {
    return this.#paused ? 0 : Math.max(0, this.#want - this.#held.size);
  }

  /** At the end of the turn, so that what arrived together is handed over together. */
  #look(beat = false): void {
    if (beat) this.#tidy();
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#handOver();
      const intake = this.#intake;
      if (intake !== undefined && this.#room > 0) for (const tap of intake.taps) tap.fill(this.#room, beat);
    });
  }

  #handOver(): void {
    for (let intake = this.#intake; intake !== undefined; intake = this.#intake) {
      const arrived = intake.draw(this.#room, this.#want, this.#options.maxClaimBytes, this.#held.ofQueue);
      if (arrived.length === 0) return;
      const now = this.#context.clock.now();
      const batch = arrived.map((one) => new RabbitDelivery(one, intake as Intake, now));
      for (const delivery of batch) this.#held.add(delivery);
      this.#take(batch);
    }
  }

  #release(delivery: RabbitDelivery): void {
    if (this.#held.remove(delivery)) this.#look();
  }

  /** Gives back what has waited too long, and closes what is open for far more than is wanted. */
  #tidy(): void {
    const intake = this.#intake;
    if (intake === undefined) return;
    const now = this.#context.clock.monotonic();
    const wide = [...intake.taps].filter((tap) => tap.capacity > 4 * this.#want);
    this.#excess = wide.length === 0 ? undefined : (this.#excess ?? now);
    const tooWide = this.#excess !== undefined && now - this.#excess >= excessPatience;
    for (const tap of intake.taps)
      if (now - tap.oldest >= longestWait || (tooWide && wide.includes(tap))) this.#empty(intake, tap);
  }

  #shut(): void {
    const intake = this.#intake;
    if (intake !== undefined) for (const tap of intake.taps) this.#empty(intake, tap);
  }

  /** Takes nothing more from it until there is room, and gives back what there is none for. */
  #empty(intake: Intake, tap: Tap): void {
    const work = async (): Promise<void> => {
      await tap.cut();
      this.#handOver();
      if (this.#room === 0) await this.#giveBack(intake, tap.empty());
    };
    this.#track(work()).catch(() => undefined);
  }

  /** Rejected on a classic queue, which keeps their places; sent anew to a quorum queue. */
  async #giveBack(intake: Intake, surplus: readonly Arrived[]): Promise<void> {
    for (const arrived of surplus) {
      if (intake.ended.aborted) return;
      if (await this.#parts.settler.sendAnew(arrived, intake)) intake.ack(arrived);
      else intake.giveBack(arrived);
    }
  }
}
