/** The stack of an error and those of its causes, as one text in the form in which Node prints them. */

import type { WireError } from "../pool/pool-message.ts";

/** Characters. Six deep stacks are some twelve thousand. */
const longest = 32_768;

/**
 * `null` where there is none. An error with a cause looks as `node` would print it, so that people and tools know it:
 *
 *     Error: no receipt
 *         at send (file:///srv/tasks.ts:9:9) {
 *       [cause]: RangeError: no such order
 *           at find (file:///srv/orders.ts:3:7)
 *     }
 */
export function tracebackOf(error: WireError): string | null {
  if (error.stack === "" && error.cause === null) return null;
  const text = printed(error);
  return text.length <= longest ? text : `${text.slice(0, longest)}… (${String(text.length)} characters)`;
}

function printed({ stack, cause }: WireError): string {
  if (cause === null) return stack;
  return `${stack} {\n  [cause]: ${printed(cause).replaceAll("\n", "\n  ")}\n}`;
}
