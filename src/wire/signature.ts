/** A call that has not been made yet, as it travels inside bodies. Read with Celery's tolerance for missing members. */

import { CeleriacError } from "../error/celeriac-error.ts";

export interface Signature {
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  /** As they were given: `countdown` and `expires` are relative to when this is sent. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly subtask_type: string | null;
  readonly immutable: boolean;
  readonly chord_size?: number;
}

/** Throws MESSAGE_UNDECODABLE if it is not a signature. Members beyond Celery's are dropped. */
export function readSignature(value: unknown): Signature {
  if (!isRecord(value)) throw unreadable("it is not an object");
  const { task, args, kwargs, options, subtask_type, immutable, chord_size } = value;
  if (typeof task !== "string" || task === "") throw unreadable("it has no task name");
  if (args !== undefined && args !== null && !Array.isArray(args)) throw unreadable("its args are not a list");
  if (kwargs !== undefined && kwargs !== null && !isRecord(kwargs)) throw unreadable("its kwargs are not an object");
  if (options !== undefined && options !== null && !isRecord(options))
    throw unreadable("its options are not an object");
  return {
    task,
    args: (args as unknown[] | null | undefined) ?? [],
    kwargs: kwargs ?? {},
    options: options ?? {},
    subtask_type: typeof subtask_type === "string" ? subtask_type : null,
    immutable: immutable === true,
    ...(typeof chord_size === "number" ? { chord_size } : {}),
  };
}

/** Celery's rule for group members: their group and their stamps never change once set. */
const fixedOptions: ReadonlySet<string> = new Set(["group_id", "stamped_headers"]);

/**
 * The signature with more arguments: `args` go in front, `kwargs` and `options` over its own. An immutable one takes the
 * options only. Never changes what it is given.
 */
export function applyPartial(
  signature: Signature,
  args: readonly unknown[] = [],
  kwargs: Readonly<Record<string, unknown>> = {},
  options: Readonly<Record<string, unknown>> = {},
): Signature {
  return {
    ...signature,
    args: signature.immutable ? signature.args : [...args, ...signature.args],
    kwargs: signature.immutable ? signature.kwargs : { ...signature.kwargs, ...kwargs },
    options: mergeOptions(signature.options, options),
  };
}

function mergeOptions(
  own: Readonly<Record<string, unknown>>,
  given: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const stamped = Array.isArray(own["stamped_headers"]) ? new Set<unknown>(own["stamped_headers"]) : undefined;
  const merged: Record<string, unknown> = { ...own };
  for (const [key, value] of Object.entries(given)) {
    const fixed = fixedOptions.has(key) || (stamped?.has(key) ?? false);
    if (!fixed || !Object.hasOwn(own, key)) merged[key] = value;
  }
  return merged;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
function unreadable(why: string): CeleriacError {
  return new CeleriacError("MESSAGE_UNDECODABLE", `A signature in the message cannot be read: ${why}.`);
}
