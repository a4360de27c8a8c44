/**
 * Claims, renews and settles for one worker. One timer for all it holds; it renews its own before it reaps what others left.
 * A renewal cannot fail while this process runs, so there is no deadline of its own here; and user code that blocks this thread
 * blocks the server with it, so renewing from another thread (`userCodeHere`, `stallLimit`) would gain nothing.
 */

import type { Clock } from "../../clock/clock.ts";
import type { ConsumeOptions, Consumer, Delivery, Settled, Settlement } from "../../port/broker.ts";
import { MemoryDelivery } from "./delivery.ts";
import type { Claimer, MessageTable } from "./message-table.ts";
import type { Session } from "./session.ts";

export class MemoryConsumer implements Consumer, Claimer {
  readonly worker: string;
  readonly pid: number = process.pid;
  readonly #messages: MessageTable;
  readonly #session: Session;
  readonly #clock: Clock;
  readonly #options: ConsumeOptions;
  readonly #take: (batch: readonly Delivery[]) => void;
  readonly #held = new Set<MemoryDelivery>();
  /** The answer to each settlement, for those who ask again. */
  readonly #answers = new WeakMap<Settlement, Settled>();
  readonly #heartbeat: Disposable;
  #queues: readonly string[];
  #turn = 0;
  #want = 0;
  #woken = false;
  #claiming = true;

  constructor(
    messages: MessageTable,
    session: Session,
    clock: Clock,
    options: ConsumeOptions,
    take: (batch: readonly Delivery[]) => void,
  ) {
    this.worker = options.worker;
    this.#messages = messages;
    this.#session = session;
    this.#clock = clock;
    this.#options = options;
    this.#take = take;
    this.#queues = options.queues;
    this.#heartbeat = clock.every(Math.min(options.lease / 3, options.sweep), () => this.#beat());
    messages.attach(this);
    messages.reap();
  }

  /** Starting with another one at each claim, so that none is always served last. */
  get queues(): readonly string[] {
    const at = this.#turn % Math.max(1, this.#queues.length);
    return [...this.#queues.slice(at), ...this.#queues.slice(0, at)];
  }

  want(n: number, _start: number): void {
    this.#want = n;
    this.wake();
  }

  setQueues(queues: readonly string[]): Promise<void> {
    this.#queues = queues;
    for (const name of queues) this.#messages.queue(name);
    this.wake();
    return Promise.resolve();
  }

  /** Claims at the end of this turn, once, however often it was called. */
  wake(): void {
    if (this.#woken || !this.#claiming) return;
    this.#woken = true;
    queueMicrotask(() => {
      this.#woken = false;
      this.#claim();
    });
  }

  started(deliveries: readonly Delivery[], blame: "suspect" | "sure"): void {
    for (const delivery of this.#mine(deliveries)) {
      delivery.begun = true;
      this.#messages.started(this, delivery.held, delivery.fence, blame);
    }
  }

  async begin(deliveries: readonly Delivery[]): Promise<void> {
    this.#session.ensureOpen();
    for (const delivery of this.#mine(deliveries)) {
      const { held, fence } = delivery;
      if (!this.#messages.holds(this, held, fence)) continue;
      this.#messages.calls.begin(held);
      delivery.look();
    }
  }

  async settle(batch: readonly Settlement[]): Promise<readonly Settled[]> {
    this.#session.ensureOpen();
    const answers = batch.map((settlement) => this.#settle(settlement));
    this.wake();
    return answers;
  }

  pause(): void {
    this.#claiming = false;
  }

  stop(): Promise<void> {
    this.#end();
    const back = [...this.#held].toSorted((a, b) => Number(a.begun) - Number(b.begun) || a.fence - b.fence);
    // Each goes to the very front, so the one to come first goes last.
    for (const delivery of back.toReversed()) {
      this.#messages.giveBack(this, delivery.held, delivery.fence);
      delivery.lose("it was given back");
    }
    this.#held.clear();
    return Promise.resolve();
  }

  /** As if its process had died: leases run on until they end. */
  abandon(): void {
    this.#end();
    this.#held.clear();
  }

  /** There is no link that could break, and leases do not read the wall clock: nothing to report, ever. */
  on(): void {}

  #end(): void {
    this.#claiming = false;
    this.#heartbeat[Symbol.dispose]();
    this.#messages.detach(this);
  }

  #claim(): void {
    const room = this.#want - this.#held.size;
    if (!this.#claiming || room <= 0 || this.#queues.length === 0) return;
    const { maxClaimBytes, lease } = this.#options;
    const claimed = this.#messages.claim(this, { room, maxBytes: maxClaimBytes, lease });
    if (claimed.length === 0) return;
    this.#turn += 1;
    const now = this.#clock.now();
    const batch = claimed.map((held) => new MemoryDelivery(held, held.lease?.fence ?? 0, now));
    for (const delivery of batch) this.#held.add(delivery);
    this.#take(batch);
    this.wake();
  }

  #settle(settlement: Settlement): Settled {
    const known = this.#answers.get(settlement);
    if (known !== undefined) return known;
    const [delivery] = this.#mine([settlement.delivery]);
    const answer: Settled =
      delivery === undefined
        ? { kind: "lost" }
        : this.#messages.settle(this, delivery.held, delivery.fence, settlement);
    this.#answers.set(settlement, answer);
    if (delivery !== undefined) {
      this.#held.delete(delivery);
      if (answer.kind === "lost") delivery.lose("another has taken it");
    }
    return answer;
  }

  #beat(): void {
    for (const delivery of this.#held) {
      if (this.#messages.renew(this, delivery.held, delivery.fence, this.#options.lease)) continue;
      this.#held.delete(delivery);
      delivery.lose("its lease ended before it was renewed");
      this.wake();
    }
    this.#messages.reap();
  }

  #mine(deliveries: readonly Delivery[]): readonly MemoryDelivery[] {
    return deliveries.filter((delivery) => delivery instanceof MemoryDelivery);
  }
}
