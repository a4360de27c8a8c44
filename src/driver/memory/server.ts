/** What a server is elsewhere: all state that outlives a client. In this process, and gone with it. */

import type { Clock } from "../../clock/clock.ts";
import type { IsOver } from "../../port/call-law.ts";
import { revokedKind } from "../../port/control-state.ts";
import { EventHub } from "./event-hub.ts";
import { FactTable } from "./fact-table.ts";
import { ExpiringMap } from "./expiring-map.ts";
import { HeldMessage } from "./held-message.ts";
import { JoinTable } from "./join-table.ts";
import { LimitTable } from "./limit-table.ts";
import { LedgerTable } from "./ledger-table.ts";
import { MessageTable } from "./message-table.ts";
import { ResultTable } from "./result-table.ts";
import type { MemoryServerOptions } from "./server-options.ts";
import { TermTable } from "./term-table.ts";
import { TickTable } from "./tick-table.ts";

export class MemoryServer {
  readonly clock: Clock;
  readonly ledger: LedgerTable;
  readonly results: ResultTable;
  readonly joins: JoinTable;
  /** The saved lists of groups. */
  readonly groups: ExpiringMap<Uint8Array>;
  readonly messages: MessageTable;
  readonly terms: TermTable;
  readonly ticks: TickTable = new TickTable();
  readonly facts: FactTable;
  readonly limits: LimitTable;
  readonly events: EventHub = new EventHub();

  constructor(clock: Clock, options: MemoryServerOptions = {}) {
    this.clock = clock;
    this.ledger = new LedgerTable(clock);
    this.results = new ResultTable(clock, this.ledger);
    this.joins = new JoinTable(clock);
    this.groups = new ExpiringMap(clock);
    this.limits = new LimitTable(clock);
    this.facts = new FactTable(clock);
    const isOver: IsOver = (id, begun) => this.#isOver(id, begun);
    this.messages = new MessageTable(clock, this.results, this.joins, this.limits.places, { ...options, isOver });
    this.terms = new TermTable(clock);
  }

  /** It has ended, or is not to begin. */
  #isOver(id: string, begun: boolean): boolean {
    return this.results.final(id) !== undefined || (!begun && this.facts.has({ kind: revokedKind, key: id }));
  }

  /** Puts bytes on a queue as a stranger with access to the server would: unchecked. For tests of hostile messages. */
  putRaw(queue: string, bytes: Uint8Array): void {
    this.messages.put(HeldMessage.ofRaw(queue, bytes, this.clock.now()), "back");
  }
}
