/** Shared facts on the server, read in pages so that no script holds it up. */

import type { ControlFact, ControlState } from "../../port/control-state.ts";
import type { Context } from "./context.ts";
import { changesScript, replaceFactScript, setFactsScript } from "./script/fact.ts";

const pageSize = 500;

type Page = readonly [version: string, complete: number, next: string, told: readonly string[]];

export class RedisControlState implements ControlState {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  async changes(since: number): ReturnType<ControlState["changes"]> {
    for (;;) {
      const told = await this.#read(since);
      if (told !== undefined) return told;
    }
  }

  /** Undefined: while it was read, deletions were forgotten that this reader should know. */
  async #read(since: number): Promise<Awaited<ReturnType<ControlState["changes"]>> | undefined> {
    const { keys } = this.#context;
    const changed = new Map<string, ControlFact>();
    let first: number | undefined;
    for (let from = ""; ;) {
      const args = [String(since), from, String(pageSize)];
      const page = await this.#context.ask(() => this.#context.run(changesScript, [keys.unacked, ...keys.facts], args));
      const [version, complete, next, told] = page as Page;
      first ??= complete;
      if (first !== complete) return undefined;
      for (let at = 0; at < told.length; at += 3) {
        const [name = "", value = "", until = ""] = told.slice(at, at + 3);
        changed.set(name, factOf(name, value, until));
      }
      from = next;
      if (next !== "") continue;
      const facts = [...changed.values()].filter(({ value }) => complete === 0 || value !== null);
      return { version: Number(version), changed: facts, complete: complete === 1 };
    }
  }

  follow(take: (version: number) => Promise<unknown> | undefined): () => void {
    return this.#context.factsTold.add(take);
  }

  async set(facts: readonly ControlFact[]): Promise<number> {
    const { keys } = this.#context;
    const args = facts.flatMap(argsOf);
    if (args.length === 0) return Number((await this.#context.command("HGET", [keys.facts[0], "version"])) ?? 0);
    return Number(
      await this.#context.ask(() =>
        this.#context.run(setFactsScript, [keys.unacked, ...keys.facts, keys.control], args),
      ),
    );
  }

  async replace(fact: ControlFact, value: string | null): Promise<boolean> {
    const { keys } = this.#context;
    const args = [value ?? "", ...argsOf(fact)];
    const answer = await this.#context.ask(() =>
      this.#context.run(replaceFactScript, [keys.unacked, ...keys.facts, keys.control], args),
    );
    return answer === 1;
  }
}

/** A kind has no ":". */
function argsOf({ kind, key, value, until }: ControlFact): string[] {
  return [`${kind}:${key}`, value ?? "", until === undefined ? "" : String(Math.ceil(until))];
}

function factOf(name: string, value: string, until: string): ControlFact {
  const colon = name.indexOf(":");
  const fact = { kind: name.slice(0, colon), key: name.slice(colon + 1), value: value === "" ? null : value };
  return value === "" || until === "" ? fact : { ...fact, until: Number(until) };
}
