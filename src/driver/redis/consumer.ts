/**
 * Claims while there is room, hands over, keeps the leases, settles.
 *
 *   room and work → claim → claim …      room and no work → idle: bell, looks, next due time      no room → nothing
 */

import type { ConsumeOptions, Consumer, Delivery, Settled, Settlement } from "../../port/broker.ts";
import { checkQueueName } from "../../wire/name.ts";
import { Claimer } from "./claimer.ts";
import { beginCalls } from "./call-request.ts";
import { ConsumerEvents, type ConsumerEvent } from "./consumer-events.ts";
import type { Context } from "./context.ts";
import { RedisDelivery } from "./delivery.ts";
import { Idle } from "./idle.ts";
import { Leases, type RenewalReport } from "./leases.ts";
import { LateWakes } from "./late-wakes.ts";
import { makeRenewer } from "./make-renewer.ts";
import { joinScript } from "./script/admin.ts";
import { ServerClock } from "./server-clock.ts";
import { settleItem } from "./settle-request.ts";
import { Settler } from "./settler.ts";
import { sendStarts } from "./starts.ts";
import { Sweeper } from "./sweeper.ts";
import type { Look } from "./watcher.ts";
import { rest } from "./pulse.ts";

/** The server keeps the last answers of a consumer for so long; never shorter than two leases, during which we repeat. */
const sessionLife = 300_000;

export class RedisConsumer implements Consumer {
  readonly #context: Context;
  readonly #options: ConsumeOptions;
  readonly #take: (batch: readonly Delivery[]) => void;
  readonly #leases: Leases;
  readonly #claimer: Claimer;
  readonly #settler: Settler;
  readonly #sweeper: Sweeper;
  readonly #resting: Idle;
  readonly #serverClock: ServerClock;
  readonly #renewer: ReturnType<typeof makeRenewer>;
  readonly #closing = new AbortController();
  readonly #events = new ConsumerEvents();
  readonly #settlements = new Set<Promise<unknown>>();
  #queues: readonly string[];
  #want = 0;
  #paused = false;
  #claiming: Promise<number> | undefined;
  #scheduled = false;
  #unlink: (() => void) | undefined;
  /** The last claim found nothing more, and since then we listen for bells. */
  #idle = false;
  readonly #late = new LateWakes();
  #stopping: Promise<void> | undefined;

