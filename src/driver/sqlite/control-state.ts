/** The queue file as control state. */

import type { ControlFact, ControlState } from "../../port/control-state.ts";
import type { Link } from "./link.ts";

export class SqliteControlState implements ControlState {
  readonly #link: Link;

  constructor(link: Link) {
    this.#link = link;
  }

  changes(since: number): ReturnType<ControlState["changes"]> {
    return this.#link.ask("changes", since);
  }

  set(facts: readonly ControlFact[]): Promise<number> {
    return this.#link.ask("setFacts", facts);
  }

  replace(fact: ControlFact, value: string | null): Promise<boolean> {
    return this.#link.ask("replaceFact", { fact, value });
  }
}
