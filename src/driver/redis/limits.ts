/** Buckets and slots on the server: one script a batch, a thousand asks at most in each. */

import type { Granted, LimitAsk, Limits, Places } from "../../port/limits.ts";
import { longestLine, longestPromise } from "../../port/rate-law.ts";
import type { Context } from "./context.ts";
import { lookLimitsScript, takeLimitsScript } from "./script/limit.ts";
import { giveLimitsScript, lookPlacesScript } from "./script/place.ts";
import type { Script } from "./script/script.ts";

/** A script holds up the server. */
const mostAtOnce = 1_000;
/** Of a `give` that does not say which hold it means; no claim is called so. */
const anyClaim = "*";

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
        [keys.index, ...slice.map(({ kind, key }) => (kind === "rate" ? keys.rate(key) : keys.slots(key)))],
        [String(longestPromise), String(longestLine), keys.ours, keys.separator, ...slice.flatMap(argsOf)],
      ),
    );
    return answers.map((after) => (after === 0 ? { ok: true } : { ok: false, retryAfter: Number(after) }));
  }

  async give(batch: Parameters<Limits["give"]>[0]): Promise<void> {
    const { keys } = this.#context;
    await this.#inSlices(batch, async (slice) => {
      await this.#run(
        giveLimitsScript,
        [keys.index, ...slice.map(({ key }) => keys.slots(key))],
        [
          keys.ours,
          keys.separator,
          ...slice.flatMap(({ holder, claim = anyClaim, limit, lease }) => [
            holder,
            claim,
            String(limit),
            String(lease),
          ]),
        ],
      );
      return [];
    });
  }

  async places(names: readonly string[]): Promise<readonly Places[]> {
    const { keys } = this.#context;
    const told = await this.#inSlices(names, (slice) =>
      this.#run(
        lookPlacesScript,
        slice.flatMap((key) => [keys.slots(key), keys.line(key)]),
        [],
      ),
    );
    return (told as (readonly [number, ...string[]])[]).map(([waiting, ...holders]) => ({ holders, waiting }));
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
  if (ask.kind === "rate") return ["r", String(ask.limit), String(ask.per), String(ask.burst), "", ""];
  return ["s", String(ask.limit), String(ask.lease), ask.holder, ask.claim ?? "", ask.line === true ? "l" : ""];
}
