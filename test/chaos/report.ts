/** What a run says of itself when it is over. */

import type { Outcome } from "./finish.ts";
import { skipLines } from "./skips.ts";

/** What was asked for. */
export interface Asked {
  readonly broker: string;
  readonly seed: number;
  readonly tasks: number;
  readonly faults: number;
}

/** Broken promises that are printed; there may be thousands of one kind. */
const shown = 20;

export function jsonLine(asked: Asked, { violations, ...facts }: Outcome, seconds: number): string {
  const all = { ...facts, ...asked, seconds, violations: violations.length, first: violations.slice(0, shown) };
  return `${JSON.stringify(all)}\n`;
}

export function lines(asked: Asked, { violations, ...facts }: Outcome, seconds: number): string {
  const all = { ...facts, ...asked, seconds, violations: violations.length };
  const broken = violations.slice(0, shown).map((line) => `  ✗ ${line}\n`);
  return `${violations.length === 0 ? "✓ green" : "✗ red"} ${JSON.stringify(all)}\n${broken.join("")}${skipLines(facts.skipped)}`;
}