  constructor(context: Context, options: ConsumeOptions, take: (batch: readonly Delivery[]) => void) {
    this.#context = context;
    this.#options = options;
    this.#take = take;
    this.#queues = [...options.queues];
    // A process that is started again under the same name must not be answered with its predecessor's claims.
    const session = `${options.worker}:${crypto.randomUUID().slice(0, 8)}`;
    const life = Math.max(sessionLife, options.lease * 2);
    this.#serverClock = new ServerClock(context.clock, (by) => this.#stepped(by));
    this.#renewer = makeRenewer(context, options, (report) => this.#renewed(report));
    this.#leases = new Leases({
      clock: context.clock,
      lease: options.lease,
      renewer: this.#renewer,
      freed: () => this.#look(),
    });
    this.#claimer = new Claimer(context, { session: context.keys.session(session), life, options });
    this.#settler = new Settler(context, context.keys.session(session), life);
    const queues = (): readonly string[] => this.#queues;
    this.#sweeper = new Sweeper(context, {
      lease: options.lease,
      sweep: options.sweep,
      queues,
      serverClock: this.#serverClock,
      look: () => this.#resting.look(),
    });
    this.#resting = new Idle(context, {
      who: session,
      sweep: options.sweep,
      queues,
      serverClock: this.#serverClock,
      claim: (why) => this.#claim(why),
      wake: async (seen) => {
        const announced = this.#claiming !== undefined;
        return (await this.#claim("look", seen)) === 0 ? "nothing" : announced ? "announced" : "taken";
      },
      looked: (look) => this.#looked(look),
      prioritiesUsed: () => this.#claimer.prioritiesUsed,
    });
  }

  async start(): Promise<void> {
    await this.#join();
    this.#sweeper.start();
    this.#unlink = this.#context.link.on(
      () => this.#connected(),
      (reason) => this.#events.emit("disconnected", reason),
    );
  }

  /** Names our queues for `list`, and the length of our leases for the sweeps of others. */
  async #join(): Promise<void> {
    const { keys } = this.#context;
    const args = [String(this.#options.lease), ...this.#queues];
    await this.#context.ask(() => this.#context.run(joinScript, [keys.unacked, keys.queues, keys.control], args));
  }

  want(n: number, _start: number): void {
    this.#want = n;
    this.#look();
  }

  async setQueues(queues: readonly string[]): Promise<void> {
    for (const queue of queues) checkQueueName(queue);
    this.#queues = [...queues];
    await this.#join();
    await this.#claiming?.catch(() => 0);
    this.#resting.restart();
    this.#lookAnew();
  }

  started(deliveries: readonly Delivery[], blame: "suspect" | "sure"): void {
    const held: RedisDelivery[] = [];
    for (const delivery of deliveries)
      if (delivery instanceof RedisDelivery && this.#leases.has(delivery)) {
        delivery.markStarted();
        held.push(delivery);
      }
    sendStarts(this.#context, held, { blame, worker: this.#options.worker, since: this.#serverClock.now() });
  }

  begin(deliveries: readonly Delivery[]): Promise<void> {
    return beginCalls(this.#context, deliveries);
  }

  settle(batch: readonly Settlement[]): Promise<readonly Settled[]> {
    const work = this.#settle(batch);
    this.#settlements.add(work);
    const done = (): void => void this.#settlements.delete(work);
    work.then(done, done);
    return work;
  }

  async #settle(batch: readonly Settlement[]): Promise<readonly Settled[]> {
    const answers: (Settled | undefined)[] = [];
    const open = new Set<RedisDelivery>();
    const items = [];
    for (const settlement of batch) {
      const { delivery } = settlement;
      if (!(delivery instanceof RedisDelivery))
        throw new TypeError("a delivery of another broker can't be settled here");
      const twice = delivery.settling || open.has(delivery);
      const answer = delivery.answerTo(settlement.then) ?? (twice ? { kind: "lost" } : undefined);
      answers.push(answer);
      if (answer !== undefined) continue;
      items.push(settleItem(this.#context.keys, delivery, settlement));
      open.add(delivery);
    }
    if (items.length > 0) {
      for (const delivery of open) delivery.settling = true;
      try {
        const settled = await this.#settler.settle(items);
        let next = 0;
        for (let i = 0; i < answers.length; i++) answers[i] ??= settled[next++];
      } finally {
        for (const delivery of open) delivery.settling = false;
        this.#leases.remove([...open].filter((delivery) => delivery.ended));
        this.#look();
      }
    }
    return answers.map((answer) => answer ?? { kind: "lost" });
  }

  pause(): void {
    this.#paused = true;
    this.#rest();
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  on(event: ConsumerEvent, listener: (detail: string) => void): void {
    this.#events.add(event, listener);
  }

  async #stop(): Promise<void> {
    this.pause();
    this.#resting.quiet();
    this.#unlink?.();
    // Ends the repeating of a claim, not a call that is on its way: what that brings is given back below.
    this.#closing.abort(new Error("the consumer was stopped"));
    await this.#claiming?.catch(() => 0);
    this.#sweeper.stop();
    await this.#resting.close();
    if (this.#context.link.isUp) {
      // What is being settled gets its answer first, if the server gives one in time.
      const { clock, timeout, closing } = this.#context;
      await Promise.race([Promise.allSettled(this.#settlements), rest(clock, timeout, closing)]);
      await this.#settler.giveBack(this.#leases.all().filter((delivery) => !delivery.settling));
    }
    const held = this.#leases.all();
    this.#leases.remove(held);
    for (const delivery of held) delivery.lose("its consumer was stopped");
    this.#leases.close();
    await this.#renewer.close();
  }

  #connected(): void {
    this.#renewer.renewNow();
    this.#events.emit("connected", this.#context.location.name);
    this.#lookAnew();
  }

  /** What was known of the queues is old. */
  #lookAnew(): void {
    this.#idle = false;
    this.#look();
    this.#resting.look();
  }

  #renewed(report: RenewalReport): void {
    this.#serverClock.saw(report.now, this.#options.lease);
    this.#leases.lost(report.lost);
  }

  #looked({ now, turns }: Look): void {
    this.#serverClock.saw(now, this.#options.lease);
    this.#sweeper.told(turns);
  }

  #stepped(by: number): void {
    this.#renewer.renewNow();
    this.#events.emit("clock-step", `the server's clock stepped by ${Math.round(by / 1000)} s`);
  }

  get #room(): number {
    return this.#paused || this.#queues.length === 0 ? 0 : Math.max(0, this.#want - this.#leases.count);
  }

  /** At the end of the turn, so that what changes together is one claim. */
  #look(): void {
    if (this.#room === 0) return this.#rest();
    if (this.#scheduled || this.#idle || this.#claiming !== undefined) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#claim("room").catch(() => 0);
    });
  }

  #rest(): void {
    this.#idle = false;
    this.#resting.set(false);
  }

  /** Resolves with how many came. Claims again at once while there are more and room for them. */
  async #claim(why: "room" | "bell" | "look", seen?: Buffer): Promise<number> {
    if (this.#claiming !== undefined) {
      this.#late.add(seen);
      return this.#claiming;
    }
    if (this.#room === 0 || this.#closing.signal.aborted) return 0;
    this.#claiming = this.#claimAll(why);
    try {
      return await this.#claiming;
    } finally {
      this.#claiming = undefined;
      // Room that appeared during the last call.
      if (this.#room > 0) this.#look();
    }
  }

  async #claimAll(why: "room" | "bell" | "look"): Promise<number> {
    let total = 0;
    this.#idle = false;
    for (let room = this.#room; room > 0; room = this.#room) {
      this.#late.clear();
      const claimed = await this.#claimer.claim(this.#queues, room, this.#closing.signal);
      this.#serverClock.saw(claimed.now, this.#options.lease);
      this.#leases.add(claimed.deliveries);
      total += claimed.deliveries.length;
      if (this.#closing.signal.aborted) return total;
      const ours = await this.#leases.confirm(claimed.deliveries, this.#closing.signal);
      if (ours.length > 0) this.#take(ours);
      if (claimed.more || this.#late.missedBy(claimed.deliveries)) continue;
      this.#idle = true;
      if (claimed.nextDue !== undefined) this.#resting.due(claimed.nextDue, why);
      this.#resting.set(true);
      break;
    }
    if (this.#room === 0) this.#rest();
    return total;
  }
}
