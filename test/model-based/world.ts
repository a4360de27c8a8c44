/**
 * Carries out steps on one driver and says what could be seen of each. Two worlds that are told the same steps see the same, whatever lies
 * behind them; what may differ is not looked at: fences as such, how claims are cut into batches, and in which place of its line a message
 * comes that was delayed (`loose`).
 */

import type { Consumer, Delivery, Outgoing, Settled, Settlement } from "../../src/port/broker.ts";
import {
  idOf,
  letterOf,
  makeMessage,
  messageOf,
  never,
  recordOf,
  resultOf,
} from "../../src/testing/conformance/rig.ts";
import type { Driver, ModelClient } from "./driver.ts";
import {
  consumers,
  type Draft,
  type DraftSettlement,
  type Ending,
  followIds,
  knownIds,
  queues,
  type Step,
} from "./step.ts";

export interface Seen {
  readonly step: unknown;
  readonly counts: readonly string[];
}
interface Held {
  readonly delivery: Delivery;
  readonly label: string;
}
interface Seat {
  readonly client: ModelClient;
  readonly consumer: Consumer;
  readonly queue: number;
  readonly got: Delivery[];
  held: Held[];
  frozen: boolean;
  last: readonly Settlement[];
}

export class World {
  /** How long it may take until what the model saw is seen here too, ms. */
  patience = 60_000;
  readonly #driver: Driver;
  readonly #clients: ModelClient[] = [];
  #seats: Seat[] = [];
  #janitor: Consumer | undefined;
  #count = 0;
  #highest = 0;

  constructor(driver: Driver) {
    this.#driver = driver;
  }

