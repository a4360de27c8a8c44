/** Buckets and slots on the server: one script a batch, a thousand asks at most in each. */

import type { Granted, LimitAsk, Limits } from "../../port/limits.ts";
import { longestPromise } from "../../port/rate-law.ts";
import type { Context } from "./context.ts";
import { giveLimitsScript, lookLimitsScript, takeLimitsScript } from "./script/limit.ts";
import type { Script } from "./script/script.ts";

/** A script holds up the server. */
const mostAtOnce = 1_000;

export class RedisLimits implements Limits {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  async take(batch: readonly LimitAsk[]): Promise<readonly Granted[]> {
    const { keys } = this.#context;
    const answers = await this.#inSlices(batch, (slice) =>
      this.#run(
        takeLimitsScript,
        slice.map(({ kind, key }) => (kind === "rate" ? keys.rate(key) : keys.slots(key))),
        [String(longestPromise), ...slice.flatMap(argsOf)],
      ),
    );
    return answers.map((after) => (after === 0 ? { ok: true } : { ok: false, retryAfter: Number(after) }));
  }

  async give(batch: readonly { readonly key: string; readonly holder: string }[]): Promise<void> {
    const { keys } = this.#context;
    await this.#inSlices(batch, async (slice) => {
      const names = slice.map(({ key }) => keys.slots(key));
      await this.#run(
        giveLimitsScript,
        names,
        slice.map(({ holder }) => holder),
      );
      return [];
    });
  }

  async look(names: readonly string[]): ReturnType<Limits["look"]> {
    const { keys } = this.#context;
    const told = await this.#inSlices(names, (slice) =>
      this.#run(
        lookLimitsScript,
        slice.map((key) => keys.rate(key)),
        [],
      ),
    );
    return (told as (readonly [interval: string, burst: string, next: number] | null)[]).map((each) =>
      each === null ? undefined : { interval: Number(each[0]), burst: Number(each[1]), next: each[2] },
    );
  }

  async #run(script: Script, names: readonly string[], args: readonly string[]): Promise<readonly unknown[]> {
    const { keys } = this.#context;
    const answer = await this.#context.ask(() => this.#context.run(script, [keys.unacked, ...names], args));
    return (answer ?? []) as readonly unknown[];
  }

  async #inSlices<T>(all: readonly T[], run: (slice: readonly T[]) => Promise<readonly unknown[]>): Promise<unknown[]> {
    const answers: unknown[] = [];
    for (let from = 0; from < all.length; from += mostAtOnce) {
      answers.push(...(await run(all.slice(from, from + mostAtOnce))));
    }
    return answers;
  }
}

function argsOf(ask: LimitAsk): readonly string[] {
  return ask.kind === "rate"
    ? ["r", String(ask.limit), String(ask.per), String(ask.burst)]
    : ["s", String(ask.limit), String(ask.lease), ask.holder];
}
