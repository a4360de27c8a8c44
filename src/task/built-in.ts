/**
 * The tasks that Celery's workflows take for granted in every worker: `celery.accumulate`, which makes one result of a group's, and
 * `celery.map` and `celery.starmap`, which run a task over items, one after another, inside one call (`celery/app/builtins.py`).
 */

import { readSignature } from "../wire/signature.ts";
import type { TaskContext } from "./context.ts";
import { RemoteError, TaskError } from "./control-flow.ts";
import type { TaskDefinition } from "./definition.ts";
import { bindInput, type CallArguments, validateInput } from "./input.ts";
import { defineTask } from "./options.ts";

type Lookup = (name: string) => TaskDefinition | undefined;

/** `lookup` finds the task that is run over items. */
export function builtInTasks(lookup: Lookup): ReadonlyMap<string, TaskDefinition> {
  const handlers = {
    "celery.accumulate": ({ args, kwargs }: CallArguments) => {
      const { index } = kwargs;
      return typeof index === "number" ? (args[index] ?? null) : args;
    },
    "celery.map": ({ kwargs }: CallArguments, context: TaskContext) =>
      overItems(lookup, kwargs, context, (item) => [item]),
    "celery.starmap": ({ kwargs }: CallArguments, context: TaskContext) =>
      overItems(lookup, kwargs, context, (item) => (Array.isArray(item) ? (item as readonly unknown[]) : [item])),
  };
  return new Map(
    Object.entries(handlers).map(([name, handler]) => [
      name,
      defineTask(name, { raw: true }, (input, context) => handler(input as CallArguments, context), "celery"),
    ]),
  );
}

/** The items run in the call's own context: its id, its limits, its signal. The first that fails fails the call. */
async function overItems(
  lookup: Lookup,
  kwargs: CallArguments["kwargs"],
  context: TaskContext,
  argsOf: (item: unknown) => readonly unknown[],
): Promise<readonly unknown[]> {
  const { task } = readSignature(kwargs["task"]);
  const { it } = kwargs;
  const definition = lookup(task);
  // As Celery says it, whose workers fail such a call alike.
  if (definition?.handler === undefined)
    throw new RemoteError("celery.exceptions.NotRegistered", [task], { retryable: false });
  if (!Array.isArray(it)) throw new TaskError("`it` is not a list of items", { retryable: false });
  const results: unknown[] = [];
  for (const item of it as readonly unknown[]) {
    context.signal.throwIfAborted();
    const input = await validateInput(definition, bindInput(definition, argsOf(item), {}));
    results.push((await definition.handler(input, context)) ?? null);
  }
  return results;
}
