/**
 * Ends chords. A join that is full has its body sent with the members' results, or, if one failed, the body fails with Celery's
 * `ChordError`, and so does what waits for it. Only then is the join closed: whoever dies before that is followed by the next that
 * arrives there, or by `sweep`, which every worker makes. Everything is sent under ids that are fixed, so a repeat is a duplicate.
 */

import type { Clock } from "../clock/clock.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { Outgoing } from "../port/broker.ts";
import type { Arrival, Joined, JoinMember, Joins, StaleJoin } from "../port/joins.ts";
import type { ResultStore } from "../port/result-store.ts";
import { celeryException, readException, type WireException } from "../wire/exception.ts";
import { parseJson, stringifyJson } from "../wire/json.ts";
import { argsRepr } from "../wire/repr.ts";
import { readSignature, type Signature } from "../wire/signature.ts";
import { errbacksOf } from "../canvas/errback.ts";
import { idsIn, waitingFor } from "../canvas/waiting.ts";
import { lastId } from "../canvas/freeze.ts";
import { finalStateOf, lostArrivals } from "./arrival.ts";
import { chordValues } from "./chord-values.ts";
import type { SettlementContext } from "./failed-run.ts";
import { type Follow, followFailure, isUnsendable, sendAll, type Sender } from "./follow.ts";
import type { Reporter } from "./reporter.ts";
import { copiedFailureMeta, failureMeta } from "./result-write.ts";
import { type Waiters, waitersIn } from "./waiters.ts";

const sweepLimit = 50;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export interface ChordEndOptions {
  readonly clock: Clock;
  readonly store: ResultStore;
  readonly joins: Joins;
  readonly context: () => SettlementContext;
  /** Sends, and repeats until it is known; rejects for what cannot be sent by anybody. */
  readonly publish: (send: readonly Outgoing[]) => Promise<void>;
  /** A call that may be repeated, repeated while it gets no answer; `undefined`: given up. */
  readonly repeat: <T>(call: () => Promise<T>) => Promise<T | undefined>;
  readonly report: Reporter;
  /** How often it is looked for what others left, ms; and a full join that nobody closed for so long is taken over. */
  readonly sweep: number;
}

/** A join and what is known of it from whoever arrived there. */
export interface FullJoin {
  readonly group: string;
  readonly body: Uint8Array;
  /** The member that found it full. */
  readonly from: Sender;
}

export class ChordEnd {
  readonly #options: ChordEndOptions;
  readonly #ending = new Map<string, Promise<void>>();
  readonly #timer: Disposable;
  #sweeping = false;

  constructor(options: ChordEndOptions) {
    this.#options = options;
    this.#timer = options.clock.every(options.sweep, () => void this.sweep());
  }

  /** What became of arrivals, in their order. */
  joined(arrivals: readonly Arrival[], joined: readonly Joined[] | undefined, from: Sender): void {
    for (const [index, arrival] of arrivals.entries()) {
      if (joined?.[index]?.full !== true || arrival.body === undefined) continue;
      this.#end({ group: arrival.group, body: arrival.body, from });
    }
  }

