/**
 * Sends settlements to the broker, one call for all that ended in a turn, and repeats a call whose answer never came: settling is
 * idempotent, so "nobody knows" is answered by asking again until the lease is lost.
 */

import type { Clock } from "../clock/clock.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { Broker, Consumer, Delivery, Outgoing, Settled, Settlement } from "../port/broker.ts";
import type { Arrival, Joined } from "../port/joins.ts";
import type { Claimed } from "../port/ledger.ts";
import type { ResultStore, ResultWrite } from "../port/result-store.ts";
import type { Ending } from "./ending.ts";
import type { Execution } from "./execution.ts";
import { answering } from "./result-write.ts";
import { openAs } from "./turn.ts";

export interface Entry {
  readonly ending: Ending;
  /** Absent for what intake settles without running it. */
  readonly execution: Execution | undefined;
  /** How the ledger knows it; absent where it did not begin there. */
  readonly claimed?: Claimed | undefined;
}

/** The way of a batch to the broker, in one call that may be repeated. */
export type SettleBatch = (
  consumer: Consumer,
  batch: readonly Entry[],
  publish: (send: readonly Outgoing[]) => Promise<void>,
) => Promise<readonly Settled[]>;

export interface SettlerOptions {
  readonly broker: Broker;
  readonly store: ResultStore;
  readonly clock: Clock;
  /** Called for each entry when its settlement is known; `undefined` = the lease was lost before an answer came. */
  readonly settled: (entry: Entry, how: Settled["kind"] | undefined) => void;
  /** Round trip of one settle call, ms. */
  readonly answered: (ms: number) => void;
  /** A call failed and will be repeated. */
  readonly troubled: (error: unknown) => void;
  /** Where the broker can't take a result along: the steps instead of the one. */
  readonly settleBatch?: SettleBatch | undefined;
  /** Makes more of each entry before it is sent. */
  readonly extend?: ((entry: Entry) => Entry) | undefined;
  /** What became of arrivals at chords, in their order. */
  readonly joined?:
    | ((arrivals: readonly Arrival[], joined: readonly Joined[] | undefined, entry: Entry) => void)
    | undefined;
  /** The broker has these: what follows a task, or its next try. */
  readonly sent?: ((messages: readonly Outgoing[]) => void) | undefined;
  /** What to say instead of an ending that can't be written in any call. */
  readonly unwritable: (entry: Entry, error: unknown) => Ending;
}

const firstWait = 50;
const longestWait = 2000;
/** A retry of what was acknowledged early is published under a name of its own for as long, so that a repeat of the call is none. */
const againWindow = 3_600_000;

/** No repeat changes these: something in the settlement itself can't be written. */
const unwritableCodes: ReadonlySet<string> = new Set(["MESSAGE_TOO_LARGE", "NAME_INVALID", "NOT_SERIALIZABLE"]);

export class Settler {
  readonly #options: SettlerOptions;
  #consumer: Consumer | undefined;
  #batch: Entry[] = [];
  #scheduled = false;
  #pending = 0;
  #held = 0;
  #idle: (() => void)[] = [];
  readonly #closed = new AbortController();

  constructor(options: SettlerOptions) {
    this.#options = options;
  }

  /** Entries whose end is not known to the broker yet, and whose deliveries it holds for us. */
  get held(): number {
    return this.#held;
  }

  attach(consumer: Consumer): void {
    this.#consumer = consumer;
  }

