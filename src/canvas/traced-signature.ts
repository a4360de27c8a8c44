/** Where calls that are not made yet stand in a trace: in their headers, for whoever sends them, a Python worker too. */

import type { TraceHeaders } from "../task/telemetry.ts";
import type { Signature } from "../wire/signature.ts";
import { mapTasks } from "./composite.ts";
import { isRecord } from "../wire/record.ts";

/** Every task in it with this trace, callbacks and bodies of chords among them; what has one already keeps it. */
export function tracedSignature(signature: Signature, trace: TraceHeaders): Signature {
  const change = (task: Signature): Signature => {
    const headers = tracedHeaders(task.options["headers"], trace);
    return { ...task, options: { ...task.options, headers } };
  };
  return mapTasks(signature, change, true);
}

/** `own` is what a call has under `headers`. All of the trace or nothing: one trace's baggage says nothing in another. */
export function tracedHeaders(own: unknown, trace: TraceHeaders): Readonly<Record<string, unknown>> {
  if (!isRecord(own)) return trace;
  for (const name in trace) if (Object.hasOwn(own, name)) return own;
  return { ...own, ...trace };
}
