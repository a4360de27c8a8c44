/** Runs a script of ours in an interpreter of the user's choice: a wish as JSON in, an answer as one line of JSON out. Ends it when it takes too long. */

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Clock } from "../clock/clock.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import { clean } from "../wire/visible-text.ts";

/** Modules that load a model when they are imported take their time; one that never ends is ended, ms. */
const patience = 120_000;
/** What is kept of standard error, characters. */
const tail = 2000;

export interface PythonScript {
  /** A file of `python/`. */
  readonly script: string;
  /** What was to be done, and what to do if it cannot be, in the words of the error. */
  readonly purpose: string;
  readonly remedy: string;
}

/** Rejects with PYTHON_FAILED when the interpreter cannot be started, fails, or does not end. */
export async function askPython(
  python: string,
  { script, purpose, remedy }: PythonScript,
  wish: object,
  clock: Clock,
): Promise<unknown> {
  const late = new AbortController();
  using _timer = clock.after(patience, () => late.abort());
  const file = fileURLToPath(new URL(`./python/${script}`, import.meta.url));
  const child = spawn(python, [file], { signal: late.signal, killSignal: "SIGKILL" });
  const chunks: string[] = [];
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => chunks.push(text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors = (errors + text).slice(-tail)));
  child.stdin.on("error", () => {}); // an interpreter that ends early says why in its exit code
  child.stdin.end(JSON.stringify(wish));
  let why = await new Promise<string | undefined>((resolve) => {
    child.once("error", (error) =>
      resolve(late.signal.aborted ? `it did not end within ${String(patience / 1000)} s` : error.message),
    );
    child.once("close", (code, signal) => resolve(code === 0 ? undefined : `it ended with ${String(signal ?? code)}`));
  });
  try {
    // What a user's module prints when it is imported stands before it.
    if (why === undefined) return JSON.parse(chunks.join("").trimEnd().split("\n").at(-1) ?? "") as unknown;
  } catch {
    why = "its answer is no JSON";
  }
  const last = errors.trim();
  throw new CeleriacError(
    "PYTHON_FAILED",
    `"${python}" could not ${purpose}: ${why ?? ""}${last === "" ? "" : `\n${clean(last, "\n")}`}. ${remedy}`,
    { details: { python } },
  );
}
