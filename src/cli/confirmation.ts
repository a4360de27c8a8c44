/** Asks before something is dropped for good. The word must be typed; where nobody can type, only `--yes` goes on. */

import { createInterface } from "node:readline/promises";
import { clean } from "../wire/visible-text.ts";
import { UsageError } from "./failure.ts";

/** Resolves with true if `word` was typed, or if `yes` was said beforehand. */
export async function confirmed(question: string, word: string, yes: boolean): Promise<boolean> {
  if (yes) return true;
  if (!process.stdin.isTTY) {
    throw new UsageError(`${question} Nobody is there to confirm it: say --yes if this is meant.`);
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await terminal.question(clean(`${question} Type "${word}" to go on: `))).trim() === word;
  } catch {
    return false; // Ctrl-C and the end of the input mean no
  } finally {
    terminal.close();
  }
}
