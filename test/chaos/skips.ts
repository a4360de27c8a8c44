/** Kinds of faults that a machine cannot have: named in the report, and forbidden where everything is required. */

import type { Fault } from "./fault-plan.ts";

export type Skips = ReadonlyMap<Fault, string>;

/** One line for each, to be printed. */
export function skipLines(skipped: Readonly<Record<string, string>>): string {
  return Object.entries(skipped)
    .map(([fault, why]) => `  – SKIPPED: ${fault}: ${why}\n`)
    .join("");
}

/** One violation for each with `require` "all", as `CELERIAC_REQUIRE` has it: a fault that was not tried shows nothing. */
export function forbidden(skips: Skips, require: string | undefined): readonly string[] {
  if (require !== "all") return [];
  return [...skips].map(([fault, why]) => `skipped: ${fault}, which CELERIAC_REQUIRE=all forbids: ${why}`);
}
