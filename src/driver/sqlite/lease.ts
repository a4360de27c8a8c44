/** The queue file as a lease: terms on the machine's monotonic clock, ticks and their tasks in one transaction. */

import { CeleriacError } from "../../error/celeriac-error.ts";
import type { Outgoing } from "../../port/broker.ts";
import type { Begun, Fired, FiredTick, Lease, Term } from "../../port/lease.ts";
import { encodeHead } from "../../wire/envelope.ts";
import type { Asks } from "./exchange.ts";
import type { Link } from "./link.ts";

export class SqliteLease implements Lease {
  readonly #link: Link;
  readonly #maxMessageBytes: number;

  constructor(link: Link, maxMessageBytes: number) {
    this.#link = link;
    this.#maxMessageBytes = maxMessageBytes;
  }

  acquire(name: string, holder: string, ttl: number): Promise<Term | undefined> {
    return this.#link.ask("acquire", { name, holder, ttl });
  }

  renew(term: Term, ttl: number): Promise<Term | undefined> {
    return this.#link.ask("renewTerm", { term, ttl });
  }

  async release(term: Term): Promise<void> {
    await this.#link.ask("releaseTerm", term);
  }

  async fire(term: Term, schedule: string, tick: number, send: readonly Outgoing[]): Promise<Fired> {
    // All are encoded before the first is packed: nothing of a group with a message that cannot travel is sent.
    const ready = send.map((outgoing) => ({ outgoing, head: encodeHead(outgoing.message) }));
    for (const { outgoing, head } of ready) {
      const size = head.length + outgoing.message.body.length;
      if (size <= this.#maxMessageBytes) continue;
      throw new CeleriacError(
        "MESSAGE_TOO_LARGE",
        `The tick of "${schedule}" was not sent: its message takes ${size} bytes, the limit is ${this.#maxMessageBytes}. Raise maxMessageBytes, or send a reference instead.`,
        { details: { schedule, queue: outgoing.queue } },
      );
    }
    const answer = await this.#link.call<Asks["fire"]["out"]>((parcel, call) => {
      const from = parcel.sentCount;
      for (const { outgoing, head } of ready) parcel.addOutgoing(outgoing, head);
      return { k: "ask", call, ask: "fire", input: { term, schedule, tick, from, count: ready.length } };
    });
    if (typeof answer === "string") return answer;
    throw new CeleriacError(
      "QUEUE_FULL",
      `The tick of "${schedule}" was not sent: ${answer.file ? "the database file has reached its maxSize" : `queue "${answer.full}" is full`}. It can be fired again when there is room.`,
      { details: { schedule, queue: answer.full } },
    );
  }

  fired(schedule: string, limit: number): Promise<readonly FiredTick[]> {
    return this.#link.ask("firedTicks", { schedule, limit });
  }

  async forget(schedules: readonly string[]): Promise<void> {
    await this.#link.ask("forgetTicks", schedules);
  }

  begin(term: Term, schedule: string, tick: number, id: string): Promise<Begun> {
    return this.#link.ask("beginTick", { term, schedule, tick, id });
  }

  async done(schedule: string, tick: number, id: string): Promise<void> {
    await this.#link.ask("doneTick", { schedule, tick, id });
  }
}
