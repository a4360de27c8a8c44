/**
 * Settling where results lie on another server than messages: the same end as in one step, in an order in which each step may be repeated and
 * a death between two of them is repaired by whoever gets the message next (`docs/guarantees.md`).
 *
 *   commit (fenced → its message goes back) → arrive at chords → what follows, what replaces → acknowledge → let go of what the ledger keeps
 *
 * Differs from Celery, which sends the next step before it stores the result: with fences the commit comes first, or a worker that was
 * replaced would go on with a chain that is another's.
 */

import type { Consumer, Outgoing, Settled, Settlement } from "../port/broker.ts";
import type { Arrival, Joined, OpenJoin } from "../port/joins.ts";
import type { Claimed, Ledger } from "../port/ledger.ts";
import type { ResultStore, StoredOutcome } from "../port/result-store.ts";
import { finishedRun } from "./earlier-run.ts";
import { backAsItCame, type Ending, some } from "./ending.ts";
import type { SettlementContext } from "./failed-run.ts";
import { withOwedLetter } from "./owed-letter.ts";
import { PuttingBack } from "./putting-back.ts";
import { answering } from "./result-write.ts";
import { settledBefore } from "./settlement.ts";
import type { Entry, SettleBatch } from "./settler.ts";
import type { TaskEnd } from "./task-end.ts";
import { openAs } from "./turn.ts";

export interface ApartOptions {
  readonly store: ResultStore;
  readonly context: () => SettlementContext;
}

/** One entry on its way. `settlement` has no result; it is the same object in each repeat, by which the broker knows it again. */
interface Step {
  readonly entry: Entry;
  readonly settlement: Settlement;
  readonly arrive: readonly Arrival[];
  /** Chords that follow the state that stands. */
  readonly opens?: readonly OpenJoin[] | undefined;
  /** The state that stands, if it is not this run's. */
  readonly outcome: StoredOutcome | undefined;
}

/** What is left for the broker, and what is not its affair. */
type Bare = Pick<Step, "settlement" | "arrive" | "opens">;

/** A run that ended for good. The others end with its message. */
const ended: ReadonlySet<TaskEnd["kind"]> = new Set(["succeeded", "failed", "ignored", "revoked"]);

export class SettlingApart {
  readonly #options: ApartOptions;
  readonly #bare = new WeakMap<Entry, Bare>();
  readonly #fenced = new WeakMap<Entry, Settlement>();
  readonly #puttingBack: PuttingBack | undefined;

  constructor(options: ApartOptions) {
    this.#options = options;
    const { ledger } = options.store;
    this.#puttingBack = ledger && new PuttingBack(ledger);
  }

  readonly settle: SettleBatch = async (consumer, batch, publish) => {
    const { ledger } = this.#options.store;
    const committed = await this.#commit(batch);
    const fenced = batch.filter((_, index) => committed[index] === undefined);
    if (fenced.length > 0) await this.#giveBack(consumer, fenced);
    const back = committed.some((step) => step?.settlement.then.kind === "requeue");
    const steps = back ? await this.#ready(consumer, committed) : committed;
    const going = steps.filter((step) => step !== undefined);
    const opens = going.flatMap((step) => step.opens ?? []);
    if (opens.length > 0) await this.#options.store.joins?.open(opens);
    const joined = await this.#arrive(going);
    if (ledger !== undefined) await this.#register(ledger, going, publish);
    const answers = await this.#close(consumer, going);
    // What goes on under its id, and could not be sent because the link went: what is kept of it is all there is.
    const done = going.filter(
      ({ entry, settlement }, index) => answers[index]?.kind !== "lost" || !goesOn(entry, settlement),
    );
    if (ledger !== undefined) await release(ledger, done);
    let next = 0;
    return steps.map((step): Settled => {
      if (step === undefined) return { kind: "lost" };
      const answer = answers[next++] ?? { kind: "lost" };
      const became = joined.get(step);
      const told = became === undefined ? {} : { joined: became };
      if (step.outcome !== undefined) return { kind: "already-final", outcome: step.outcome, ...told };
      // Acknowledged by nobody, but the result stands: whoever gets the message again finds it.
      if (hasFinal(step.entry)) return { kind: "settled", ...told };
      return answer.kind === "settled" ? { ...answer, ...told } : answer;
    });
  };

