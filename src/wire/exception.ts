/**
 * Errors as Celery stores them: a type, a module and constructor arguments. They are only ever data here: no class is looked up
 * and nothing is constructed from what a message says.
 */

import { stringifyJson } from "./json.ts";
import { isRecord } from "./record.ts";

export interface WireException {
  readonly exc_type: string;
  /** Arguments of the constructor, not a text. */
  readonly exc_message: readonly unknown[];
  readonly exc_module: string;
  /** A JavaScript error's `code`; Celery ignores it. */
  readonly exc_code?: string;
}

export interface ReadException {
  readonly type: string;
  readonly module: string;
  readonly args: readonly unknown[];
  /** The arguments as one text, like Python's `str(error)`. */
  readonly message: string;
  readonly code: string | undefined;
}

export interface ErrorLike {
  readonly name: string;
  readonly message: string;
  readonly code?: unknown;
  /** Constructor arguments, if they are more than the message. */
  readonly args?: readonly unknown[] | undefined;
  /** Python module of the class, if there is one. */
  readonly module?: string | undefined;
}

/** Where Python finds the errors that Celery's runtime itself stores. */
export const celeryExceptionModules = {
  ChordError: "celery.exceptions",
  ContentDisallowed: "kombu.exceptions",
  DecodeError: "kombu.exceptions",
  Ignore: "celery.exceptions",
  ImproperlyConfigured: "celery.exceptions",
  InvalidTaskError: "celery.exceptions",
  MaxRetriesExceededError: "celery.exceptions",
  NotRegistered: "celery.exceptions",
  Reject: "celery.exceptions",
  Retry: "celery.exceptions",
  SecurityError: "celery.exceptions",
  SoftTimeLimitExceeded: "billiard.exceptions",
  TaskRevokedError: "celery.exceptions",
  Terminated: "billiard.exceptions",
  TimeLimitExceeded: "billiard.exceptions",
  TypeError: "builtins",
  WorkerLostError: "billiard.exceptions",
} as const;
export type CeleryExceptionName = keyof typeof celeryExceptionModules;

/** One of Celery's own: `celeryException("TaskRevokedError", "expired")`. */
export function celeryException(name: CeleryExceptionName, ...args: readonly unknown[]): WireException {
  return { exc_type: name, exc_message: args, exc_module: celeryExceptionModules[name] };
}

/**
 * In Python's builtins, every name that starts with a capital is an exception but for five. A reader there refuses the whole result if
 * the name is no exception class, and three of the classes would end the reading program.
 */
const builtinName = /^[A-Z][A-Za-z0-9_]*$/;
const notForBuiltins: ReadonlySet<string> = new Set([
  "True",
  "False",
  "None",
  "Ellipsis",
  "NotImplemented",
  "SystemExit",
  "KeyboardInterrupt",
  "GeneratorExit",
]);
/** A module that Python does not have: its reader makes a class with that name. */
const ownModule = "celeriac";
const maxNameLength = 200;

/** Never throws: arguments that JSON cannot hold are stored as text. */
export function exceptionOf(error: ErrorLike): WireException {
  const name = typeof error.name === "string" && error.name !== "" ? error.name.slice(0, maxNameLength) : "Error";
  const module = error.module ?? (builtinName.test(name) && !notForBuiltins.has(name) ? "builtins" : ownModule);
  const args = error.args ?? [error.message];
  const code = error.code;
  return {
    exc_type: name,
    exc_message: args.map(storable),
    exc_module: module,
    ...(typeof code === "string" && code !== "" ? { exc_code: code } : {}),
  };
}

/** Reads what Celery of any version stored. Never throws and never trusts: anything else becomes an `Exception` with its text. */
export function readException(value: unknown): ReadException {
  if (!isRecord(value) || typeof value["exc_type"] !== "string" || value["exc_type"] === "") {
    return { type: "Exception", module: "builtins", args: [value], message: argText(value), code: undefined };
  }
  const { exc_type, exc_message, exc_module, exc_code } = value;
  const args: readonly unknown[] = Array.isArray(exc_message)
    ? exc_message
    : exc_message === undefined || exc_message === null || exc_message === ""
      ? []
      : [exc_message];
  return {
    type: exc_type,
    module: typeof exc_module === "string" ? exc_module : "",
    args,
    message: args.map(argText).join(", "),
    code: typeof exc_code === "string" ? exc_code : undefined,
  };
}

function storable(arg: unknown): unknown {
  try {
    return arg === undefined ? null : (stringifyJson(arg), arg);
  } catch {
    return argText(arg);
  }
}

/** Text for people; cut, because it ends in logs and messages. */
function argText(value: unknown): string {
  if (typeof value === "string") return value;
  try {
    return stringifyJson(value).slice(0, 1000);
  } catch {
    try {
      return String(value).slice(0, 1000);
    } catch {
      return "<not printable>";
    }
  }
}
