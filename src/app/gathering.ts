/** What has ended of a group, put together: results in the order and the nesting of its members. Pure. */

import type { ResultNode } from "../canvas/result-node.ts";
import { leavesOf } from "../canvas/result-reading.ts";
import type { CeleriacError } from "../error/celeriac-error.ts";
import type { Ended } from "./group-watch.ts";

/** How one member ended. */
export type Settled =
  | { readonly status: "fulfilled"; readonly value: unknown }
  | { readonly status: "rejected"; readonly reason: CeleriacError };

export class Gathering {
  /** Ids of its tasks, those of groups inside it included. */
  readonly ids: readonly string[];
  ended = 0;
  failed = 0;
  readonly #members: readonly ResultNode[];
  /** Where the tasks of each member begin. */
  readonly #starts: readonly number[];
  readonly #values: unknown[] = [];
  readonly #errors = new Map<number, CeleriacError>();
  /** 1 where a task has ended. */
  readonly #done: Uint8Array;
  /** All before this one have succeeded. */
  #cursor = 0;

  constructor(members: readonly ResultNode[]) {
    this.#members = members;
    const leaves = members.map(leavesOf);
    let at = 0;
    this.#starts = [...leaves, []].map((each) => (at += each.length) - each.length);
    this.ids = leaves.flat();
    this.#done = new Uint8Array(this.ids.length);
  }

  take({ index, outcome }: Ended): void {
    this.ended += 1;
    this.#done[index] = 1;
    if (outcome.error === undefined) this.#values[index] = outcome.result;
    else {
      this.failed += 1;
      this.#errors.set(index, outcome.error);
    }
    while (this.#done[this.#cursor] === 1 && !this.#errors.has(this.#cursor)) this.#cursor += 1;
  }

  /** The first failure in the order of the members, once all before it have succeeded. */
  get firstFailure(): { readonly member: number; readonly id: string; readonly error: CeleriacError } | undefined {
    const error = this.#errors.get(this.#cursor);
    const id = this.ids[this.#cursor];
    if (error === undefined || id === undefined) return undefined;
    return { member: this.memberOf(this.#cursor), id, error };
  }

  /** The member that a task belongs to. */
  memberOf(index: number): number {
    let low = 0;
    let high = this.#members.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#starts[middle] ?? 0) <= index) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** How a member ended; `undefined` while a task of it has not. */
  settled(member: number): Settled | undefined {
    const node = this.#members[member];
    const from = this.#starts[member] ?? 0;
    const to = this.#starts[member + 1] ?? 0;
    if (node === undefined || this.#done.subarray(from, to).includes(0)) return undefined;
    for (let index = from; index < to; index += 1) {
      const reason = this.#errors.get(index);
      if (reason !== undefined) return { status: "rejected", reason };
    }
    return { status: "fulfilled", value: this.#arranged(node, { at: from }) };
  }

  /** Lets go of what a member returned: its reader has it. */
  release(member: number): void {
    for (let index = this.#starts[member] ?? 0; index < (this.#starts[member + 1] ?? 0); index += 1) {
      this.#values[index] = undefined;
      this.#errors.delete(index);
    }
  }

  /** All results; of members that failed, nothing. */
  values(): readonly unknown[] {
    const cursor = { at: 0 };
    return this.#members.map((node) => this.#arranged(node, cursor));
  }

  #arranged(node: ResultNode, cursor: { at: number }): unknown {
    if (node.kind === "group") return node.members.map((member) => this.#arranged(member, cursor));
    const value = this.#values[cursor.at];
    cursor.at += 1;
    return value;
  }
}
