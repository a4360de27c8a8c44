/** Texts of a task that lie deep inside an answer, put through the redaction of the options. */

import type { Attempt, LogLine, Reason } from "../contract.ts";
import type { DashboardSettings } from "../options.ts";

type Redact = DashboardSettings["redact"];

export function coveredAttempts(attempts: readonly Attempt[], redact: Redact, task: string | undefined): Attempt[] {
  const cover = (text: string): string => redact(text, { kind: "error", task });
  return attempts.map(({ error, steps, ...rest }) => ({
    ...rest,
    steps: steps.map((step) => (step.text === undefined ? step : { ...step, text: cover(step.text) })),
    ...(error !== undefined && { error: cover(error) }),
  }));
}

/** Names of tasks, queues and workers stay as they are. */
export function coveredReason(reason: Reason, redact: Redact, task: string | undefined): Reason {
  const covered: Record<string, unknown> = { ...reason };
  for (const name of ["text", "error", "detail"]) {
    const text = covered[name];
    if (typeof text === "string") covered[name] = redact(text, { kind: "error", task });
  }
  return covered as Reason;
}

/** Fields that are no JSON any more, once something was put over them, are left out. */
export function coveredLine(line: LogLine, redact: Redact, task: string | undefined): LogLine {
  const { text, fields, ...rest } = line;
  const cover = (shown: string): string => redact(shown, { kind: "log", task });
  let shown: LogLine["fields"];
  try {
    if (fields !== undefined) shown = JSON.parse(cover(JSON.stringify(fields))) as NonNullable<LogLine["fields"]>;
  } catch {
    shown = undefined;
  }
  return { ...rest, text: cover(text), ...(shown !== undefined && { fields: shown }) };
}
