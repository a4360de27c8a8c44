/** Final results of all that was sent, as they are seen first, and whether one was ever seen to change. Long ones are kept as digests. */

import { createHash } from "node:crypto";
import type { StoredOutcome } from "../../src/port/result-store.ts";
import { stringifyJson } from "../../src/wire/json.ts";
import { decodeTaskMeta } from "../../src/wire/outcome.ts";
import type { Final } from "./checker.ts";

const finalStates = ["SUCCESS", "FAILURE", "REVOKED"] as const;
/** Ids in one question, and the most that one look asks for: how long it takes does not depend on how many tasks there were. */
const page = 200;
const mostOpen = 5000;
const mostSeen = 400;
/** Characters of a success that are kept as they are; none that a workflow hands on is longer. */
const mostText = 1000;

export type Ask = (ids: readonly string[]) => Promise<readonly (StoredOutcome | undefined)[]>;

export class Finals {
  readonly seen = new Map<string, Final>();
  readonly changed = new Set<string>();
  /** Ids without a final result, those that were asked about last in the end. */
  readonly #open = new Set<string>();
  /** Those with one, in the order in which they are looked at again. */
  readonly #again: string[] = [];
  #next = 0;

  expect(ids: Iterable<string>): void {
    for (const id of ids) if (!this.seen.has(id)) this.#open.add(id);
  }

  /** Whether a result of it is expected, or there. */
  has(id: string): boolean {
    return this.seen.has(id) || this.#open.has(id);
  }

  get open(): number {
    return this.#open.size;
  }

  /** Looks at some of those that are open, and at some that were final. */
  async look(ask: Ask): Promise<void> {
    const open: string[] = [];
    for (const id of this.#open) if (open.push(id) === mostOpen) break;
    for (const id of open) {
      this.#open.delete(id);
      this.#open.add(id);
    }
    const again = Array.from({ length: Math.min(mostSeen, this.#again.length) }, () => this.#turn());
    await this.#ask([...open, ...again], ask);
  }

  async lookAtAll(ask: Ask): Promise<void> {
    await this.#ask([...this.#open, ...this.#again], ask);
  }

  #turn(): string {
    this.#next = (this.#next + 1) % this.#again.length;
    return this.#again[this.#next] ?? "";
  }

  async #ask(ids: readonly string[], ask: Ask): Promise<void> {
    for (let at = 0; at < ids.length; at += page) {
      const some = ids.slice(at, at + page);
      const outcomes = await ask(some).catch(() => []);
      some.forEach((id, index) => this.#saw(id, outcomes[index]));
    }
  }

  #saw(id: string, outcome: StoredOutcome | undefined): void {
    if (!outcome) return;
    const former = this.seen.get(id);
    const state = finalStates.find((one) => one === outcome.state);
    if (state === undefined) {
      if (former) this.changed.add(id);
      return;
    }
    const meta = decodeTaskMeta(outcome.meta);
    const text = stringifyJson(meta.result);
    const result = state === "SUCCESS" && text.length > mostText ? digest(text) : text;
    if (former && (former.state !== state || former.result !== result)) this.changed.add(id);
    this.seen.set(id, { state, result, fence: meta.celeriac?.fence, at: meta.dateDone ?? undefined });
    if (former) return;
    this.#open.delete(id);
    this.#again.push(id);
  }
}

function digest(text: string): string {
  return stringifyJson({ characters: text.length, sha256: createHash("sha256").update(text).digest("hex") });
}
