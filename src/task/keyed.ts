/** The headers of a call with what its declaration makes of the input: whose rate it draws from, and among whose runs it counts. */

import { withPlaceKey } from "./concurrency.ts";
import type { TaskDefinition } from "./definition.ts";
import { withRateKey } from "./rate.ts";

type Headers = Readonly<Record<string, unknown>> | undefined;

/** Throws INPUT_INVALID for a key that is none. */
export function withKeys(
  { name, rate, concurrency }: Pick<TaskDefinition, "name" | "rate" | "concurrency">,
  input: unknown,
  headers: Headers,
): Headers {
  return withPlaceKey(concurrency, input, withRateKey(rate, input, headers, name), name);
}
