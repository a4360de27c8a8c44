/** The server's starts and the messages it keeps for those that run long: one row an id, its fence above every former one. */

import type { Clock } from "../../clock/clock.ts";
import type { Begun, Claimed, ExpiredHold, Hold, Ledger, Start, Waiting } from "../../port/ledger.ts";
import { followed, nameOf, type Standing, verdictOn } from "../../port/start-law.ts";
import type { StoredOutcome } from "../../port/result-store.ts";
import type { Fence, Millis } from "../../port/units.ts";
import { ExpiringMap } from "./expiring-map.ts";

const rowFor = 7 * 86_400_000;
const finishedFor = 3_600_000;

type Mark = Parameters<Ledger["reopen"]>[0][number];

interface Row {
  /** `final`: only as long as its message is kept. */
  readonly state: Standing["state"];
  readonly fence: Fence;
  readonly attempt: number;
  readonly blame: Start["blame"];
  readonly nonce: string;
  readonly name: string | undefined;
  readonly crashes: number;
  readonly suspicions: number;
  /** Names the copy of the kept message that was given back. */
  readonly copy: string | undefined;
}

export class LedgerTable {
  readonly #clock: Clock;
  readonly #rows: ExpiringMap<Row>;
  readonly #holds = new Map<string, { readonly hold: Hold; readonly until: number; readonly broker: string }>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#rows = new ExpiringMap(clock);
  }

  /** Who has a lower one writes no more. */
  fenceOf(id: string): Fence {
    return this.#rows.get(id)?.fence ?? 0;
  }

  /** `outcome`: the final result of this id; `highest`: the highest fence that its results know. */
  begin(start: Start, outcome: StoredOutcome | undefined, highest: Fence): Begun {
    if (outcome) return { kind: "final", outcome };
    const row = this.#rows.get(start.id);
    if (row?.state === "finished" || row?.state === "final") return { kind: "final", outcome: undefined };
    if (row === undefined) return this.#begun(start, row, highest);
    if (row.nonce === start.nonce) return go(row);
    const verdict = verdictOn(start, this.#standing(start.id));
    if (verdict === "stale" || verdict === "held") return { kind: verdict };
    if (verdict === "goes") return this.#begun(start, row, highest);
    const [crashes, suspicions] = row.blame === "sure" ? [1, 0] : [0, 1];
    const counted = { ...row, crashes: row.crashes + crashes, suspicions: row.suspicions + suspicions };
    return this.#begun(start, counted, highest);
  }

  follows(waiting: Waiting): Fence | undefined {
    return followed(waiting, this.#standing(waiting.id));
  }

  reopen({ id, fence, crashes, suspicions, as }: Mark): void {
    const row = this.#row({ id, fence });
    if (row === undefined || row.state === "finished" || row.state === "final") return;
    const { crashes: died, suspicions: suspected } = row;
    this.#set(id, { ...row, state: as ?? "open", crashes: crashes ?? died, suspicions: suspicions ?? suspected });
  }

  finish({ id, fence }: Claimed): "finished" | "fenced" {
    const row = this.#rows.get(id);
    if (row !== undefined && fence < row.fence) return "fenced";
    const none = {
      attempt: 0,
      blame: "suspect",
      nonce: "",
      name: undefined,
      crashes: 0,
      suspicions: 0,
      copy: undefined,
    } as const;
    this.#set(id, { ...none, ...row, state: "finished", fence });
    return "finished";
  }

  /** Its final result is stored. */
  close(id: string): void {
    const row = this.#rows.get(id);
    if (row === undefined) return;
    if (this.#holds.has(id)) this.#set(id, { ...row, state: "final" });
    else this.#rows.delete(id);
  }

  take(hold: Hold, lease: Millis, broker: string): "held" | "fenced" {
    const row = this.#row(hold);
    if (row?.state !== "begun" || row.copy !== undefined) return "fenced";
    this.#holds.set(hold.id, { hold, until: this.#clock.monotonic() + lease, broker });
    this.#set(hold.id, row);
    return "held";
  }

  renew(claimed: Claimed, lease: Millis): boolean {
    const row = this.#row(claimed);
    const held = this.#holds.get(claimed.id);
    if (row === undefined || row.copy !== undefined || held === undefined) return false;
    this.#holds.set(claimed.id, { ...held, until: this.#clock.monotonic() + lease });
    return true;
  }

  expired(lease: Millis, limit: number, broker: string): readonly ExpiredHold[] {
    const now = this.#clock.monotonic();
    const given: ExpiredHold[] = [];
    for (const [id, held] of this.#holds) {
      const { hold, until } = held;
      if (given.length >= limit) break;
      const row = this.#rows.get(id);
      if (until > now || row === undefined || held.broker !== broker) continue;
      const messageId = row.copy ?? crypto.randomUUID();
      this.#rows.set(id, { ...row, copy: messageId }, undefined);
      this.#holds.set(id, { ...held, until: now + lease });
      given.push({ ...hold, messageId });
    }
    return given;
  }

  release(claimed: Claimed): void {
    const row = this.#row(claimed);
    if (row === undefined || !this.#holds.delete(claimed.id)) return;
    if (row.state === "final") this.#rows.delete(claimed.id);
    else this.#set(claimed.id, row);
  }

  #begun(start: Start, former: Row | undefined, highest: Fence): Begun {
    const { id, attempt, blame, nonce } = start;
    const fence = Math.max(former?.fence ?? 0, highest) + 1;
    const row: Row = {
      state: "begun",
      fence: Math.max(fence, Math.floor(this.#clock.now() * 1_000)),
      attempt,
      blame,
      nonce,
      name: nameOf(start),
      crashes: former?.crashes ?? 0,
      suspicions: former?.suspicions ?? 0,
      copy: undefined,
    };
    this.#holds.delete(id);
    this.#set(id, row);
    return go(row);
  }

  #standing(id: string): Standing | undefined {
    const row = this.#rows.get(id);
    return row && { ...row, held: this.#holds.has(id) };
  }

  /** The row, if it is of this very start. */
  #row({ id, fence }: Claimed): Row | undefined {
    const row = this.#rows.get(id);
    return row?.fence === fence ? row : undefined;
  }

  #set(id: string, row: Row): void {
    const ttl = row.state === "finished" ? finishedFor : rowFor;
    this.#rows.set(id, row, this.#holds.has(id) ? undefined : ttl);
  }
}

function go({ fence, crashes, suspicions }: Row): Begun {
  return { kind: "go", fence, crashes, suspicions };
}
