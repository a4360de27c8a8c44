/**
 * Claims while there is room, hands over, keeps the leases, settles.
 *
 *   room and work → claim → claim …      room and no work → idle: bell, watch, next due time      no room → nothing
 */

import type { ConsumeOptions, Consumer, Delivery, Settled, Settlement } from "../../port/broker.ts";
import { Claimer } from "./claimer.ts";
import { BellWaiter } from "./bell-waiter.ts";
import type { Context } from "./context.ts";
import { RedisDelivery } from "./delivery.ts";
import { Leases, type RenewalReport } from "./leases.ts";
import { makeRenewer } from "./make-renewer.ts";
import { ServerClock } from "./server-clock.ts";
import { settleItem } from "./settle-request.ts";
import { Settler } from "./settler.ts";
import { startScript } from "./script/hold.ts";
import { startText } from "./start-mark.ts";
import { Sweeper } from "./sweeper.ts";
import { Watcher } from "./watcher.ts";
import { rest } from "./pulse.ts";

type Event = "disconnected" | "connected" | "clock-step";

/** The server keeps the last answers of a consumer for so long; never shorter than two leases, during which we repeat. */
const sessionLife = 300_000;
/** Without a bell: the watcher looks each second, the others every five. */
const watcherPatience = 1;
const idlePatience = 5;

