/**
 * Asks Python what the functions behind tasks take and give: runs `signatures.py`, which imports the user's modules or reads their files,
 * in an interpreter of the user's choice, once, and ends it when it takes too long.
 */

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Clock } from "../clock/clock.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import { clean } from "../wire/visible-text.ts";

/** A Python type, as far as JSON can carry its values. */
export type Shape =
  | { readonly kind: "plain"; readonly name: string }
  | { readonly kind: "literal"; readonly value: string | number | boolean }
  | { readonly kind: "list" | "record"; readonly of: Shape }
  | { readonly kind: "tuple" | "union"; readonly of: readonly Shape[] }
  | { readonly kind: "object"; readonly members: readonly Member[] }
  /** `python` is how it stands there; empty if nothing does. */
  | { readonly kind: "unknown"; readonly python: string };
export interface Member {
  readonly name: string;
  readonly optional: boolean;
  readonly shape: Shape;
}
export interface Parameter extends Member {
  /** "either" may be given by position or by name; "rest" is *args, "rest-keywords" is **kwargs. */
  readonly kind: "position" | "either" | "rest" | "keyword" | "rest-keywords";
}
export interface PythonSignature {
  readonly parameters: readonly Parameter[];
  readonly result: Shape;
  readonly doc: string;
  readonly source: "stub" | "module" | "source";
  readonly file: string;
  /** Why it was read as text though modules may be imported. */
  readonly note?: string;
}
/** What was found, or why nothing was. */
export type Finding = PythonSignature | { readonly problem: string };

export interface SignatureWish {
  /** The interpreter: a command or a path. */
  readonly python: string;
  /** Put before `sys.path`. */
  readonly paths: readonly string[];
  /** Further folders of stub files; they are looked through first. */
  readonly stubs: readonly string[];
  /** May modules be imported? */
  readonly import: boolean;
  readonly tasks: readonly { readonly name: string; readonly modules: readonly string[] }[];
}

const script = fileURLToPath(new URL("./python/signatures.py", import.meta.url));
/** Modules that load a model when they are imported take their time; one that never ends is ended, ms. */
const patience = 120_000;
/** What is kept of standard error, characters. */
const tail = 2000;

/** Rejects with PYTHON_FAILED when the interpreter cannot be started, fails, or does not end. */
export async function readSignatures(
  { python, ...wish }: SignatureWish,
  clock: Clock,
): Promise<Readonly<Record<string, Finding>>> {
  const late = new AbortController();
  using _timer = clock.after(patience, () => late.abort());
  const child = spawn(python, [script], { signal: late.signal, killSignal: "SIGKILL" });
  const chunks: string[] = [];
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => chunks.push(text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors = (errors + text).slice(-tail)));
  child.stdin.on("error", () => {}); // an interpreter that ends early says why in its exit code
  child.stdin.end(JSON.stringify(wish));
  const why = await new Promise<string | undefined>((resolve) => {
    child.once("error", (error) =>
      resolve(late.signal.aborted ? `it did not end within ${String(patience / 1000)} s` : error.message),
    );
    child.once("close", (code, signal) => resolve(code === 0 ? undefined : `it ended with ${String(signal ?? code)}`));
  });
  try {
    if (why === undefined) return JSON.parse(chunks.join("")) as Record<string, Finding>;
  } catch {
    throw failed(python, "its answer is no JSON", errors);
  }
  throw failed(python, why, errors);
}

function failed(python: string, why: string, errors: string): CeleriacError {
  const last = errors.trim();
  return new CeleriacError(
    "PYTHON_FAILED",
    `"${python}" could not read the signatures: ${why}${last === "" ? "" : `\n${clean(last, "\n")}`}. Name another interpreter with --python, or leave signatures out with --python none.`,
    { details: { python } },
  );
}
