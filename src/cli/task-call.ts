/**
 * Sends one task by name. With an app its declaration is used: the name must be known, the arguments must fit, its own queue is
 * taken. With a bare URL anything is sent as it is, for workers of any language.
 */

import type { SendOptions } from "../app/draft.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import type { TaskDefinition } from "../task/definition.ts";
import type { Duration } from "../task/duration.ts";
import { bindInput, isPlainObject, validateInput } from "../task/input.ts";
import { withRedaction } from "../task/redact.ts";
import { parseJson } from "../wire/json.ts";
import { exitCode, UsageError } from "./failure.ts";
import { given } from "./option.ts";
import { printResult, type ResultFlags } from "./result-report.ts";
import type { Session } from "./target.ts";
import { printJson, printLine } from "./terminal.ts";

export interface CallFlags extends ResultFlags {
  readonly args?: string;
  readonly kwargs?: string;
  readonly queue?: string;
  readonly id?: string;
  readonly delay?: string;
  readonly eta?: Date;
  readonly expires?: string;
  readonly priority?: number;
  readonly header?: Readonly<Record<string, string>>;
}

/** A call as it was typed, checked as far as that is possible without app and broker. */
export interface TypedCall {
  readonly name: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly flags: CallFlags;
}

/** Throws a usage error for what is no JSON of the right shape. */
export function readCall(name: string, flags: CallFlags): TypedCall {
  const args = json(flags.args ?? "[]", "--args");
  if (!Array.isArray(args)) throw new UsageError("--args must be a JSON array, such as '[\"a.png\", 800]'.");
  const kwargs = json(flags.kwargs ?? "{}", "--kwargs");
  if (!isPlainObject(kwargs)) throw new UsageError("--kwargs must be a JSON object, such as '{\"width\": 800}'.");
  return { name, args, kwargs, flags };
}

export async function callTask(session: Session, { name, args, kwargs, flags }: TypedCall): Promise<number> {
  const definition = session.named ? await declaredTask(session, name) : undefined;
  if (definition?.handler !== undefined) await validateInput(definition, bindInput(definition, args, kwargs));
  const options: SendOptions = given({
    queue: flags.queue ?? definition?.queue,
    id: flags.id,
    delay: flags.delay as Duration | undefined,
    eta: flags.eta,
    expires: (flags.expires as Duration | undefined) ?? definition?.expires,
    priority: flags.priority ?? definition?.priority,
    headers: withRedaction(definition?.redact, { args, kwargs }, flags.header),
  });
  const [sent] = await session.core.send([{ task: name, args, kwargs, options }]);
  if (sent === undefined) throw new Error("the broker gave no answer for the one message it was sent");
  const duplicate = sent.kind === "duplicate";
  if (flags.wait === true || flags.timeout !== undefined) return printResult(session, sent.id, flags);
  if (flags.json === true) printJson({ id: sent.id, duplicate });
  else printLine(sent.id);
  return exitCode.done;
}

/** Throws TASK_UNKNOWN. */
export async function declaredTask({ core }: Session, name: string): Promise<TaskDefinition> {
  const registry = await core.load();
  const definition = registry.get(name);
  if (definition !== undefined) return definition;
  const names = registry.list().map((task) => task.name);
  throw new CeleriacError(
    "TASK_UNKNOWN",
    `The app declares no task "${name}". It has ${names.length === 0 ? "none" : names.join(", ")}; --broker URL instead of -A sends any name.`,
    { details: { task: name } },
  );
}

function json(text: string, option: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw new UsageError(`${option} is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}