export class RedisConsumer implements Consumer {
  readonly #context: Context;
  readonly #options: ConsumeOptions;
  readonly #take: (batch: readonly Delivery[]) => void;
  readonly #leases: Leases;
  readonly #claimer: Claimer;
  readonly #settler: Settler;
  readonly #sweeper: Sweeper;
  readonly #waiter: BellWaiter;
  readonly #watcher: Watcher;
  readonly #serverClock: ServerClock;
  readonly #renewer: ReturnType<typeof makeRenewer>;
  readonly #closing = new AbortController();
  readonly #listeners = new Map<Event, Set<(detail: string) => void>>();
  readonly #settlements = new Set<Promise<unknown>>();
  #queues: readonly string[];
  #want = 0;
  #paused = false;
  #claiming: Promise<number> | undefined;
  #scheduled = false;
  #dueTimer: Disposable | undefined;
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
    });
    this.#watcher = new Watcher(context, {
      who: session,
      queues,
      wake: async () => (await this.#claim("watch")) > 0,
      prioritiesUsed: () => this.#claimer.prioritiesUsed,
    });
    this.#waiter = new BellWaiter(context, {
      queues,
      wake: async (why) => void (await this.#claim(why)),
      patience: () => (this.#watcher.watching ? watcherPatience : idlePatience * (0.8 + Math.random() * 0.2)),
    });
  }

  async start(): Promise<void> {
    await this.#sweeper.announce();
    this.#sweeper.start();
    this.#context.link.on(
      () => this.#connected(),
      (reason) => this.#emit("disconnected", reason),
    );
  }

  want(n: number, _start: number): void {
    this.#want = n;
    this.#look();
  }

  async setQueues(queues: readonly string[]): Promise<void> {
    this.#queues = [...queues];
    await this.#claiming?.catch(() => 0);
    this.#waiter.restart();
    this.#look();
  }

  /** Sent at once, not at the end of the turn: user code on this thread may never let the turn end. */
  started(deliveries: readonly Delivery[], blame: "suspect" | "sure"): void {
    const groups = new Map<string, string[]>();
    for (const delivery of deliveries) {
      if (!(delivery instanceof RedisDelivery) || !this.#leases.has(delivery)) continue;
      delivery.markStarted();
      const text = startText({
        blame,
        pid: process.pid,
        since: this.#serverClock.now(),
        worker: this.#options.worker,
      });
      const group = groups.get(delivery.queue);
      if (group) group.push(delivery.claim, text);
      else groups.set(delivery.queue, [delivery.claim, text]);
    }
    if (groups.size === 0) return;
    const { keys } = this.#context;
    const names = [keys.unacked, keys.index, ...[...groups.keys()].map((queue) => keys.started(queue))];
    const args = [
      String(groups.size),
      ...[...groups.values()].flatMap((group) => [String(group.length / 2), ...group]),
    ];
    // Best effort: a start that the server never heard of counts nothing when we die.
    this.#context.run(startScript, names, args).catch(() => undefined);
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
    const open: RedisDelivery[] = [];
    const items = [];
    for (const settlement of batch) {
      const { delivery } = settlement;
      if (!(delivery instanceof RedisDelivery))
        throw new TypeError("a delivery of another broker can't be settled here");
      const answer = delivery.answerTo(settlement.then) ?? (open.includes(delivery) ? { kind: "lost" } : undefined);
      answers.push(answer);
      if (answer !== undefined) continue;
      items.push(settleItem(delivery, settlement));
      open.push(delivery);
    }
    if (items.length > 0) {
      for (const delivery of open) delivery.settling = true;
      try {
        const settled = await this.#settler.settle(items);
        let next = 0;
        for (let i = 0; i < answers.length; i++) answers[i] ??= settled[next++];
      } finally {
        for (const delivery of open) delivery.settling = false;
        this.#leases.remove(open.filter((delivery) => delivery.ended));
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

  on(event: Event, listener: (detail: string) => void): void {
    const listeners = this.#listeners.get(event);
    if (listeners) listeners.add(listener);
    else this.#listeners.set(event, new Set([listener]));
  }

  async #stop(): Promise<void> {
    this.pause();
    this.#waiter.close();
    // Ends the repeating of a claim, not a call that is on its way: what that brings is given back below.
    this.#closing.abort(new Error("the consumer was stopped"));
    await this.#claiming?.catch(() => 0);
    this.#sweeper.stop();
    await this.#watcher.close();
    // What is being settled gets its answer first, if the server gives one in time.
    if (this.#context.link.isUp) await Promise.allSettled(this.#settlements);
    await this.#giveBack(this.#leases.all());
    for (const delivery of this.#leases.all()) delivery.lose("its consumer was stopped");
    this.#leases.remove(this.#leases.all());
    this.#leases.close();
    await this.#renewer.close();
  }

  /** To the front, in reverse order: the first claimed ends up first again, and what was running before what was not. */
  async #giveBack(held: readonly RedisDelivery[]): Promise<void> {
    if (held.length === 0 || !this.#context.link.isUp) return;
    const order = [...held.filter((one) => !one.started).reverse(), ...held.filter((one) => one.started).reverse()];
    const items = order.map((delivery) => settleItem(delivery, { delivery, then: { kind: "requeue", at: "front" } }));
    // Once: whoever closes does not wait for a server that is away. The leases run out.
    await this.#settler.settleOnce(items).catch(() => undefined);
    for (const delivery of held) delivery.lose("its consumer was stopped");
  }

  #connected(): void {
    this.#renewer.renewNow();
    this.#emit("connected", this.#context.location.name);
    this.#look();
  }

  #renewed(report: RenewalReport): void {
    this.#serverClock.saw(report.now, this.#options.lease);
    this.#leases.lost(report.lost);
  }

  #stepped(by: number): void {
    this.#renewer.renewNow();
    this.#emit("clock-step", `the server's clock stepped by ${Math.round(by / 1000)} s`);
  }

  #emit(event: Event, detail: string): void {
    for (const listener of this.#listeners.get(event) ?? []) listener(detail);
  }

  get #room(): number {
    return this.#paused ? 0 : Math.max(0, this.#want - this.#leases.count);
  }

  /** At the end of the turn, so that what changes together is one claim. */
  #look(): void {
    if (this.#room === 0) return this.#rest();
    if (this.#scheduled || this.#claiming !== undefined) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#claim("room").catch(() => 0);
    });
  }

  #rest(): void {
    this.#waiter.setIdle(false);
    this.#watcher.setIdle(false);
  }

  /** Resolves with how many came. Claims again at once while there are more and room for them. */
  async #claim(why: "room" | "bell" | "look" | "watch"): Promise<number> {
    if (this.#claiming !== undefined) return this.#claiming;
    if (this.#room === 0 || this.#closing.signal.aborted) return 0;
    this.#claiming = this.#claimAll(why);
    try {
      return await this.#claiming;
    } finally {
      this.#claiming = undefined;
      // Room that appeared during the last call.
      if (this.#room > 0 && !this.#idleNow) this.#look();
    }
  }

  #idleNow = false;

  async #claimAll(why: "room" | "bell" | "look" | "watch"): Promise<number> {
    let total = 0;
    this.#idleNow = false;
    for (let room = this.#room; room > 0; room = this.#room) {
      const claimed = await this.#claimer.claim(this.#queues, room, this.#closing.signal);
      this.#serverClock.saw(claimed.now, this.#options.lease);
      this.#leases.add(claimed.deliveries);
      total += claimed.deliveries.length;
      const fresh = claimed.deliveries.filter((delivery) => !this.#leases.isStale(delivery));
      // Its answer took most of a lease: renewed first, handed over if it is still ours.
      if (fresh.length < claimed.deliveries.length) await this.#handLate(claimed.deliveries);
      else if (fresh.length > 0) this.#take(fresh);
      if (claimed.more) continue;
      this.#idleNow = true;
      this.#armDue(claimed.nextDue, why);
      this.#waiter.setIdle(true);
      this.#watcher.setIdle(true);
      break;
    }
    if (this.#room === 0) this.#rest();
    return total;
  }

  async #handLate(deliveries: readonly RedisDelivery[]): Promise<void> {
    const sent = this.#context.clock.monotonic();
    this.#renewer.renewNow();
    await this.#context.link.ready(this.#closing.signal);
    const step = Math.max(5, this.#options.lease / 50);
    while (this.#renewer.renewedAt < sent && deliveries.some((delivery) => !delivery.isLost))
      await rest(this.#context.clock, step, this.#closing.signal);
    const ours = deliveries.filter((delivery) => !delivery.isLost);
    if (ours.length > 0) this.#take(ours);
  }

  /** Who learned of a due time by a bell, or as the watcher, sees to it; the others would all come at once. */
  #armDue(nextDue: number | undefined, why: "room" | "bell" | "look" | "watch"): void {
    if (nextDue === undefined || (why === "look" && !this.#watcher.watching)) return;
    this.#dueTimer?.[Symbol.dispose]();
    // A day at most: timers of Node end at 24 days, and the slow look finds it anyway.
    const wait = Math.min(Math.max(0, nextDue - this.#serverClock.now()) + 1, 86_400_000);
    this.#dueTimer = this.#context.clock.after(wait, () => {
      this.#dueTimer = undefined;
      if (this.#room > 0) void this.#claim("bell").catch(() => 0);
    });
  }
}