  add(entry: Entry): void {
    this.#pending++;
    if (!isEarly(entry)) this.#held++;
    this.#batch.push(this.#options.extend?.(entry) ?? entry);
    if (this.#scheduled) return;
    this.#scheduled = true;
    const flush = (): void => {
      this.#scheduled = false;
      void this.#send(this.#batch.splice(0));
    };
    // What ended with it goes along. What other sockets of this turn bring is waited for while a call is on its way anyway.
    if (this.#pending === 1) process.nextTick(flush);
    else setImmediate(flush);
  }

  /** Resolves when nothing is pending, or when `signal` aborts. */
  async drained(signal: AbortSignal): Promise<void> {
    if (this.#pending === 0 || signal.aborted) return;
    await new Promise<void>((resolve) => {
      this.#idle.push(resolve);
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  /** Stops repeating calls. What is unknown stays leased and comes back by its lease. */
  close(): void {
    this.#closed.abort(new Error("the worker has stopped"));
  }

  /**
   * Takes messages off the queue before their tasks run, which then run at most once. False where that did not succeed: another has
   * it, or nobody knows, and then it must not run.
   */
  async acknowledge(executions: readonly Execution[]): Promise<readonly boolean[]> {
    const acks = executions.map(({ delivery }): Settlement => ({ delivery, then: { kind: "ack" } }));
    const answers = await this.#repeat(deliveriesOf(acks), async () => this.#consumer?.settle(acks));
    return executions.map((_, index) => answers?.[index]?.kind === "settled");
  }

  /** A call of the same nature, repeated as settling is; `undefined` when it was given up. */
  repeat<T>(about: readonly Delivery[], call: () => Promise<T>): Promise<T | undefined> {
    return this.#repeat(about, call);
  }

  /** Sends until it is known; rejects with what no repeat can change, and with BACKEND_CLOSED if the worker closes before. */
  async publish(send: readonly Outgoing[]): Promise<void> {
    const sent = await this.#repeat([], () => this.#publish(send).then(() => true));
    if (sent !== true) throw new CeleriacError("BACKEND_CLOSED", "The worker stopped before this was sent.");
    this.#options.sent?.(send);
  }

  async #send(batch: readonly Entry[]): Promise<void> {
    const late = batch.filter((entry) => !isEarly(entry));
    const early = batch.filter(isEarly);
    await Promise.all([
      late.length > 0 ? this.#settle(late) : undefined,
      ...early.map((entry) => this.#settleEarly(entry)),
    ]);
    this.#pending -= batch.length;
    this.#held -= late.length;
    if (this.#pending > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** One that can't be written must not hold up the others: they are settled each alone, and it goes to the dead letters as bytes. */
  async #settle(batch: readonly Entry[]): Promise<void> {
    const { clock, answered, settled, unwritable, settleBatch, joined, store } = this.#options;
    const consumer = this.#consumer;
    if (!consumer) return;
    const settlements = batch.map(({ ending }) => ending.settlement);
    const opens = batch.flatMap(({ ending }) => ending.opens ?? []);
    const call = async (): Promise<readonly Settled[]> => {
      const sent = clock.monotonic();
      if (opens.length > 0) await store.joins?.open(opens);
      const given = await (settleBatch?.(consumer, batch, (send) => this.#publish(send)) ??
        consumer.settle(settlements));
      answered(clock.monotonic() - sent);
      return given;
    };
    // The last resort has none behind it.
    const last = batch.length === 1 && settlements[0]?.then.kind === "bury";
    let answers: readonly Settled[] | undefined;
    try {
      answers = await this.#repeat(deliveriesOf(settlements), call, last);
    } catch (error) {
      if (batch.length > 1) await Promise.all(batch.map((entry) => this.#settle([entry])));
      else await this.#settle(batch.map((entry) => ({ ...entry, ending: unwritable(entry, error) })));
      return;
    }
    const also = batch.flatMap(({ ending }, index) => (standsFor(answers?.[index]) ? writesOf(ending) : []));
    if (also.length > 0) {
      await this.#repeat([], () => this.#options.store.commit(also)).catch((error: unknown) => {
        this.#options.troubled(error);
      });
    }
    batch.forEach((entry, index) => {
      const answer = answers?.[index];
      const { arrive } = entry.ending.settlement;
      if (arrive && answer && answer.kind !== "lost") joined?.(arrive, answer.joined, entry);
      settled(entry, answer?.kind);
      if (standsFor(answer)) this.#options.sent?.(sentWith(entry.ending.settlement));
    });
  }

  /** The message was acknowledged before it started, so what is left is the result and what follows. */
  async #settleEarly(entry: Entry, last = false): Promise<void> {
    const { store } = this.#options;
    const { claimed } = entry;
    const { settlement } = entry.ending;
    const { message } = settlement.delivery;
    const result = settlement.result && answering(message, settlement.result);
    const also = writesOf(entry.ending);
    const sent = putBack(settlement);
    const send = [...(settlement.follow ?? []), ...sent];
    const goesOn = sent.length > 0 || entry.ending.end.kind === "replaced";
    let answer: Settled["kind"] | undefined;
    const { arrive = [] } = settlement;
    const { opens = [] } = entry.ending;
    try {
      answer = await this.#repeat([], async () => {
        if (opens.length > 0) await store.joins?.open(opens);
        const [stored] = result ? await store.commit([result]) : [];
        if (stored === "fenced") return "lost";
        if (also.length > 0) await store.commit(also);
        if (claimed && goesOn) await store.ledger?.reopen([{ ...claimed, as: openAs(entry.ending.end) }]);
        if (send.length > 0) await this.#publish(send);
        const joined = arrive.length > 0 ? await store.joins?.arrive(arrive) : undefined;
        this.#options.joined?.(arrive, joined, entry);
        if (claimed && !goesOn && !result) await store.ledger?.finish([claimed]);
        return stored === "already-final" ? "already-final" : "settled";
      });
    } catch (error) {
      this.#options.troubled(error);
      // What waits for it must hear of its end all the same.
      if (!last) return this.#settleEarly({ ...entry, ending: this.#options.unwritable(entry, error) }, true);
    }
    this.#options.settled(entry, answer);
    if (answer === "settled") this.#options.sent?.(sentWith(settlement));
  }

  /** Rejects while a queue is full: what was promised to follow is sent once there is room. */
  async #publish(send: readonly Outgoing[]): Promise<void> {
    const answers = await this.#options.broker.publish(send, this.#closed.signal);
    for (const answer of answers) {
      if (answer.kind !== "refused") continue;
      if (answer.reason === "full") throw new CeleriacError("QUEUE_FULL", answer.detail);
      throw new CeleriacError(answer.reason === "too-large" ? "MESSAGE_TOO_LARGE" : "UNROUTABLE", answer.detail);
    }
  }

  /**
   * Repeats until it answers, the worker closes, or every lease that it is about is lost. Rejects with what no repeat can change,
   * unless it is to be `stubborn`.
   */
  async #repeat<T>(about: readonly Delivery[], call: () => Promise<T>, stubborn = false): Promise<T | undefined> {
    let wait = firstWait;
    for (;;) {
      try {
        return await call();
      } catch (error) {
        if (!stubborn && isUnwritable(error)) throw error;
        this.#options.troubled(error);
        const allLost = about.length > 0 && about.every(({ lost }) => lost.aborted);
        if (allLost || this.#closed.signal.aborted) return undefined;
        try {
          await this.#options.clock.sleep(wait, this.#closed.signal);
        } catch {
          return undefined;
        }
        wait = Math.min(wait * 2, longestWait);
      }
    }
  }
}

function deliveriesOf(settlements: readonly Settlement[]): readonly Delivery[] {
  return settlements.map(({ delivery }) => delivery);
}

/** What is stored besides. */
function writesOf({ settlement, also }: Ending): readonly ResultWrite[] {
  return also.map((write) => answering(settlement.delivery.message, write));
}

/** What was refused or given back before its run is on the queue still, whatever its task says. */
function isEarly({ execution }: Entry): boolean {
  return execution?.acknowledged === true;
}

/** What the store says is this worker's word, or one that agrees with it. */
function standsFor(answer: Settled | undefined): boolean {
  return answer?.kind === "settled";
}

function sentWith({ follow = [], then }: Settlement): readonly Outgoing[] {
  return then.kind === "replace" ? [...follow, then.next] : follow;
}

/** What goes on the queue again of a message that is not there any more: its retry, or itself. */
function putBack({ delivery, then }: Settlement): readonly Outgoing[] {
  if (then.kind !== "replace" && then.kind !== "requeue") return [];
  if ("malformed" in delivery.message) return [];
  const due = then.kind === "requeue" && then.due !== undefined ? { due: then.due } : {};
  const next: Outgoing =
    then.kind === "replace" ? then.next : { queue: delivery.queue, message: delivery.message, ...due };
  const name = `${String(next.message.headers["id"])}:${String(delivery.fence)}`;
  return [{ ...next, dedupe: { id: name, nonce: name, window: againWindow } }];
}

function isUnwritable(error: unknown): boolean {
  if (error instanceof CeleriacError) return unwritableCodes.has(error.code);
  return error instanceof TypeError || error instanceof RangeError;
}
