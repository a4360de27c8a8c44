/** The claim call: numbered, so that one whose answer was lost brings the same messages when it is repeated. */

import type { ConsumeOptions } from "../../port/broker.ts";
import type { Millis, ServerTime } from "../../port/units.ts";
import type { Context } from "./context.ts";
import { RedisDelivery } from "./delivery.ts";
import { mostBytes, mostItems } from "./script/script.ts";
import { claimScript } from "./script/claim.ts";

export interface Claimed {
  readonly deliveries: readonly RedisDelivery[];
  readonly now: ServerTime;
  /** There was more than was taken. */
  readonly more: boolean;
  readonly nextDue: ServerTime | undefined;
}

export interface ClaimerSettings {
  readonly session: string;
  readonly life: Millis;
  readonly options: ConsumeOptions;
}

export class Claimer {
  readonly #context: Context;
  readonly #settings: ClaimerSettings;
  #sequence = 0;
  #turn = 0;
  #prioritiesUsed = false;

  constructor(context: Context, settings: ClaimerSettings) {
    this.#context = context;
    this.#settings = settings;
  }

  get prioritiesUsed(): boolean {
    return this.#prioritiesUsed;
  }

  /** Up to `room`. Repeated, with the very same arguments, until the server answers or `signal` aborts. */
  async claim(queues: readonly string[], room: number, signal: AbortSignal): Promise<Claimed> {
    const { options, session, life } = this.#settings;
    const { keys } = this.#context;
    const turn = this.#turn++ % Math.max(1, queues.length);
    const order = [...queues.slice(turn), ...queues.slice(0, turn)];
    const names = [keys.unacked, keys.index, keys.fence, session, keys.control];
    for (const queue of order)
      names.push(keys.lease(queue), keys.due(queue), keys.bell(queue), keys.started(queue), ...keys.lists(queue));
    const args = [
      String(++this.#sequence),
      String(Math.min(room, mostItems)),
      String(Math.min(options.maxClaimBytes, mostBytes)),
      String(options.lease),
      String(life),
      options.worker,
      String(order.length),
      ...order,
      ...keys.steps.map(String),
    ];
    let sent = 0;
    const reply = (await this.#context.link.persist(() => {
      sent = this.#context.clock.monotonic();
      return this.#context.run(claimScript, names, args, { binary: true });
    }, signal)) as [now: Buffer, version: Buffer, more: number, nextDue: Buffer, ...entries: Buffer[]];
    const [time, facts, more, due, ...entries] = reply;
    const now = Number(time.toString());
    const usual = keys.stepOf(undefined);
    const deliveries: RedisDelivery[] = [];
    for (let i = 0; i + 1 < entries.length; i += 2) {
      const [id, raw] = [entries[i], entries[i + 1]];
      if (id === undefined || raw === undefined) continue;
      const delivery = new RedisDelivery(id.toString("latin1"), raw, now, sent);
      if (delivery.step !== usual) this.#prioritiesUsed = true;
      deliveries.push(delivery);
    }
    // What was revoked before they were claimed is known when they are handed out.
    const learned = this.#context.factsTold.tell(Number(facts.toString()));
    if (deliveries.length > 0) await learned;
    return { deliveries, now, more: more === 1, nextDue: due.length === 0 ? undefined : Number(due.toString()) };
  }
}
