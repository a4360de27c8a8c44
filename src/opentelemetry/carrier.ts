/** Reading a trace from a message's headers and writing it into them, with whatever propagator the user's SDK has set. */

import { type Context, propagation, ROOT_CONTEXT, type TextMapGetter, type TextMapSetter } from "@opentelemetry/api";
import type { TraceHeaders } from "../task/telemetry.ts";

/** W3C's most for `baggage`, and room for the rest; a message's own headers have theirs besides. */
const mostCharacters = 8_192;

/** Whoever sent it may have put anything there: only texts are a trace's. */
const getter: TextMapGetter<Readonly<Record<string, unknown>>> = {
  keys: (headers) => Object.keys(headers),
  get(headers, name) {
    const value = headers[name];
    return typeof value === "string" ? value : undefined;
  },
};

const setter: TextMapSetter<Record<string, string>> = {
  set(headers, name, value) {
    headers[name] = value;
  },
};

/** From nothing else: what happens to be active where a message is taken has no part in it. */
export function contextIn(headers: Readonly<Record<string, unknown>>): Context {
  return propagation.extract(ROOT_CONTEXT, headers, getter);
}

/** Of baggage too large for a message only the trace is left: no task fails for what it is traced with. */
export function headersOf(context: Context): TraceHeaders {
  const headers: Record<string, string> = {};
  propagation.inject(context, headers, setter);
  let room = mostCharacters;
  for (const name in headers) room -= name.length + (headers[name]?.length ?? 0);
  if (room < 0) delete headers["baggage"];
  return headers;
}
