/** The queue file as a lease: terms on the machine's monotonic clock, ticks and their tasks in one transaction. */

import { CeleriacError } from "../../error/celeriac-error.ts";
import type { Outgoing } from "../../port/broker.ts";
import type { Lease, Term } from "../../port/lease.ts";
import { encodeHead } from "../../wire/envelope.ts";
import type { Link } from "./link.ts";

export class SqliteLease implements Lease {
  readonly #link: Link;

  constructor(link: Link) {
    this.#link = link;
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

  async fire(term: Term, schedule: string, tick: number, send: Outgoing): Promise<boolean> {
    const answer = await this.#link.call<"fired" | "not" | "full">((parcel, call) => {
      const from = parcel.addOutgoing(send, encodeHead(send.message));
      return { k: "ask", call, ask: "fire", input: { term, schedule, tick, from } };
    });
    if (answer !== "full") return answer === "fired";
    throw new CeleriacError(
      "QUEUE_FULL",
      `The tick of "${schedule}" was not sent: queue "${send.queue}" is full. It can be fired again when there is room.`,
      { details: { schedule, queue: send.queue } },
    );
  }
}
