/**
 * Sends messages. Calls of one turn of the event loop go out together, a script call for each queue and priority, and are repeated
 * under their nonces while the server is away. A message without a nonce is sent again only if it was surely not sent before.
 */

import { CeleriacError } from "../../error/celeriac-error.ts";
import type { CallRule } from "../../port/call-law.ts";
import type { Outgoing, Published } from "../../port/broker.ts";
import type { Context } from "./context.ts";
import { type Encoded, encodeOutgoing } from "./encoded.ts";
import { isPassing, LinkError, refusedBy, ServerRefusal } from "./failure.ts";
import type { Keys } from "./keys.ts";
import { callRequest, standing } from "./call-request.ts";
import { publishCallScript } from "./script/call.ts";
import { fairStep } from "./script/parts.ts";
import { publishScript } from "./script/publish.ts";
import type { Script } from "./script/script.ts";

/** Bounds of one script call: a script runs alone on the server, and longer ones are felt by everybody. */
export const mostItems = 500;
export const mostBytes: number = 4 * 1024 * 1024;

interface Waiting {
  readonly encoded: Encoded;
  readonly done: (answer: Published | Error) => void;
  /** Its caller gave up while the call is on its way. */
  gone: (() => void) | undefined;
  tried: boolean;
  ended: boolean;
}

const accepted: Published = { kind: "accepted" };
const duplicate: Published = { kind: "duplicate" };

/** What `publishScript` begins with, whatever is published. */
function publishKeys(keys: Keys, queue: string): string[] {
  return [keys.unacked, keys.index, keys.fence, keys.bell(queue), keys.due(queue), ...keys.lists(queue)];
}

function publishArgs(keys: Keys, { queue, step, fair }: Encoded, depth: number, delayed: boolean): string[] {
  const { steps } = keys;
  return [
    queue,
    String(fair ? fairStep : step),
    String(6 + steps.indexOf(step)),
    String(steps.length),
    String(depth),
    delayed ? "1" : "0",
  ];
}

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

  async publish(batch: readonly Outgoing[], signal: AbortSignal): Promise<readonly Published[]> {
    signal.throwIfAborted();
    if (this.#context.closing.aborted) throw this.#context.closedError();
    const limit = this.#context.options.maxMessageBytes;
    const encoded = batch.map((one) => encodeOutgoing(this.#context.keys, one));
    const waitings: Waiting[] = [];
    const answers = encoded.map((one) =>
      one.size > limit ? Promise.resolve(tooLarge(one.size, limit)) : this.#enqueue(one, waitings),
    );
    // One listener for the whole batch: removing one of many from a signal walks them all.
    const stop = (): void => {
      for (const waiting of waitings) {
        waiting.done(this.#unknown(waiting, signal.reason));
        waiting.gone?.();
      }
    };
    signal.addEventListener("abort", stop, { once: true });
    const results = await Promise.allSettled(answers);
    signal.removeEventListener("abort", stop);
    return results.map((result) => {
      if (result.status === "rejected") throw result.reason;
      return result.value;
    });
  }

  #enqueue(encoded: Encoded, batch: Waiting[]): Promise<Published> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        encoded,
        gone: undefined,
        tried: false,
        ended: false,
        done: (answer) => {
          if (waiting.ended) return;
          waiting.ended = true;
          if (answer instanceof Error) reject(answer);
          else resolve(answer);
        },
      };
      batch.push(waiting);
      this.#pending.push(waiting);
      if (this.#flushing) return;
      this.#flushing = true;
      // While a call is on its way what others of this turn bring goes along with the next one.
      if (this.#sending === 0) process.nextTick(() => this.#flush());
      else setImmediate(() => this.#flush());
    });
  }

  #flush(): void {
    this.#flushing = false;
    const groups = inGroups(this.#pending.filter((waiting) => !waiting.ended));
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
    for (const waiting of group) waiting.gone = check;
    this.#sending++;
    try {
      await link.persist(async () => {
        left = left.filter((waiting) => !waiting.ended);
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
    const { keys: names, options } = this.#context;
    const first = group[0]?.encoded;
    if (first === undefined) return;
    if (first.call !== undefined) return this.#standing(first.call, group);
    const { queue } = first;
    const keys = publishKeys(names, queue);
    const delayed = group.some((waiting) => waiting.encoded.due !== "");
    const args = publishArgs(names, first, options.maxDepth, delayed);
    for (const { encoded } of group) {
      const { dedupe } = encoded;
      if (dedupe) keys.push(names.seen(dedupe.id), names.meta(dedupe.id));
      args.push(dedupe?.nonce ?? "", dedupe ? String(dedupe.window) : "", encoded.due, encoded.raw);
    }
    const letters = await this.#run(publishScript, keys, args, group);
    group.forEach((waiting, index) => waiting.done(this.#answer(String(letters)[index], queue)));
  }

  /** One message that stands for a key. */
  async #standing(rule: CallRule, group: readonly Waiting[]): Promise<void> {
    const [waiting] = group;
    if (waiting === undefined) return;
    const { keys, args } = callRequest(this.#context, waiting.encoded, rule);
    const answer = (await this.#run(publishCallScript, keys, args, group)) as readonly string[];
    waiting.done(standing(answer) ?? this.#answer(answer[0], waiting.encoded.queue));
  }

  async #run(
    script: Script,
    keys: readonly string[],
    args: readonly string[],
    group: readonly Waiting[],
  ): Promise<unknown> {
    try {
      return await this.#context.run(script, keys, args);
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

function tooLarge(size: number, limit: number): Published {
  return { kind: "refused", reason: "too-large", detail: `${size} bytes, the limit is ${limit}` };
}

function full(name: string): Published {
  return { kind: "refused", reason: "full", detail: `${name} has used up its maxmemory` };
}

/**
 * One for each queue and priority. Of two messages with one id the first is to be taken, so the second waits for a later group if it has
 * another queue or priority; groups go out in order.
 */
function inGroups(pending: readonly Waiting[]): readonly Waiting[][] {
  const groups: Waiting[][] = [];
  const open = new Map<string, Waiting[]>();
  const homes = new Map<string, Waiting[]>();
  for (const waiting of pending) {
    const { step, fair, queue, dedupe } = waiting.encoded;
    const key = `${fair ? fairStep : step} ${queue}`;
    let group = open.get(key);
    const home = dedupe && homes.get(dedupe.id);
    if (home !== undefined && home !== group) {
      open.clear();
      homes.clear();
      group = undefined;
    }
    // What stands for a key goes alone, and in its order among the others.
    if (group === undefined || waiting.encoded.call !== undefined) {
      group = [];
      groups.push(group);
      if (waiting.encoded.call === undefined) open.set(key, group);
      else open.clear();
    }
    group.push(waiting);
    if (dedupe) homes.set(dedupe.id, group);
  }
  return groups;
}

/** Cuts a group into calls within both bounds. */
function slices(group: readonly Waiting[]): Waiting[][] {
  const calls: Waiting[][] = [];
  let call: Waiting[] = [];
  let bytes = 0;
  for (const waiting of group) {
    if (call.length > 0 && (call.length >= mostItems || bytes + waiting.encoded.size > mostBytes)) {
      calls.push(call);
      call = [];
      bytes = 0;
    }
    call.push(waiting);
    bytes += waiting.encoded.size;
  }
  if (call.length > 0) calls.push(call);
  return calls;
}
