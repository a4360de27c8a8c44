/**
 * Between a task's one input and Celery's `args` and `kwargs`, both ways. A plain object is keyword arguments; anything else is
 * the single positional argument; `positional` names positions; `raw` gets both as they came. On the wire `{}` and nothing are the same.
 */

import { CeleriacError } from "../error/celeriac-error.ts";
import type { ErrorCode } from "../error/error-codes.ts";
import type { TaskDefinition } from "./definition.ts";
import { type Mask, maskOf, secretsIn } from "../wire/cover.ts";
import type { SchemaIssue, SchemaVerdict } from "./schema.ts";

/** A call's arguments as Celery sees them; also the input of a `raw` task. */
export interface CallArguments {
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
}

type Shape = Pick<TaskDefinition, "name" | "handler" | "input" | "positional" | "raw" | "rest">;

/** Arguments that do not fit the task. On the wire it is Python's `TypeError`, as if the function had been called wrongly. */
export class ArgumentsError extends CeleriacError {
  override readonly name: string = "TypeError";
  readonly module: string = "builtins";
  readonly args: readonly unknown[];
  readonly retryable: boolean = false;

  constructor(code: ErrorCode, task: string, message: string) {
    super(code, message, { details: { task } });
    this.args = [message];
  }
}

/** True for object literals and what JSON makes; false for arrays, dates, class instances. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** The input that a message's arguments mean for this task. Throws INPUT_ARITY, INPUT_CONFLICT or INPUT_NOT_MERGEABLE. */
export function bindInput(
  definition: Shape,
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>>,
): unknown {
  if (definition.raw === true) return { args, kwargs };
  if (definition.positional !== undefined) return bindPositions(definition, definition.positional, args, kwargs);
  if (args.length > 1) {
    throw new ArgumentsError(
      "INPUT_ARITY",
      definition.name,
      `${definition.name}() takes one input but ${args.length} positional arguments were given; name them with \`positional\`, or take them all with \`raw\`.`,
    );
  }
  const keys = Object.keys(kwargs).length;
  if (args.length === 0) return keys === 0 ? nothing(definition) : { ...kwargs };
  const first = args[0];
  if (keys === 0) return first;
  if (!isPlainObject(first)) {
    throw new ArgumentsError(
      "INPUT_NOT_MERGEABLE",
      definition.name,
      `${definition.name}() got keyword arguments and ${describe(first)} as positional argument; only an object can be merged under keyword arguments.`,
    );
  }
  return { ...first, ...kwargs };
}

/** A handler that names no required parameter gets its own default; others can always destructure. */
function nothing(definition: Shape): unknown {
  return definition.input === undefined && definition.handler?.length === 0 ? undefined : {};
}

function bindPositions(
  definition: Shape,
  names: NonNullable<Shape["positional"]>,
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const refuse = (code: ErrorCode, text: string): never => {
    throw new ArgumentsError(code, definition.name, `${definition.name}() ${text}`);
  };
  if (args.length > names.length) {
    refuse("INPUT_ARITY", `takes ${names.length} positional arguments but ${args.length} were given`);
  }
  const input: Record<string, unknown> = {};
  for (const [index, value] of args.entries()) input[names[index]?.name ?? ""] = value;
  const known = new Set(names.map((each) => each.name));
  for (const [name, value] of Object.entries(kwargs)) {
    if (Object.hasOwn(input, name)) refuse("INPUT_CONFLICT", `got multiple values for argument '${name}'`);
    if (known.has(name)) input[name] = value;
    else if (definition.rest !== "ignore") refuse("INPUT_ARITY", `got an unexpected keyword argument '${name}'`);
  }
  const missing = names.filter((each) => !each.optional && !Object.hasOwn(input, each.name));
  if (missing.length > 0) {
    refuse("INPUT_ARITY", `missing required arguments: ${missing.map((each) => `'${each.name}'`).join(", ")}`);
  }
  return input;
}

/** The arguments that say this input. Throws INPUT_INVALID where the declaration cannot express it. */
export function toCallArguments(definition: Shape, input: unknown): CallArguments {
  if (definition.raw === true) {
    if (isPlainObject(input) && Array.isArray(input.args) && isPlainObject(input.kwargs)) {
      return { args: input.args as unknown[], kwargs: input.kwargs };
    }
    throw new CeleriacError("INPUT_INVALID", `${definition.name}: a raw task takes { args: [...], kwargs: {...} }.`);
  }
  if (definition.positional !== undefined) return toPositions(definition, definition.positional, input);
  if (input === undefined) {
    // JSON has no undefined: a handler that asked for a parameter gets null rather than an empty object it did not expect.
    const expects = definition.input === undefined && (definition.handler?.length ?? 0) > 0;
    return { args: expects ? [null] : [], kwargs: {} };
  }
  return isPlainObject(input) ? { args: [], kwargs: input } : { args: [input], kwargs: {} };
}

