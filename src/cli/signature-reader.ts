/**
 * Asks Python what the functions behind tasks take and give: `signatures.py` imports the user's modules or reads their files, in an
 * interpreter of the user's choice, once.
 */

import type { Clock } from "../clock/clock.ts";
import { askPython, type PythonScript } from "./python-script.ts";

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

const reader: PythonScript = {
  script: "signatures.py",
  purpose: "read the signatures",
  remedy: "Name another interpreter with --python, or leave signatures out with --python none.",
};

/** Rejects with PYTHON_FAILED when the interpreter cannot be started, fails, or does not end. */
export async function readSignatures(
  { python, ...wish }: SignatureWish,
  clock: Clock,
): Promise<Readonly<Record<string, Finding>>> {
  return (await askPython(python, reader, wish, clock)) as Record<string, Finding>;
}
