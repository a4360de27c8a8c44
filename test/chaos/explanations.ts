/**
 * Why a task may have run again (G3). Each repeat needs a reason of its own, which befell whoever held the run before it, between its claim
 * and the claim of the next: its process or its child was killed, by a fault or by a neighbour; its line was cut, or the server ended; or it
 * could not renew for as long as a lease does not survive, by a fault or by the word of a probe that shares nothing with the lease.
 */

import { effectOf, holds } from "./fault-effects.ts";
import type { FaultEntry, History, TaskHistory } from "./history.ts";
import type { Hold, Run } from "./journal.ts";
import { slots } from "./room.ts";
import type { BrokerName } from "./stage.ts";

/**
 * Renewals go out every third of a lease, so one arrives in time unless the way there and back took the other two thirds, of which the
 * probe, that looks now and then, may miss a little.
 */
const survived = 0.6;
/** Ms; RabbitMQ ends a connection over which it heard nothing for two of them. */
const heartbeat = 1000;
/** Of a task that throws at first: the first one, and five after what it threw. No other throws. */
export const mostAttempts = 6;
/** Workers whose tasks one fault can interrupt. */
const workers = 3;
/** Ms between two silences in which nobody needs to have been heard: a connection is made anew. */
const breath = 500;
/** Ms by which two processes may write down in another order what happened. */
const disorder = 500;

interface Span {
  readonly t: number;
  readonly until: number;
  readonly name: string;
}

/** A run that came again. */
interface Repeat {
  readonly former: Run;
  readonly next: Run;
  /** Claim of the former run, and of the one that repeats it. */
  readonly held: number;
  readonly to: number;
}

export class Explanations {
  readonly #history: History;
  readonly #broker: BrokerName;
  readonly #shadow: number;
  readonly #lease: number;
  readonly #silences = new Map<number, readonly Span[]>();

  constructor(history: History, { broker, shadow, lease }: { broker: BrokerName; shadow: number; lease: number }) {
    this.#history = history;
    this.#broker = broker;
    this.#shadow = shadow;
    this.#lease = lease;
  }

  /** So many repeats all faults can account for: each may interrupt all that ran where it hit. */
  get most(): number {
    const { faults, deadly, aways, again, unclear } = this.#history;
    const copies = this.#broker === "rabbitmq" ? again.size + unclear.size : 0;
    const ofTasks = (deadly.length + aways.length) * slots + copies * mostAttempts;
    return faults.reduce((sum, fault) => sum + this.#mostOf(fault), ofTasks);
  }

  /** Of each repeat of a task; `undefined` for one that has none. */
  of(task: TaskHistory): readonly (string | undefined)[] {
    const copied = new Set<number>();
    return repeatsOf(task).map(
      (repeat) =>
        this.#neighbour(repeat) ?? this.#reasonFor(repeat) ?? this.#lateHolder(repeat) ?? this.#copy(repeat, copied),
    );
  }

  /** How many repeats of a task that ends its own process were something else's doing. */
  ofDoomed(task: TaskHistory): number {
    return repeatsOf(task).filter((repeat) => this.#reasonFor(repeat) !== undefined).length;
  }

  #mostOf({ fault, target }: FaultEntry): number {
    const effect = effectOf(fault);
    if (effect.by === "nothing") return 0;
    if (effect.whose === "two-port worker") return 1;
    if (effect.whose === "all") return holds(effect.server, this.#broker) ? workers * slots : 0;
    return effect.whose === "line" && target === 0 ? workers * slots : slots;
  }

  #reasonFor(repeat: Repeat): string | undefined {
    return this.#history.faults.find((fault) => this.#strikes(fault, repeat))?.fault ?? this.#silence(repeat);
  }

  /** A task that ends its process takes those beside it along. */
  #neighbour({ former, to }: Repeat): string | undefined {
    const ends = this.#history.deadly.some(({ pid, t }) => pid === former.pid && t <= to && t + disorder >= former.t);
    return ends ? "a neighbour that ended its process" : undefined;
  }

