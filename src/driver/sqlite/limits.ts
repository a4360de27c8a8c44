/** The queue file as limits. */

import type { Granted, LimitAsk, Limits } from "../../port/limits.ts";
import type { Link } from "./link.ts";

/** One transaction. */
const mostAtOnce = 1_000;

export class SqliteLimits implements Limits {
  readonly #link: Link;

  constructor(link: Link) {
    this.#link = link;
  }

  async take(batch: readonly LimitAsk[]): Promise<readonly Granted[]> {
    const answers: Granted[] = [];
    for (let from = 0; from < batch.length; from += mostAtOnce)
      answers.push(...(await this.#link.ask("takeLimits", batch.slice(from, from + mostAtOnce))));
    return answers;
  }

  async give(batch: Parameters<Limits["give"]>[0]): Promise<void> {
    if (batch.length > 0) await this.#link.ask("giveLimits", batch);
  }

  look(keys: readonly string[]): ReturnType<Limits["look"]> {
    return this.#link.ask("lookLimits", keys);
  }

  places(keys: readonly string[]): ReturnType<Limits["places"]> {
    return this.#link.ask("lookPlaces", keys);
  }
}