  async #arrive(steps: readonly Step[]): Promise<ReadonlyMap<Step, readonly Joined[]>> {
    const arrivals = steps.flatMap(({ arrive }) => arrive);
    const { joins } = this.#options.store;
    if (arrivals.length === 0 || joins === undefined) return new Map();
    const joined = await joins.arrive(arrivals);
    let next = 0;
    return new Map(steps.map((step) => [step, joined.slice(next, (next += step.arrive.length))]));
  }

  /** `undefined` for those that another worker has begun since. */
  async #commit(batch: readonly Entry[]): Promise<readonly (Step | undefined)[]> {
    const { store } = this.#options;
    const writes = batch.flatMap(({ ending: { settlement } }) =>
      settlement.result === undefined ? [] : [answering(settlement.delivery.message, settlement.result)],
    );
    const answers = writes.length === 0 ? [] : await store.commit(writes);
    const final = writes.filter((_, index) => answers[index] === "already-final").map(({ id }) => id);
    const stands = new Map((final.length === 0 ? [] : await store.get(final)).map((one) => [one?.id, one]));
    let next = 0;
    return batch.map((entry): Step | undefined => {
      const { result } = entry.ending.settlement;
      const answer = result === undefined ? "stored" : answers[next++];
      if (answer === "fenced") return undefined;
      const outcome = answer === "already-final" ? stands.get(result?.id) : undefined;
      return { entry, ...this.#bareOf(entry, outcome), outcome };
    });
  }

  /**
   * Another has begun them, from a message of its own if the link of ours still stands: what nobody settles would take a worker's room for as long as
   * that does. Whoever gets it next finds that it is a copy.
   */
  async #giveBack(consumer: Consumer, entries: readonly Entry[]): Promise<void> {
    const open = entries.filter(
      ({ ending, execution }) => execution?.kept !== true && !ending.settlement.delivery.lost.aborted,
    );
    if (open.length === 0) return;
    const settlements = open.map((entry): Settlement => {
      const known = this.#fenced.get(entry) ?? backAsItCame(entry.ending.settlement.delivery);
      this.#fenced.set(entry, known);
      return known;
    });
    await consumer.settle(settlements);
  }

  async #ready(consumer: Consumer, steps: readonly (Step | undefined)[]): Promise<readonly (Step | undefined)[]> {
    const going = steps.filter((step) => step !== undefined);
    const ready = await this.#puttingBack?.ready(consumer, going);
    if (ready === undefined) return steps;
    return steps.map((step) => {
      const settlement = step && ready.get(step.entry);
      return settlement && { ...step, settlement };
    });
  }

  #bareOf(entry: Entry, outcome: StoredOutcome | undefined): Bare {
    const known = this.#bare.get(entry);
    if (known !== undefined) return known;
    const ending = this.#endingOf(entry, outcome);
    const { result: _stored, arrive = [], ...settlement } = ending.settlement;
    const bare = { settlement, arrive, ...(outcome !== undefined && { opens: ending.opens }) };
    this.#bare.set(entry, bare);
    return bare;
  }

  /** Its own word may be what stands, stored by a try that got no answer: then its letter is its own as well. */
  #endingOf(entry: Entry, outcome: StoredOutcome | undefined): Ending {
    if (outcome === undefined) return withOwedLetter(entry.ending, this.#options.context().now);
    const after = this.#afterFinal(entry, outcome);
    const { then, record } = entry.ending.settlement;
    if (then.kind !== "bury" || after.end.kind !== "final-before" || after.end.dead === undefined) return after;
    return { ...after, settlement: { ...after.settlement, then, ...some("record", record) } };
  }

  /** Another run's word stands: what follows is what follows that. */
  #afterFinal({ ending: { settlement, end }, execution }: Entry, outcome: StoredOutcome): Ending {
    const run = finishedRun(outcome);
    if (execution !== undefined) return settledBefore(this.#options.context(), execution, run);
    return { settlement: { delivery: settlement.delivery, then: { kind: "ack" } }, end, also: [] };
  }

  /** Before the message goes: a run without a result must not be run again, and what goes on under its id may be begun again. */
  async #register(
    ledger: Ledger,
    steps: readonly Step[],
    publish: (send: readonly Outgoing[]) => Promise<void>,
  ): Promise<void> {
    const open = steps.flatMap(({ entry, settlement }) => {
      const { claimed } = entry;
      const { then } = settlement;
      if (claimed === undefined || !goesOn(entry, settlement)) return [];
      const counts = then.kind === "requeue" && { crashes: then.crashes, suspicions: then.suspicions };
      return [{ ...claimed, ...counts, as: openAs(entry.ending.end) }];
    });
    const silent = steps.filter(
      ({ entry }) =>
        entry.claimed !== undefined && ended.has(entry.ending.end.kind) && entry.ending.settlement.result === undefined,
    );
    const follow = silent.flatMap(({ settlement }) => settlement.follow ?? []);
    if (follow.length > 0) await publish(follow);
    await Promise.all([
      open.length === 0 ? undefined : ledger.reopen(open),
      silent.length === 0 ? undefined : ledger.finish(silent.flatMap(({ entry: { claimed } }) => claimed ?? [])),
    ]);
  }

  async #close(consumer: Consumer, steps: readonly Step[]): Promise<readonly Settled[]> {
    if (steps.length === 0) return [];
    const answers = await consumer.settle(steps.map(({ settlement }) => settlement));
    // The link went, and the message with it. What was promised to follow is sent all the same, and a letter is kept.
    const left = steps.filter(
      ({ entry, settlement: { then, follow } }, index) =>
        answers[index]?.kind === "lost" && hasFinal(entry) && (then.kind === "bury" || (follow?.length ?? 0) > 0),
    );
    if (left.length > 0 && consumer.detach !== undefined) {
      await consumer.detach(left.map(({ settlement }) => settlement.delivery));
      await consumer.settle(left.map(({ settlement }) => settlement));
    }
    return answers;
  }
}

async function release(ledger: Ledger, steps: readonly Step[]): Promise<void> {
  const held = steps.flatMap(({ entry: { execution, claimed } }): readonly Claimed[] =>
    execution?.kept === true && claimed !== undefined ? [claimed] : [],
  );
  if (held.length > 0) await ledger.release(held);
}

/** By its message, or by a workflow whose last task has its id. */
function goesOn({ ending: { end } }: Entry, { then }: Settlement): boolean {
  return then.kind === "replace" || then.kind === "requeue" || end.kind === "replaced";
}

function hasFinal({ ending }: Entry): boolean {
  return ending.settlement.result?.final === true;
}
