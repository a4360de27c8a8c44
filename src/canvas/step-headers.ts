/** The headers of a step that is sent now: those that it was given, and where it stands in a trace. */

import type { TraceHeaders } from "../task/telemetry.ts";

export interface StepTrace {
  /** Of the run that sends it: it wins over what the step was given, which is where its workflow was started. */
  readonly trace?: TraceHeaders | undefined;
  /** For a step that was given none. */
  readonly traceElse?: TraceHeaders | undefined;
}

/** `given` is what a signature has under `headers`; what is no record counts as none. */
export function stepHeaders(
  given: unknown,
  { trace, traceElse }: StepTrace,
): Readonly<Record<string, unknown>> | undefined {
  const own = isRecord(given) ? given : undefined;
  if (trace !== undefined) return { ...own, ...trace };
  if (traceElse === undefined) return own;
  // All of it or nothing: one trace's baggage says nothing in another.
  for (const name in traceElse) if (own !== undefined && Object.hasOwn(own, name)) return own;
  return { ...own, ...traceElse };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
