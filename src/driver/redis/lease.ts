/** Leadership on the server's clock, and ticks that fire once. */

import { CeleriacError } from "../../error/celeriac-error.ts";
import type { Outgoing } from "../../port/broker.ts";
import type { Lease, Term } from "../../port/lease.ts";
import type { Millis, ServerTime } from "../../port/units.ts";
import type { Context } from "./context.ts";
import { ServerRefusal } from "./failure.ts";
import { encodeOutgoing, publishArgs, publishKeys } from "./publisher.ts";
import { fireScript, termScript } from "./script/term.ts";

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

  /** Repeated after a lost answer it says false: the tick has fired, though by us. */
  async fire(term: Term, schedule: string, tick: ServerTime, send: Outgoing): Promise<boolean> {
    const { keys: names } = this.#context;
    const { queue, step, due, raw, dedupe } = encodeOutgoing(names, send);
    const keys = publishKeys(names, queue);
    if (dedupe) keys.push(names.seen(dedupe.id), names.meta(dedupe.id));
    keys.push(names.term(term.name), names.fired(schedule));
    const args = publishArgs(names, queue, step, 0, due !== "");
    args.push(dedupe?.nonce ?? "", dedupe ? String(dedupe.window) : "", due, raw);
    args.push(String(term.term), term.holder, String(tick));
    try {
      return (await this.#context.ask(() => this.#context.run(fireScript, keys, args))) === 1;
    } catch (error) {
      const { cause } = error as { cause?: unknown };
      if (cause instanceof ServerRefusal && cause.word === "OOM")
        throw new CeleriacError("QUEUE_FULL", `${this.#context.location.name} has used up its maxmemory.`, { cause });
      throw error;
    }
  }
}