function toPositions(definition: Shape, names: NonNullable<Shape["positional"]>, input: unknown): CallArguments {
  const given: unknown = input === undefined ? {} : input;
  if (!isPlainObject(given)) {
    throw new CeleriacError(
      "INPUT_INVALID",
      `${definition.name}: a task with \`positional\` takes an object with its names, not ${describe(given)}.`,
    );
  }
  const args: unknown[] = [];
  const kwargs: Record<string, unknown> = {};
  let gap = false;
  for (const { name, optional } of names) {
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    if (value === undefined) {
      if (!optional) {
        throw new CeleriacError("INPUT_INVALID", `${definition.name}: "${name}" is missing.`, {
          details: { task: definition.name, issues: [{ message: "missing", path: [name] }] },
        });
      }
      gap = true;
    } else if (gap) kwargs[name] = value;
    else args.push(value);
  }
  const unknown = Object.keys(given).filter((key) => !names.some((each) => each.name === key));
  if (unknown.length > 0) {
    throw new CeleriacError("INPUT_INVALID", `${definition.name} does not know "${unknown.join('", "')}".`, {
      details: { task: definition.name, issues: unknown.map((key) => ({ message: "unknown", path: [key] })) },
    });
  }
  return { args, kwargs };
}

type Validated = Pick<TaskDefinition, "name" | "input" | "redact">;

/** Some schemas quote what they refuse. */
function inputMask({ redact }: Validated, value: unknown): Mask {
  const call = isPlainObject(value) ? { args: [], kwargs: value } : { args: [value], kwargs: {} };
  return maskOf(call, [...(redact?.(call) ?? []), ...secretsIn(call, false)]);
}

/** What the schema makes of a value, at once or later; the value itself without one. Throws or rejects with INPUT_INVALID. */
export function validateInput(definition: Validated, value: unknown): unknown {
  const schema = definition.input?.["~standard"];
  if (schema === undefined) return value;
  const verdict = schema.validate(value);
  if (verdict instanceof Promise) return verdict.then((settled) => concludeLater(definition, value, settled));
  if (verdict.issues === undefined) return verdict.value;
  const second = isNothing(value) ? schema.validate(undefinedOr(value)) : verdict;
  if (second instanceof Promise) return second.then((settled) => conclude(definition, value, settled, verdict));
  return conclude(definition, value, second, verdict);
}

async function concludeLater(definition: Validated, value: unknown, verdict: SchemaVerdict<unknown>): Promise<unknown> {
  const schema = definition.input?.["~standard"];
  if (verdict.issues === undefined || schema === undefined || !isNothing(value)) {
    return conclude(definition, value, verdict, verdict);
  }
  return conclude(definition, value, await schema.validate(undefinedOr(value)), verdict);
}

/** `{}` and nothing are one on the wire, so a schema may take either. */
function isNothing(value: unknown): boolean {
  return value === undefined || (isPlainObject(value) && Object.keys(value).length === 0);
}
function undefinedOr(value: unknown): unknown {
  return value === undefined ? {} : undefined;
}

function conclude(
  definition: Validated,
  value: unknown,
  verdict: SchemaVerdict<unknown>,
  first: SchemaVerdict<unknown>,
): unknown {
  if (verdict.issues === undefined) return verdict.value;
  const mask = inputMask(definition, value);
  const issues = (first.issues ?? verdict.issues).map((issue) => ({
    message: mask(issue.message),
    path: pathOf(issue),
  }));
  const shown = issues.slice(0, 3).map((issue) => `${issue.path.join(".") || "input"}: ${issue.message}`);
  const more = issues.length > shown.length ? `; and ${issues.length - shown.length} more` : "";
  throw new CeleriacError(
    "INPUT_INVALID",
    `The input of "${definition.name}" does not fit its schema: ${shown.join("; ")}${more}.`,
    { details: { task: definition.name, issues } },
  );
}

function pathOf(issue: SchemaIssue): readonly string[] {
  return (issue.path ?? []).map((part) => String(typeof part === "object" ? part.key : part));
}

function describe(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : `a ${typeof value}`;
}
