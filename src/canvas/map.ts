/** Many calls of one task in one message each, as Celery's `map`, `starmap` and `chunks`: run one after the other where they are taken. */

import { CeleriacError } from "../error/celeriac-error.ts";
import { Signature, type SignatureOptions } from "../task/signature.ts";
import { Group } from "./group.ts";

/** One call after the other, each with one item as its only argument; returns the list of results. */
export function mapOf(
  task: string,
  items: readonly unknown[],
  options: SignatureOptions,
): Signature<unknown, unknown[]> {
  return new Signature({
    task: "celery.map",
    args: [],
    kwargs: { task: bare(task), it: [...items] },
    immutable: true,
    options,
  });
}

/** The same, each with a list of arguments. */
export function starmapOf(
  task: string,
  calls: readonly (readonly unknown[])[],
  options: SignatureOptions,
): Signature<unknown, unknown[]> {
  return new Signature({
    task: "celery.starmap",
    args: [],
    kwargs: { task: bare(task), it: calls.map((call) => [...call]) },
    immutable: true,
    options,
  });
}

/** The calls in messages of `size` each, which run side by side. Throws CONFIG_INVALID. */
export function chunksOf(
  task: string,
  calls: readonly (readonly unknown[])[],
  size: number,
  options: SignatureOptions,
): Group<unknown, unknown[][]> {
  if (!(Number.isSafeInteger(size) && size >= 1)) {
    throw new CeleriacError(
      "CONFIG_INVALID",
      `chunks of "${task}": the size must be a whole number of at least 1, not ${String(size)}.`,
    );
  }
  const parts: Signature<unknown, unknown[]>[] = [];
  for (let at = 0; at < calls.length; at += size) parts.push(starmapOf(task, calls.slice(at, at + size), options));
  return new Group(parts);
}

/** Celery's workers read nothing but the name. */
function bare(task: string): object {
  return { task, args: [], kwargs: {}, options: {}, subtask_type: null, immutable: false };
}
