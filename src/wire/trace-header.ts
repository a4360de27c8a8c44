/** The headers of W3C's trace context among those of a message: Python's instrumented workers read and write them there too. */

const names = ["traceparent", "tracestate", "baggage"] as const;
/** W3C's most for `baggage`; the two others are short. */
const mostCharacters = 8_192;

/** Characters of `headers` that a trace takes. They are not the sender's own, so no limit of his is used up by them; never more than 8 KiB. */
export function traceLength(headers: Readonly<Record<string, unknown>>): number {
  let length = 0;
  for (const name of names) {
    const value = headers[name];
    if (typeof value === "string") length += JSON.stringify(value).length + name.length + 4;
  }
  return Math.min(length, mostCharacters);
}
