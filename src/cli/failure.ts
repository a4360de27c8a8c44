/** How the command line ends when something went wrong: one line with the code, where it is explained, and a number for scripts. */

import { CeleriacError } from "../error/celeriac-error.ts";
import { clean, cleanJson } from "../wire/visible-text.ts";
import { paint } from "./terminal.ts";

export const exitCode = { done: 0, error: 1, usage: 2, taskFailed: 3, notEnded: 4 } as const;

/** A wrong use of a command that only shows when it runs, such as a missing confirmation. */
export class UsageError extends Error {
  override readonly name: string = "UsageError";
}

/** Prints the error, as one JSON object if the caller reads JSON, and says which exit code belongs to it. */
export function printFailure(error: unknown, json: boolean): number {
  const write = (text: string): void => void process.stderr.write(`${text}\n`);
  if (error instanceof UsageError) {
    write(json ? JSON.stringify({ error: { code: "USAGE", message: error.message } }) : clean(error.message, "\n"));
    return exitCode.usage;
  }
  const coded = isCoded(error);
  if (json) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    const facts = coded
      ? { code: error.code, message, help: error.help, details: error.details }
      : { code: name, message };
    write(
      cleanJson(
        JSON.stringify({ error: facts }, (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value)),
      ),
    );
  } else if (coded) {
    write(`${paint("red", error.code, process.stderr)}: ${clean(error.message, "\n")}`);
    for (const cause of causes(error)) write(paint("dim", `  because: ${clean(cause)}`, process.stderr));
    write(paint("dim", `  help: ${error.help}`, process.stderr));
  } else {
    // Not one of ours: a fault of this program or of the user's app, so the place matters.
    write(clean(error instanceof Error ? (error.stack ?? error.message) : String(error), "\n"));
  }
  if (process.env["CELERIAC_DEBUG"] && error instanceof Error) write(clean(error.stack ?? "", "\n"));
  return exitCode.error;
}

/** By shape, because the app may have been made by another copy of this package. */
function isCoded(error: unknown): error is CeleriacError {
  return (
    error instanceof CeleriacError || (error instanceof Error && error.name === "CeleriacError" && "code" in error)
  );
}

/** At most three, and none that the text says already. */
function causes(error: Error): readonly string[] {
  const found: string[] = [];
  let cause: unknown = error.cause;
  let told = error.message;
  while (cause instanceof Error && found.length < 3) {
    if (cause.message !== "" && !told.includes(cause.message)) found.push(`${cause.name}: ${cause.message}`);
    told += cause.message;
    cause = cause.cause;
  }
  return found;
}