  /**
   * On RabbitMQ who began it was handed the message before the other, stood still or could not be reached until another had it as well, and
   * learned that it was taken away when it had begun.
   */
  #lateHolder({ next: { worker }, to }: Repeat): string | undefined {
    if (this.#broker !== "rabbitmq") return undefined;
    return this.#silencesOf(worker).find(
      ({ t, until }) => Math.min(until, to) - t >= heartbeat && Math.abs(until - to) <= disorder,
    )?.name;
  }

  /**
   * RabbitMQ knows no ids, so what is sent twice lies there twice until one of the two has ended (G2): each attempt may come once more. What
   * nobody knew to be accepted was sent again too, and what stands in its place is sent by each of them. `copied`: attempts that did.
   */
  #copy({ former: { id, attempt } }: Repeat, copied: Set<number>): string | undefined {
    const { again, unclear } = this.#history;
    const job = id.replace(/-replaced$/, "");
    if (this.#broker !== "rabbitmq" || copied.has(attempt)) return undefined;
    if (!again.has(job) && !unclear.has(job) && !this.#sentIntoFault(job)) return undefined;
    copied.add(attempt);
    return "sent twice";
  }

  /** Its sender got its answer when the server or a line had just been away, so that it may have sent it again to get one. */
  #sentIntoFault(job: string): boolean {
    const at = this.#history.acceptedAt.get(job);
    if (at === undefined) return false;
    return this.#history.faults.some(({ fault, target, t, until }) => {
      const effect = effectOf(fault);
      if (effect.by !== "silence" && effect.by !== "loss") return false;
      const everybody = effect.whose === "all" && holds(effect.server, this.#broker);
      const its = effect.whose === "line" && !this.#history.workers.has(target);
      return (everybody || its) && t <= at && until + disorder >= at;
    });
  }

  /** Whether the fault took what was held, however short it was. */
  #strikes({ fault, target, t, until }: FaultEntry, { former, held, to }: Repeat): boolean {
    const effect = effectOf(fault);
    const lies = (after: number): boolean => t <= to + disorder && until + after >= held;
    switch (effect.by) {
      case "death":
        if (effect.whose === "worker") return target === former.worker && lies(this.#shadow);
        if (effect.whose === "child") return target === former.pid && lies(disorder);
        // It is a worker without children.
        return former.pid === former.worker && lies(disorder);
      case "loss": {
        if (this.#broker !== "rabbitmq") return false;
        if (effect.whose === "all") return holds(effect.server, this.#broker) && lies(disorder);
        return isOf(target, former.worker) && lies(effect.lingers === true ? this.#shadow : disorder);
      }
      case "clock":
        return holds(effect.server, this.#broker) && lies(disorder);
      default:
        return false;
    }
  }

  /** It could not renew, for too long to keep what it held. */
  #silence({ former: { worker }, held, to }: Repeat): string | undefined {
    const least = this.#broker === "rabbitmq" ? heartbeat : survived * this.#lease;
    return this.#silencesOf(worker).find(
      // What was claimed may have been on its way for as long as its lease.
      ({ t, until }) => Math.min(until, to) - Math.max(t, held - this.#lease) >= least && until >= held,
    )?.name;
  }

  /** Times in which this worker did not turn, or got no word to the broker and back; those that follow each other as one. */
  #silencesOf(worker: number): readonly Span[] {
    const known = this.#silences.get(worker);
    if (known) return known;
    const { faults, aways } = this.#history;
    const spans = [
      ...faults
        .filter((fault) => this.#isSilence(fault, worker))
        .map(({ t, until, fault }) => ({ t, until, name: fault })),
      ...aways.filter((away) => away.worker === worker).map(({ t, until }) => ({ t, until, name: "out of reach" })),
    ].sort((a, b) => a.t - b.t);
    const joined: Span[] = [];
    for (const span of spans) {
      const last = joined.at(-1);
      if (last === undefined || span.t > last.until + breath) joined.push(span);
      else
        joined[joined.length - 1] = {
          t: last.t,
          until: Math.max(last.until, span.until),
          name: last.name.includes(span.name) ? last.name : `${last.name}, ${span.name}`,
        };
    }
    this.#silences.set(worker, joined);
    return joined;
  }

  #isSilence({ fault, target }: FaultEntry, worker: number): boolean {
    const effect = effectOf(fault);
    if (effect.by === "nothing" || effect.by === "death" || effect.by === "clock") return false;
    if (effect.whose === "all") return holds(effect.server, this.#broker);
    return effect.whose === "line" ? isOf(target, worker) : target === worker;
  }
}

/** A line whose client is not known is everybody's. */
function isOf(target: number, worker: number): boolean {
  return target === 0 || target === worker;
}

/** An attempt that begins a second time is one. */
function repeatsOf({ starts, claims }: TaskHistory): readonly Repeat[] {
  const attempts = new Map<number, Run>();
  return starts.flatMap((next) => {
    const former = attempts.get(next.attempt);
    attempts.set(next.attempt, next);
    if (former === undefined) return [];
    return [{ former, next, held: claimOf(former, claims), to: claimOf(next, claims) }];
  });
}

function claimOf({ t, worker }: Run, claims: readonly Hold[]): number {
  return claims.findLast((claim) => claim.t <= t && claim.worker === worker)?.t ?? t;
}
