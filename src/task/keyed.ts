/** The headers of a call with what its declaration makes of the input: whose rate it draws from, among whose runs it counts, and whose turn it is. */

import { fairHeader, plainKey } from "../wire/fair.ts";
import { withCallKey } from "./call-key.ts";
import { withPlaceKey } from "./concurrency.ts";
import type { TaskDefinition } from "./definition.ts";
import { withRateKey } from "./rate.ts";

type Headers = Readonly<Record<string, unknown>> | undefined;

/** Throws INPUT_INVALID for a key that is none. */
export function withKeys(
  { name, rate, concurrency, fairness }: Pick<TaskDefinition, "name" | "rate" | "concurrency" | "fairness">,
  input: unknown,
  headers: Headers,
): Headers {
  const limited = withPlaceKey(concurrency, input, withRateKey(rate, input, headers, name), name);
  if (fairness === undefined) return limited;
  const make = (given: unknown): string => {
    const key: unknown = fairness(given);
    return typeof key === "string" ? plainKey(key) : (key as string);
  };
  return withCallKey(fairHeader, make, input, limited, `${name}: fairness`);
}