  /** Resolves when all that was full is sent on. */
  async drained(): Promise<void> {
    while (this.#ending.size > 0) await Promise.allSettled(this.#ending.values());
  }

  close(): void {
    this.#timer[Symbol.dispose]();
  }

  /** Ends what others left: full joins that nobody closed, and those whose sender died before all members were sent. */
  async sweep(): Promise<void> {
    if (this.#sweeping) return;
    this.#sweeping = true;
    try {
      for (let more = true; more;) {
        const stale = await this.#options.joins.stale(this.#options.sweep, sweepLimit);
        for (const join of stale) this.#take(join);
        more = stale.length === sweepLimit;
      }
    } catch (error) {
      this.#options.report.warning("RESULT_STORE", "open chords could not be looked over", error);
    } finally {
      this.#sweeping = false;
    }
  }

  #take({ group, why, body }: StaleJoin): void {
    if (body === undefined) {
      this.#once(group, () => this.#giveUp(group, "nobody knows what comes after it"));
      return;
    }
    const from = senderOf(group, body);
    if (why === "full") this.#end({ group, body, from });
    else this.#once(group, () => this.#fail(group, body, from, unsent(group)));
  }

  #end({ group, body, from }: FullJoin): void {
    this.#once(group, async () => {
      const { store, joins } = this.#options;
      const values = await this.#options.repeat(() => chordValues(store, joins, group));
      // `sweep` comes back to what is early.
      if (values === undefined || values.kind === "gone" || values.kind === "early") return;
      if (values.kind === "failed") return this.#failed(group, body, from, values.member);
      await this.#send(group, body, from, values.json);
    });
  }

  /** One end of a join at a time here; what is left undone is `sweep`'s. */
  #once(group: string, work: () => Promise<void>): void {
    if (this.#ending.has(group)) return;
    const done = work()
      .catch((error: unknown) => {
        this.#options.report.warning("CHORD_LOST", `the chord ${group} could not be ended and is tried again`, error);
      })
      .finally(() => this.#ending.delete(group));
    this.#ending.set(group, done);
  }

  async #send(group: string, bytes: Uint8Array, from: Sender, front: string): Promise<void> {
    const { context, joins } = this.#options;
    let follow: Follow;
    try {
      const body = bodyIn(bytes);
      follow = sendAll(context(), from, [{ signature: body, role: "body", front, seed: group }]);
      if (follow.opens.length > 0) await this.#surely(() => joins.open(follow.opens));
      await this.#publish(follow.sends, group);
    } catch (error) {
      if (!isUnsendable(error)) throw error;
      // In every other try too: the body fails with the reason, as it does where Celery cannot send it.
      await this.#fail(group, bytes, from, celeryException("ChordError", `Callback error: ${error.message}`));
      return;
    }
    await this.#surely(() => joins.close([group]));
  }

  /**
   * Known by the chord, in name and nonce: of two that end it at once one sends, and the other repeats it. By its id alone the body may have
   * been sent before: a Python task that is replaced by a group has its id, and Celery before 5.3 does not say so.
   */
  async #publish(sends: readonly Outgoing[], group: string): Promise<void> {
    await this.#options.publish(
      sends.map((send) => {
        const { dedupe } = send;
        return dedupe ? { ...send, dedupe: { ...dedupe, id: `${dedupe.id}~${group}`, nonce: group } } : send;
      }),
    );
  }

  async #failed(group: string, bytes: Uint8Array, from: Sender, member: JoinMember): Promise<void> {
    const found = waitersOf(bytes);
    if (found === undefined) return this.#fail(group, bytes, from, dependencyFailed(member));
    const { context, joins, store } = this.#options;
    const { now, resultTtl } = context();
    const state = finalStateOf(member.state) ?? "FAILURE";
    const { ids, of } = found;
    // Another run may have had the last word, and they go on with that.
    const [stands] = of === undefined ? [] : await this.#surely(() => store.get([of]));
    const writes = ids.map((id) => copiedFailureMeta({ id }, state, decoder.decode(member.value), 0, now, resultTtl));
    if (stands?.state !== "SUCCESS") await this.#surely(() => store.commit(writes));
    await this.#surely(() => joins.close([group]));
  }

  async #fail(group: string, bytes: Uint8Array, from: Sender, error: WireException): Promise<void> {
    const { context, joins, store } = this.#options;
    const { now, resultTtl } = context();
    let body: Signature;
    try {
      body = bodyIn(bytes);
    } catch (unreadable) {
      return this.#giveUp(group, "nobody can read what comes after it", unreadable);
    }
    const waiting = waitingFor([body]);
    const writes = idsIn(body).map((id) => failureMeta({ id }, error, null, 0, now, resultTtl));
    if (writes.length > 0) await this.#surely(() => store.commit(writes));
    await this.#tell(group, body, from);
    const value = encoder.encode(stringifyJson(error));
    const arrivals = lostArrivals(waiting, { state: "FAILURE", value });
    if (arrivals.length > 0) {
      const joined = await this.#surely(() => joins.arrive(arrivals));
      this.joined(arrivals, joined, from);
    }
    await this.#surely(() => joins.close([group]));
  }

  /** Nothing can be told of its end, now or later. */
  async #giveUp(group: string, why: string, error?: unknown): Promise<void> {
    this.#options.report.warning("CHORD_LOST", `the chord ${group} has ended, and ${why}`, error);
    await this.#surely(() => this.#options.joins.close([group]));
  }

  /** Error callbacks that nobody can send must not keep what waits for the body waiting. */
  async #tell(group: string, body: Signature, from: Sender): Promise<void> {
    const { context, joins, report } = this.#options;
    try {
      const { opens, sends } = followFailure(
        context(),
        { ...from, id: lastId(body) ?? group },
        { errbacks: errbacksOf(body) },
      );
      if (opens.length > 0) await this.#surely(() => joins.open(opens));
      if (sends.length > 0) await this.#publish(sends, group);
    } catch (error) {
      if (!isUnsendable(error)) throw error;
      report.warning("CHORD_LOST", `the error callbacks of chord ${group} cannot be sent`, error);
    }
  }

  /** Repeated while it gets no answer; what comes after it must not happen without it. */
  async #surely<T>(call: () => Promise<T>): Promise<T> {
    const done = await this.#options.repeat(async () => ({ answer: await call() }));
    if (done === undefined) throw new CeleriacError("BACKEND_CLOSED", "The worker stopped before this was known.");
    return done.answer;
  }
}

/** What nobody can read is no such thing. */
function waitersOf(bytes: Uint8Array): Waiters | undefined {
  try {
    return waitersIn(bodyIn(bytes));
  } catch {
    return undefined;
  }
}

function bodyIn(bytes: Uint8Array): Signature {
  return readSignature(parseJson(bytes));
}

/** Nobody arrived: what the body says of its family, if whoever opened the chord had one. */
function senderOf(group: string, body: Uint8Array): Sender {
  try {
    const { root_id: rootId } = bodyIn(body).options;
    return { id: group, ...(typeof rootId === "string" && { rootId }) };
  } catch {
    return { id: group };
  }
}

/** Celery's words for a member that failed. */
function dependencyFailed({ member, value }: JoinMember): WireException {
  const { type, args } = readException(parseOrNull(value));
  const text = `${type}${args.length === 1 ? argsRepr(args).replace(/,\)$/, ")") : argsRepr(args)}`;
  return celeryException("ChordError", `Dependency ${member} raised ${text}`);
}

function unsent(group: string): WireException {
  return celeryException("ChordError", `The sender of chord ${group} was lost before all its members were sent`);
}

function parseOrNull(value: Uint8Array): unknown {
  try {
    return parseJson(decoder.decode(value));
  } catch {
    return null;
  }
}
