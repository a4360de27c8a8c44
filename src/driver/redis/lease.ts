/** Leadership on the server's clock, and ticks that fire once. */

import { CeleriacError } from "../../error/celeriac-error.ts";
import type { Outgoing } from "../../port/broker.ts";
import type { Begun, Fired, FiredTick, Lease, Term } from "../../port/lease.ts";
import type { Millis, ServerTime } from "../../port/units.ts";
import type { Context } from "./context.ts";
import { ServerRefusal } from "./failure.ts";
import { type Encoded, encodeOutgoing } from "./encoded.ts";
import { termScript } from "./script/term.ts";
import { beginTickScript, doneTickScript, firedScript, fireScript } from "./script/tick.ts";

export class RedisLease implements Lease {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  acquire(name: string, holder: string, ttl: Millis): Promise<Term | undefined> {
    return this.#term(name, holder, ["acquire", holder, String(ttl), ""]);
  }

  renew(term: Term, ttl: Millis): Promise<Term | undefined> {
    return this.#term(term.name, term.holder, ["renew", term.holder, String(ttl), String(term.term)]);
  }

  async release(term: Term): Promise<void> {
    await this.#term(term.name, term.holder, ["release", term.holder, "0", String(term.term)]);
  }

  async #term(name: string, holder: string, args: readonly string[]): Promise<Term | undefined> {
    const { keys } = this.#context;
    const reply = (await this.#context.ask(() =>
      this.#context.run(termScript, [keys.unacked, keys.term(name)], args),
    )) as [number: string, until: string] | null;
    return reply === null ? undefined : { name, holder, term: Number(reply[0]), until: Number(reply[1]) };
  }

  async fire(term: Term, schedule: string, tick: ServerTime, send: readonly Outgoing[]): Promise<Fired> {
    const { keys: names, options } = this.#context;
    const encoded = send.map((outgoing) => encodeOutgoing(names, outgoing));
    for (const { queue, size } of encoded)
      if (size > options.maxMessageBytes) throw tooLarge(schedule, queue, size, options.maxMessageBytes);
    const queues = [...new Set(encoded.map(({ queue }) => queue))];
    const keys = [names.unacked, names.index, names.fence, names.term(term.name)];
    keys.push(names.fired(schedule), names.ticks(schedule), names.queues);
    for (const queue of queues) keys.push(names.bell(queue), names.due(queue), ...names.lists(queue));
    const args = [String(term.term), term.holder, String(tick), firstId(send)];
    args.push(String(names.steps.length), String(options.maxDepth), String(queues.length), ...queues);
    for (const one of encoded) {
      if (one.dedupe) keys.push(names.seen(one.dedupe.id), names.meta(one.dedupe.id));
      args.push(...this.#messageArgs(one, queues));
    }
    const answer = await this.#fire(keys, args);
    if (!answer.startsWith("full ")) return answer as Fired;
    const queue = answer.slice(5);
    throw new CeleriacError(
      "QUEUE_FULL",
      `The tick of "${schedule}" was not sent: queue "${queue}" is full. It can be fired again when there is room.`,
      { details: { schedule, queue } },
    );
  }

  #messageArgs({ queue, step, dedupe, due, raw }: Encoded, queues: readonly string[]): readonly string[] {
    const { steps } = this.#context.keys;
    const place = [String(queues.indexOf(queue) + 1), String(step), String(steps.indexOf(step) + 1)];
    return [...place, dedupe?.nonce ?? "", dedupe ? String(dedupe.window) : "", due, raw];
  }

  async #fire(keys: readonly string[], args: readonly string[]): Promise<string> {
    try {
      return (await this.#context.ask(() => this.#context.run(fireScript, keys, args))) as string;
    } catch (error) {
      const { cause } = error as { cause?: unknown };
      if (cause instanceof ServerRefusal && cause.word === "OOM")
        throw new CeleriacError(
          "QUEUE_FULL",
          `${this.#context.location.name} has used up its maxmemory. The tick can be fired again when there is room.`,
          { cause },
        );
      throw error;
    }
  }

  async fired(schedule: string, limit: number): Promise<readonly FiredTick[]> {
    const { keys } = this.#context;
    const names = [keys.fired(schedule), keys.ticks(schedule)];
    const reply = await this.#context.ask(() => this.#context.run(firedScript, names, [String(limit)]));
    const [ticks, ids] = reply as [readonly string[], readonly string[]];
    return ticks.map((tick, index) => ({ tick: Number(tick), id: ids[index] || undefined }));
  }

  async forget(schedules: readonly string[]): Promise<void> {
    const { keys } = this.#context;
    if (schedules.length === 0) return;
    await this.#context.command(
      "UNLINK",
      schedules.flatMap((schedule) => [keys.fired(schedule), keys.ticks(schedule)]),
    );
  }

  async begin(term: Term, schedule: string, tick: ServerTime, id: string): Promise<Begun> {
    const { keys } = this.#context;
    const names = [keys.unacked, keys.term(term.name), keys.fired(schedule), keys.ticks(schedule)];
    const args = [String(term.term), term.holder, String(tick), id];
    return (await this.#context.ask(() => this.#context.run(beginTickScript, names, args))) as Begun;
  }

  async done(schedule: string, tick: ServerTime, id: string): Promise<void> {
    const { keys } = this.#context;
    const names = [keys.unacked, keys.fired(schedule), keys.ticks(schedule)];
    await this.#context.ask(() => this.#context.run(doneTickScript, names, [String(tick), id]));
  }
}

function firstId([first]: readonly Outgoing[]): string {
  const id = first?.message.headers["id"];
  return typeof id === "string" ? id : "";
}

function tooLarge(schedule: string, queue: string, size: number, limit: number): CeleriacError {
  return new CeleriacError(
    "MESSAGE_TOO_LARGE",
    `The tick of "${schedule}" was not sent: its message takes ${size} bytes, the limit is ${limit}. Raise maxMessageBytes, or send a reference instead.`,
    { details: { schedule, queue } },
  );
}