  async start(): Promise<void> {
    while (this.#clients.length <= consumers) this.#clients.push(await this.#driver.open());
    await this.#driver.reset();
    this.#count = 0;
    this.#highest = 0;
    // It takes nothing, and sees to what the dead leave.
    this.#janitor = await this.#consume(this.#client(consumers), [0, 1], () => undefined);
    this.#seats = [];
    for (let who = 0; who < consumers; who++) this.#seats.push(await this.#sit(this.#client(who), who % queues));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#seats.map(({ client }) => client.thaw()));
    await Promise.all(this.#seats.map(({ consumer }) => consumer.stop()));
    await this.#janitor?.stop();
  }

  /** `expected`: what the model saw, up to which a world that is asked over a wire may take its time. */
  async do(step: Step, loose: ReadonlySet<number>, expected?: Seen): Promise<Seen> {
    const seen = await this.#do(step, loose, expected);
    let counts = await this.#counts();
    const aim = String(expected?.counts ?? counts);
    for (const since = performance.now(); String(counts) !== aim; counts = await this.#counts()) {
      if (performance.now() - since > this.patience) break;
      await this.#driver.turn();
    }
    return { step: seen, counts };
  }

  /** The queues that hold nothing that is ready; their order is strict again. */
  async empty(): Promise<readonly number[]> {
    const states = await this.#client(consumers).broker.queues.list();
    return Array.from({ length: queues }, (_, queue) => queue).filter((queue) =>
      (states.find(({ name }) => name === nameOf(queue))?.ready ?? []).every(({ count }) => count === 0),
    );
  }

  /** The queues of what this consumer holds, which goes back in the order in which it was claimed. */
  queueOf(who: number): number {
    return this.#seats[who]?.queue ?? 0;
  }

  async #do(step: Step, loose: ReadonlySet<number>, expected?: Seen): Promise<unknown> {
    const { queues: admin, dead } = this.#client(consumers).broker;
    switch (step.do) {
      case "publish":
        return this.#publish(step.queue, step.drafts);
      case "claim":
        return this.#claim(this.#seat(step.who), step.n, loose, (expected?.step ?? []) as readonly string[]);
      case "start":
        return this.#start(this.#seat(step.who), step.pick, step.blame);
      case "settle":
        return this.#settle(this.#seat(step.who), step.batch);
      case "settle-again": {
        const seat = this.#seat(step.who);
        return seat && (await seat.consumer.settle(seat.last)).map(shown);
      }
      case "freeze":
        return this.#freeze(this.#seat(step.who));
      case "die": {
        const seat = this.#seat(step.who);
        if (seat === undefined) return undefined;
        await this.#freeze(seat);
        return this.#wake(seat, { to: "ack" }, true);
      }
      case "thaw": {
        const seat = this.#seats[step.who];
        return seat?.frozen === true ? this.#wake(seat, step.end, step.plain) : undefined;
      }
      case "stop":
        return this.#replace(this.#seat(step.who));
      case "queue": {
        const seat = this.#seat(step.who);
        if (seat === undefined || seat.held.length > 0) return undefined;
        await seat.consumer.setQueues([nameOf(step.queue)]);
        this.#seats[this.#seats.indexOf(seat)] = { ...seat, queue: step.queue };
        return undefined;
      }
      case "requeue":
        // Where delayed messages have come due, one driver has moved them to the line already, and another does so at the next claim.
        return loose.has(step.queue) ? undefined : this.#requeue(step);
      case "purge":
        return admin.purge(nameOf(step.queue), { ready: true, delayed: step.delayed || loose.has(step.queue) });
      case "pause":
      case "resume":
        return admin[step.do](nameOf(step.queue));
      case "redrive":
      case "drop": {
        const letter = at(await this.#letters(), step.pick);
        return letter && [letter.label, await dead[step.do]([letter.key])];
      }
      case "elapse":
        return this.#driver.elapse(this.#driver.horizon * 1.2);
    }
  }

  async #publish(queue: number, drafts: readonly Draft[]): Promise<unknown> {
    const batch = drafts.map((draft) => this.#outgoing(queue, draft));
    return (await this.#client(consumers).broker.publish(batch, never)).map(({ kind }) => kind);
  }

  #outgoing(queue: number, { id, nonce, priority, later }: Draft): Outgoing {
    const number = ++this.#count;
    const name = id < 0 ? `own-${String(number)}` : sharedName(id);
    const dedupe = { id: name, nonce: `nonce-${String(nonce)}`, window: this.#driver.horizon };
    return {
      queue: nameOf(queue),
      message: makeMessage({ id: name, priority, body: JSON.stringify([[number], {}, {}]) }),
      ...this.#due(later),
      ...(id < 0 ? {} : { dedupe }),
    };
  }

  #due(later: number): { readonly due?: number } {
    return later === 0 ? {} : { due: this.#driver.now() + Math.round((this.#driver.horizon * (later + 1)) / 5) };
  }

  /** Takes `n` more than it holds, or as many as there are, and then has no room. */
  async #claim(
    seat: Seat | undefined,
    n: number,
    loose: ReadonlySet<number>,
    expected: readonly string[],
  ): Promise<unknown> {
    if (seat === undefined) return undefined;
    const all = loose.has(seat.queue);
    const want = all ? 1_000 : n;
    const from = seat.got.length;
    seat.consumer.want(seat.held.length + want, want);
    await this.#until(() => seat.got.length - from >= expected.length);
    seat.consumer.want(0, 0);
    await this.#settled(seat);
    const batch = seat.got.slice(from).map((delivery) => ({ delivery, label: labelOf(delivery) }));
    if (all) batch.sort((one, other) => (one.label < other.label ? -1 : 1));
    seat.held.push(...batch);
    const fences = batch.map(({ delivery }) => delivery.fence);
    const grown = fences.every((fence) => fence > this.#highest);
    this.#highest = Math.max(this.#highest, ...fences);
    return [...batch.map(({ label }) => label), ...(grown ? [] : ["a fence that did not grow"])];
  }

  async #start(seat: Seat | undefined, pick: number, blame: "suspect" | "sure"): Promise<unknown> {
    const held = seat && at(seat.held, pick);
    if (seat === undefined || held === undefined) return undefined;
    seat.consumer.started([held.delivery], blame);
    await this.#settled(seat);
    return held.label;
  }

  async #settle(seat: Seat | undefined, drafts: readonly DraftSettlement[]): Promise<unknown> {
    if (seat === undefined) return undefined;
    const batch: Settlement[] = [];
    const labels: string[] = [];
    for (const draft of drafts) {
      const held = at(seat.held, draft.pick);
      if (held === undefined) continue;
      seat.held = seat.held.filter((one) => one !== held);
      labels.push(held.label);
      batch.push(this.#settlement(held.delivery, draft));
    }
    seat.last = batch;
    const answers = await seat.consumer.settle(batch);
    return answers.map((answer, index) => `${labels[index] ?? ""}: ${shown(answer)}`);
  }

  #settlement(delivery: Delivery, { end, result, follow, record }: DraftSettlement): Settlement {
    const id = idOf(delivery);
    const number = ++this.#count;
    return {
      delivery,
      then: this.#then(delivery, end),
      ...(result === ""
        ? {}
        : { result: resultOf(id, result, delivery.fence, { value: number, ttl: this.#driver.horizon }) }),
      ...(record ? { record: recordOf("w", `error ${String(number)}`, this.#driver.now()) } : {}),
      follow: follow.map(({ id: known, nonce }) =>
        this.#outgoing(0, { id: knownIds + known, nonce, priority: 0, later: 0 }),
      ),
    };
  }

  #then(delivery: Delivery, end: Ending): Settlement["then"] {
    switch (end.to) {
      case "ack":
        return { kind: "ack" };
      case "bury":
        return { kind: "bury", letter: letterOf(delivery, "exhausted") };
      case "replace": {
        const body = JSON.stringify([[++this.#count], {}, {}]);
        const message = makeMessage({ id: idOf(delivery), priority: end.priority, body });
        return { kind: "replace", next: { queue: nameOf(end.queue), message, ...this.#due(end.later) } };
      }
      case "requeue": {
        const { at, crashes, suspicions } = end;
        const counts = {
          ...(crashes === undefined ? {} : { crashes }),
          ...(suspicions === undefined ? {} : { suspicions }),
        };
        return { kind: "requeue", at, ...this.#due(end.later), ...counts };
      }
    }
  }

  /** Stopped for longer than its lease: what it holds is given to others, which it learns when it goes on. */
  async #freeze(seat: Seat | undefined): Promise<unknown> {
    if (seat === undefined) return undefined;
    await seat.client.freeze();
    seat.frozen = true;
    await this.#driver.endLeases(seat.held.map(({ delivery }) => delivery));
    await this.#until(async () => (await this.#overdue(seat.queue)) === 0);
    return seat.held.map(({ label }) => label);
  }

  /** Tries to end what it thinks it holds. */
  async #wake(seat: Seat, end: Ending, plain: boolean): Promise<unknown> {
    await seat.client.thaw();
    seat.frozen = false;
    const answers = await this.#settle(
      seat,
      seat.held.map(() => ({
        pick: 0,
        end,
        result: plain ? "" : "SUCCESS",
        follow: plain ? [] : [{ id: 0, nonce: 0 }],
        record: !plain,
      })),
    );
    return [answers, seat.last.map(({ delivery }) => delivery.lost.aborted)];
  }

  /** Leases that are over and that nobody has seen to yet. */
  async #overdue(queue: number): Promise<number> {
    const { items } = await this.#client(consumers).broker.queues.browse(nameOf(queue), "leased", undefined, 200);
    return items.filter(({ leaseUntil = 0 }) => leaseUntil < this.#driver.now()).length;
  }

  async #replace(seat: Seat | undefined): Promise<unknown> {
    if (seat === undefined) return undefined;
    const { held, client, queue } = seat;
    await seat.consumer.stop();
    const late = await seat.consumer.settle(held.map(({ delivery }) => ({ delivery, then: { kind: "ack" } as const })));
    this.#seats[this.#seats.indexOf(seat)] = await this.#sit(client, queue);
    return [late.map(shown), held.map(({ delivery }) => delivery.lost.aborted)];
  }

  async #requeue({ queue, pick, at: place, to }: Extract<Step, { do: "requeue" }>): Promise<unknown> {
    const { queues: admin } = this.#client(consumers).broker;
    const ids = await this.#idsIn(queue);
    const id = at(ids, pick);
    if (id === undefined) return undefined;
    const was = await admin.requeue(nameOf(queue), [id], { at: place, queue: nameOf(to) });
    const answers: unknown[] = [id, was];
    // Its holder finds out when it settles; until then neither world shows it room.
    for (const seat of this.#seats) {
      const held = seat.held.find(({ delivery }) => idOf(delivery) === id);
      if (held === undefined || seat.frozen) continue;
      seat.held = seat.held.filter((one) => one !== held);
      const settled = await seat.consumer.settle([{ delivery: held.delivery, then: { kind: "ack" } }]);
      answers.push(settled.map(shown), held.delivery.lost.aborted);
    }
    return answers;
  }

  /** Of messages whose id no other has here, in no order that a driver would have to keep. */
  async #idsIn(queue: number): Promise<readonly string[]> {
    const { queues: admin } = this.#client(consumers).broker;
    const ids: string[] = [];
    for (const where of ["ready", "delayed", "leased"] as const)
      for (const { raw } of (await admin.browse(nameOf(queue), where, undefined, 200)).items)
        ids.push(/"id": ?"([^"]+)"/.exec(Buffer.from(raw).toString())?.[1] ?? "");
    return ids.filter((id) => ids.indexOf(id) === ids.lastIndexOf(id)).sort();
  }

  async #letters(): Promise<readonly { readonly key: string; readonly label: string }[]> {
    const { items } = await this.#client(consumers).broker.dead.list({}, undefined, 200);
    const letters = items.map((letter) => {
      const errors = letter.attempts.map(({ error }) => error).join(", ");
      return { key: letter.key, label: `${letter.queue} ${String(letter.id)} ${letter.reason} (${errors})` };
    });
    return letters.sort((one, other) => (one.label < other.label ? -1 : 1));
  }

  /** What lies where, and what is known of the ids that are used again. */
  async #counts(): Promise<readonly string[]> {
    const { broker, store } = this.#client(consumers);
    const ids = Array.from({ length: knownIds + followIds }, (_, id) => sharedName(id));
    const [states, results, letters] = await Promise.all([broker.queues.list(), store.get(ids), this.#letters()]);
    const lines = states
      .filter(({ name }) => name.startsWith("queue-"))
      .map(({ name, ready, delayed = 0, leased = 0 }) => {
        const waiting = ready.reduce((sum, { count }) => sum + count, delayed);
        return `${name}: ${String(waiting)} waiting, ${String(leased)} leased`;
      });
    const stored = results.map((outcome) => {
      if (outcome === undefined) return "none";
      const { result } = JSON.parse(Buffer.from(outcome.meta).toString()) as { readonly result: number };
      return `${outcome.state} ${String(result)}`;
    });
    return [...lines.sort(), `results: ${stored.join(", ")}`, ...letters.map(({ label }) => label)];
  }

  /** A consumer that may act: who is frozen may not. */
  #seat(who: number): Seat | undefined {
    const seat = this.#seats[who];
    return seat === undefined || seat.frozen ? undefined : seat;
  }

  #client(index: number): ModelClient {
    const client = this.#clients[index];
    if (client === undefined) throw new Error("start() first");
    return client;
  }

  async #sit(client: ModelClient, queue: number): Promise<Seat> {
    const got: Delivery[] = [];
    const consumer = await this.#consume(client, [queue], (batch) => void got.push(...batch));
    return { client, consumer, queue, got, held: [], frozen: false, last: [] };
  }

  #consume(client: ModelClient, of: readonly number[], take: (batch: readonly Delivery[]) => void): Promise<Consumer> {
    const { lease, sweep } = this.#driver;
    const limits = { maxClaimBytes: 1e6, userCodeHere: false, stallLimit: 60_000 };
    return client.broker.consume(
      { queues: of.map(nameOf), worker: `w${String(++this.#count)}`, lease, sweep, ...limits },
      take,
    );
  }

  /** Whatever this client sent before has been carried out, and was answered. */
  async #settled(seat: Seat): Promise<void> {
    await this.#driver.turn();
    await seat.client.broker.queues.list();
    await this.#driver.turn();
  }

  async #until(ready: () => boolean | Promise<boolean>): Promise<void> {
    const since = performance.now();
    while (!(await ready()) && performance.now() - since < this.patience) await this.#driver.turn();
  }
}

const nameOf = (queue: number): string => `queue-${String(queue)}`;
const sharedName = (id: number): string => (id < knownIds ? `known-${String(id)}` : `follow-${String(id - knownIds)}`);

function at<T>(items: readonly T[], pick: number): T | undefined {
  return items.length === 0 ? undefined : items[pick % items.length];
}

function labelOf(delivery: Delivery): string {
  const [[number]] = JSON.parse(Buffer.from(messageOf(delivery).body).toString()) as [[number]];
  const { redelivered, crashes, suspicions, queue } = delivery;
  return `${String(number)} ${idOf(delivery)} in ${queue}, ${redelivered ? "again" : "first"}, ${String(crashes)}/${String(suspicions)}`;
}

/** Without the fence that the meta of another's result holds. */
function shown(answer: Settled): string {
  return answer.kind === "already-final" ? `already ${answer.outcome.state}` : answer.kind;
}
