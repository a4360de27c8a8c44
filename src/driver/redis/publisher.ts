/**
 * Sends messages. Calls of one turn of the event loop go out together, a script call for each queue and priority, and are repeated
 * under their nonces while the server is away. A message without a nonce is sent again only if it was surely not sent before.
 */

import { CeleriacError } from "../../error/celeriac-error.ts";
import type { CallRule } from "../../port/call-law.ts";
import type { Outgoing, Published } from "../../port/broker.ts";
import { callRequest, standing } from "./call-request.ts";
import type { Context } from "./context.ts";
import { type Encoded, encodeOutgoing, isSurelyEncoded } from "./encoded.ts";
import { isPassing, LinkError, refusedBy, ServerRefusal } from "./failure.ts";
import { inGroups, mostPublished, slices } from "./publish-groups.ts";
import { PublishRequest } from "./publish-request.ts";
import { publishCallScript } from "./script/call.ts";
import { publishScript } from "./script/publish.ts";

/** One call of `publish`: the answers to its messages, in order. */
class Batch {
  readonly #answers: (Published | Error | undefined)[];
  readonly #over = Promise.withResolvers<readonly Published[]>();
  #open: number;

  constructor(size: number) {
    this.#answers = Array.from<undefined>({ length: size });
    this.#open = size;
    if (size === 0) this.#over.resolve([]);
  }

  /** Rejects with the first error when all are answered. */
  get answers(): Promise<readonly Published[]> {
    return this.#over.promise;
  }

  has(index: number): boolean {
    return this.#answers[index] !== undefined;
  }

