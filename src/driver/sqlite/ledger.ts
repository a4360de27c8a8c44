/** The queue file as a ledger. */

import type { Begun, Claimed, ExpiredHold, Hold, Ledger, Start, Waiting } from "../../port/ledger.ts";
import type { Fence, Millis } from "../../port/units.ts";
import type { Link } from "./link.ts";
import { inPieces, rowLimit } from "./pieces.ts";

export class SqliteLedger implements Ledger {
  readonly #link: Link;
  readonly #broker: string;

  constructor(link: Link, broker = "") {
    this.#link = link;
    this.#broker = broker;
  }

  within(broker: string): Ledger {
    return new SqliteLedger(this.#link, broker);
  }

  begin(starts: readonly Start[]): Promise<readonly Begun[]> {
    return inPieces(starts, (piece) => this.#link.ask("begin", piece));
  }

  follows(messages: readonly Waiting[]): Promise<readonly (Fence | undefined)[]> {
    return inPieces(messages, (piece) => this.#link.ask("follows", piece));
  }

  async reopen(marks: Parameters<Ledger["reopen"]>[0]): Promise<void> {
    await inPieces(marks, (piece) => this.#link.ask("reopen", piece));
  }

  finish(ended: readonly Claimed[]): Promise<readonly ("finished" | "fenced")[]> {
    return inPieces(ended, (piece) => this.#link.ask("finish", piece.map(claimedOf)));
  }

  take(holds: readonly Hold[], lease: Millis): Promise<readonly ("held" | "fenced")[]> {
    // A copy of its own: a view would take all of the buffer it looks into along to the thread.
    const own = holds.map(({ id, fence, queue, raw }) => ({ id, fence, queue, raw: Uint8Array.from(raw) }));
    return inPieces(
      own,
      (piece) => this.#link.ask("take", { holds: piece, lease, broker: this.#broker }),
      ({ raw }) => raw.length,
    );
  }

  renew(holds: readonly Claimed[], lease: Millis): Promise<readonly boolean[]> {
    return inPieces(holds, (piece) => this.#link.ask("renewHolds", { holds: piece.map(claimedOf), lease }));
  }

  expired(lease: Millis, limit: number): Promise<readonly ExpiredHold[]> {
    return this.#link.ask("expired", { lease, limit: Math.min(limit, rowLimit), broker: this.#broker });
  }

  async release(holds: readonly Claimed[]): Promise<void> {
    await inPieces(holds, (piece) => this.#link.ask("release", piece.map(claimedOf)));
  }
}

/** Without what callers have beside it: a message must not travel to the thread for its name. */
function claimedOf({ id, fence }: Claimed): Claimed {
  return { id, fence };
}
