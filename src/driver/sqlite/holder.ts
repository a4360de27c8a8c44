/** The thread's side of one consumer: what it may hold, what it holds, and until when. Plain state; the steps change it. */

export interface HeldTask {
  readonly fence: number;
  /** Monotonic ms at which we must let go unless a renewal moved it. */
  until: number;
  readonly noted: boolean;
  readonly large: boolean;
}

export interface HolderOptions {
  readonly worker: string;
  readonly lease: number;
  readonly sweep: number;
  readonly maxClaimBytes: number;
  readonly stallLimit: number;
}

export class Holder {
  /** Row in `celeriac_process`: the owner of its leases. */
  readonly no: number;
  readonly options: HolderOptions;
  readonly held: Map<number, HeldTask> = new Map();
  queues: readonly number[];
  want = 0;
  /** There may be something to claim. False after a claim came back with less than asked, until something happens. */
  hungry = true;
  /** Its row in `celeriac_idle` stands, as far as we know. */
  idle = false;
  paused = false;
  /** Held tasks that end in the open transaction: their room can be used in it. */
  leaving = 0;
  /** Which queue comes first in the next claim. */
  rotation = 0;
  /** Held tasks that are lost to us but still carry our name; the next renewal must not prolong them. */
  readonly abandoned: Map<number, number> = new Map();

  constructor(no: number, queues: readonly number[], options: HolderOptions) {
    this.no = no;
    this.queues = queues;
    this.options = options;
  }

  get room(): number {
    return this.paused ? 0 : this.want - this.held.size + this.leaving;
  }

  /** Could a claim bring something? Not when renewals have failed for two thirds of a lease. */
  canClaim(mono: number): boolean {
    return this.hungry && this.room > 0 && this.isSafe(mono);
  }

  isSafe(mono: number): boolean {
    const limit = mono + this.options.lease / 3;
    for (const task of this.held.values()) {
      if (task.until < limit) return false;
      break; // In order of claiming: the first is the oldest.
    }
    return true;
  }
}