  /** The first answer counts. */
  answer(index: number, answer: Published | Error): void {
    if (this.#answers[index] !== undefined) return;
    this.#answers[index] = answer;
    if (--this.#open > 0) return;
    const error = this.#answers.find((each) => each instanceof Error);
    if (error === undefined) this.#over.resolve(this.#answers as Published[]);
    else this.#over.reject(error);
  }
}

/** A message on its way. */
class Waiting {
  readonly encoded: Encoded;
  readonly #batch: Batch;
  readonly #index: number;
  /** Ends the send that carries it if nobody waits for any part of that. */
  check: (() => void) | undefined = undefined;
  tried = false;

  constructor(encoded: Encoded, batch: Batch, index: number) {
    this.encoded = encoded;
    this.#batch = batch;
    this.#index = index;
  }

  get ended(): boolean {
    return this.#batch.has(this.#index);
  }

  done(answer: Published | Error): void {
    this.#batch.answer(this.#index, answer);
  }
}

const accepted: Published = { kind: "accepted" };
const duplicate: Published = { kind: "duplicate" };

export class Publisher {
  readonly #context: Context;
  readonly #known = new Set<string>();
  #pending: Waiting[] = [];
  #flushing = false;
  /** Calls on their way. */
  #sending = 0;

  constructor(context: Context) {
    this.#context = context;
  }

  async publish(outgoing: readonly Outgoing[], signal: AbortSignal): Promise<readonly Published[]> {
    signal.throwIfAborted();
    if (this.#context.closing.aborted) throw this.#context.closedError();
    const batch = new Batch(outgoing.length);
    const waitings = this.#hand(outgoing, batch);
    // One listener for the whole batch: removing one of many from a signal walks them all.
    const stop = (): void => {
      for (const waiting of waitings) waiting.done(this.#unknown(waiting, signal.reason));
      for (const check of new Set(waitings.map((waiting) => waiting.check))) check?.();
    };
    signal.addEventListener("abort", stop, { once: true });
    try {
      return await batch.answers;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  /** Of a batch with something that cannot be written nothing is sent; of any other the server may work on the first while the rest is encoded. */
  #hand(outgoing: readonly Outgoing[], batch: Batch): readonly Waiting[] {
    const { keys } = this.#context;
    const piece =
      outgoing.length > mostPublished && outgoing.every((one) => isSurelyEncoded(keys, one))
        ? mostPublished
        : outgoing.length;
    const waitings: Waiting[] = [];
    for (let from = 0; from < outgoing.length; from += piece) {
      if (from > 0) this.#flush();
      const some = outgoing.slice(from, from + piece);
      const encoded = some.map((one, index) => new Waiting(encodeOutgoing(keys, one), batch, from + index));
      this.#enqueue(encoded);
      for (const waiting of encoded) waitings.push(waiting);
    }
    return waitings;
  }

  #enqueue(waitings: readonly Waiting[]): void {
    const limit = this.#context.options.maxMessageBytes;
    for (const waiting of waitings) {
      const { size } = waiting.encoded;
      if (size > limit) waiting.done(tooLarge(size, limit));
      else this.#pending.push(waiting);
    }
    if (this.#flushing || this.#pending.length === 0) return;
    this.#flushing = true;
    // While a call is on its way what others of this turn bring goes along with the next one.
    if (this.#sending === 0) process.nextTick(() => this.#flush());
    else setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#flushing = false;
    const groups = inGroups(opened(this.#pending));
    this.#pending = [];
    for (const group of groups) {
      this.#introduce(group[0]?.encoded.queue);
      for (const call of slices(group)) void this.#send(call);
    }
  }

  /** Queues that were ever used, for `list`; once a connection. A lost one is written again by the next process. */
  #introduce(queue: string | undefined): void {
    if (queue === undefined || this.#known.has(queue)) return;
    this.#known.add(queue);
    this.#context.link.call("SADD", [this.#context.keys.queues, queue]).catch(() => this.#known.delete(queue));
  }

  /** Never rejects: each waiting call gets its own answer. */
  async #send(group: readonly Waiting[]): Promise<void> {
    let left = group;
    const { link } = this.#context;
    const none = new AbortController();
    const check = (): void => {
      if (left.every((waiting) => waiting.ended)) none.abort(new Error("nobody waits any more"));
    };
    for (const waiting of group) waiting.check = check;
    this.#sending++;
    try {
      await link.persist(async () => {
        left = opened(left);
        if (left.length > 0) await this.#call(left);
      }, none.signal);
    } catch (error) {
      for (const waiting of left) {
        if (error instanceof ServerRefusal && !isPassing(error))
          waiting.done(
            error.word === "OOM" ? full(this.#context.location.name) : refusedBy(this.#context.location.name, error),
          );
        else waiting.done(this.#unknown(waiting, error));
      }
    } finally {
      this.#sending--;
    }
  }

  async #call(group: readonly Waiting[]): Promise<void> {
    const first = group[0]?.encoded;
    if (first === undefined) return;
    if (first.call !== undefined) return this.#standing(first.call, group);
    const { keys, options, scripts, link } = this.#context;
    const request = new PublishRequest(keys, first, group, options.maxDepth);
    const letters = await this.#attempt(group, () => scripts.runWritten(link, publishScript, request));
    const text = String(letters);
    for (let index = 0; index < group.length; index++) group[index]?.done(this.#answer(text[index], first.queue));
  }

  /** One message that stands for a key. */
  async #standing(rule: CallRule, group: readonly Waiting[]): Promise<void> {
    const [waiting] = group;
    if (waiting === undefined) return;
    const { keys, args } = callRequest(this.#context, waiting.encoded, rule);
    const answer = (await this.#attempt(group, () =>
      this.#context.run(publishCallScript, keys, args),
    )) as readonly string[];
    waiting.done(standing(answer) ?? this.#answer(answer[0], waiting.encoded.queue));
  }

  async #attempt(group: readonly Waiting[], run: () => Promise<unknown>): Promise<unknown> {
    try {
      return await run();
    } catch (error) {
      if (error instanceof LinkError && error.kind === "unclear")
        for (const waiting of group) {
          waiting.tried = true;
          if (waiting.encoded.dedupe === undefined) waiting.done(this.#unknown(waiting, error));
        }
      throw error;
    }
  }

  #answer(letter: string | undefined, queue: string): Published {
    if (letter === "A") return accepted;
    if (letter === "D") return duplicate;
    const { maxDepth } = this.#context.options;
    return { kind: "refused", reason: "full", detail: `queue ${queue} has ${maxDepth} ready messages` };
  }

  #unknown(waiting: Waiting, cause: unknown): Error {
    if (this.#context.closing.aborted) return this.#context.closedError();
    const { name } = this.#context.location;
    return new CeleriacError(
      "PUBLISH_UNKNOWN",
      waiting.tried
        ? `${name} did not say whether it took the message; sending it again with the same id is safe.`
        : `${name} was not reachable in time; the message was most likely not sent, and sending it again with the same id is safe.`,
      { cause, details: { queue: waiting.encoded.queue } },
    );
  }
}

/** Those that somebody still waits for: mostly all. */
function opened(waitings: readonly Waiting[]): readonly Waiting[] {
  return waitings.some((waiting) => waiting.ended) ? waitings.filter((waiting) => !waiting.ended) : waitings;
}

function tooLarge(size: number, limit: number): Published {
  return { kind: "refused", reason: "too-large", detail: `${size} bytes, the limit is ${limit}` };
}

function full(name: string): Published {
  return { kind: "refused", reason: "full", detail: `${name} has used up its maxmemory` };
}
