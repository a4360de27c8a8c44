/** Something that a demo needs is not installed: neither right nor wrong. Its exit code is 77. */

export class Skipped extends Error {
  override readonly name = "Skipped";
}

/** Says why the demo ended early, and answers with the exit code. */
export function sayWhy(error: unknown): number {
  const skipped = error instanceof Skipped;
  const text = error instanceof Error ? error.message : String(error);
  const stack = process.env["DEBUG"] !== undefined && error instanceof Error ? `\n${String(error.stack)}` : "";
  process.stderr.write(`${skipped ? "SKIPPED: " : ""}${text}${stack}\n`);
  return skipped ? 77 : 1;
}
