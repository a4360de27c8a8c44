/**
 * Whatever a handler threw → plain data. Never throws: hostile getters, proxies and cycles end as text. Bounded: causes 5 deep,
 * texts cut, so that an error can't be larger than a result may be.
 */

import { inspect } from "node:util";
import { stringifyJson } from "../wire/json.ts";
import type { WireError } from "./pool-message.ts";

/** Causes below the thrown error; more is a chain that nobody reads. */
const maxDepth = 5;
/** Characters of a message or a stack. */
const maxText = 16_384;
const maxArgs = 20;
/** An argument ends up so many levels deep, below the causes of a reply and the meta of a result, and JSON's depth is limited. */
const levelsAbove = 10;

type ErrorClass = abstract new (...args: never[]) => Error;

/** `retryable` set here wins over what the error says of itself: input that fails once fails always. */
export function wireErrorOf(
  thrown: unknown,
  classes: readonly ErrorClass[] = [],
  retryable: boolean | null = null,
): WireError {
  return convert(thrown, classes, retryable, new Set(), 0);
}

function convert(
  thrown: unknown,
  classes: readonly ErrorClass[],
  retryable: boolean | null,
  seen: Set<unknown>,
  depth: number,
): WireError {
  if (!isErrorLike(thrown)) return coerced(thrown, retryable, depth === 0 ? "thrown" : "given");
  seen.add(thrown);
  const name = textOf(() => thrown.name) || "Error";
  const message = textOf(() => thrown.message);
  const code = read(() => thrown.code);
  const cause = read(() => thrown.cause);
  const own = read(() => thrown.retryable);
  const module = read(() => thrown.module);
  return {
    name,
    message,
    stack: textOf(() => thrown.stack) || `${name}: ${message}`,
    code: typeof code === "string" ? cut(code) : null,
    ...(typeof module === "string" && module !== "" ? { module: cut(module) } : {}),
    args: argsOf(thrown, message),
    retryable: retryable ?? (typeof own === "boolean" ? own : null),
    matches: matchesOf(thrown, classes),
    cause:
      cause === undefined || cause === null || depth >= maxDepth || seen.has(cause)
        ? null
        : convert(cause, [], null, seen, depth + 1),
  };
}

interface ErrorLike {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly stack?: unknown;
  readonly code?: unknown;
  readonly module?: unknown;
  readonly args?: unknown;
  readonly cause?: unknown;
  readonly retryable?: unknown;
}

/** Errors of other realms (vm contexts) are no instances of our `Error`, yet have its members. */
function isErrorLike(thrown: unknown): thrown is ErrorLike {
  if (thrown instanceof Error) return true;
  if (typeof thrown !== "object" || thrown === null) return false;
  return (
    read(() => typeof (thrown as ErrorLike).message === "string" && typeof (thrown as ErrorLike).stack === "string") ===
    true
  );
}

/** `throw "text"`, `throw 3`, `throw { some: "object" }`, `Promise.reject()`. */
function coerced(thrown: unknown, retryable: boolean | null, how: "thrown" | "given"): WireError {
  const json = typeof thrown === "string" ? thrown : jsonOf(thrown);
  const message = cut(json ?? textOf(() => thrown));
  return {
    name: "Error",
    message,
    stack: `Error: ${message}\n    (${how} as ${thrown === null ? "null" : typeof thrown}, so without a stack)`,
    code: null,
    args: [message],
    retryable,
    matches: [],
    cause: null,
  };
}

/** Constructor arguments for Celery's `exc_message`: the error's own `args` where it has some, else its message. */
function argsOf(thrown: ErrorLike, message: string): readonly unknown[] {
  const args = read(() => thrown.args);
  if (!Array.isArray(args)) return [message];
  return args.slice(0, maxArgs).map((argument: unknown) => {
    const json = jsonOf(argument);
    if (json !== undefined && json.length <= maxText && jsonOf(nested(argument)) !== undefined) return argument;
    return cut(json ?? textOf(() => argument));
  });
}

function nested(value: unknown): unknown {
  let outer = value;
  for (let level = 0; level < levelsAbove; level++) outer = [outer];
  return outer;
}

function matchesOf(thrown: ErrorLike, classes: readonly ErrorClass[]): string[] {
  return classes.filter((type) => read(() => thrown instanceof type) === true).map((type) => type.name);
}

function jsonOf(value: unknown): string | undefined {
  return read(() => stringifyJson(value, { onSecret: "cover" }));
}

function textOf(get: () => unknown): string {
  const text = read(() => {
    const value = get();
    if (value === undefined) return "";
    return typeof value === "string" ? value : inspect(value, { depth: 2, customInspect: false });
  });
  return cut(text ?? "(unreadable)");
}

function read<T>(get: () => T): T | undefined {
  try {
    return get();
  } catch {
    return undefined;
  }
}

function cut(text: string): string {
  return text.length <= maxText ? text : `${text.slice(0, maxText)}… (${text.length} characters)`;
}
