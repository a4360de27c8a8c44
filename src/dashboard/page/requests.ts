/** Tasks in a worker's hands, as `inspect` tells them: in whose queue each lies, and what of its arguments may be shown. */

import type { DashboardSettings } from "../options.ts";
import { jsonText } from "./texts.ts";

type Facts = Readonly<Record<string, unknown>>;

/** As the worker was given it; `undefined` where it does not say, so that who is confined does not see it. */
export function queueOfRequest(request: unknown): string | undefined {
  const queue = recordOf(recordOf(request)["delivery_info"])["routing_key"];
  return typeof queue === "string" ? queue : undefined;
}

/** Arguments come as they are, or as Python prints them. What is no JSON any more, once something was put over it, is told as text. */
export function coveredRequest(request: unknown, redact: DashboardSettings["redact"]): Facts {
  const facts = recordOf(request);
  const named = facts["type"] ?? facts["name"];
  const task = typeof named === "string" ? named : undefined;
  const shown: Record<string, unknown> = { ...facts };
  for (const kind of ["args", "kwargs"]) {
    if (kind in shown) shown[kind] = covered(shown[kind], (text) => redact(text, { kind, task }));
  }
  return shown;
}

function covered(value: unknown, cover: (text: string) => string): unknown {
  if (typeof value === "string") return cover(value);
  const text = jsonText(value);
  const shown = cover(text);
  if (shown === text) return value;
  try {
    return JSON.parse(shown);
  } catch {
    return shown;
  }
}

function recordOf(value: unknown): Facts {
  return typeof value === "object" && value !== null ? (value as Facts) : {};
}
