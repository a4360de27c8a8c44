/**
 * The commands of remote control as the command line takes them: Celery's names, dashes or underscores, and what their arguments mean. A worker
 * of either kind understands them; what it does not know it says.
 */

import { UsageError } from "./failure.ts";

type Kind = "text" | "whole" | "number";
interface Parameter {
  readonly name: string;
  readonly kind: Kind;
  /** May be left out. */
  readonly optional?: boolean;
}

export interface RemoteCommand {
  readonly text: string;
  readonly parameters?: readonly Parameter[];
  /** All that follow, as one list. */
  readonly rest?: string;
  /** Takes nothing back, and so is asked for. */
  readonly grave?: boolean;
}

const number = (name: string, optional = false): Parameter => ({ name, kind: "number", optional });
const whole = (name: string, optional = false): Parameter => ({ name, kind: "whole", optional });
const word = (name: string, optional = false): Parameter => ({ name, kind: "text", optional });

export const inspectCommands: Readonly<Record<string, RemoteCommand>> = {
  active: { text: "tasks that run" },
  active_queues: { text: "queues that it takes from" },
  clock: { text: "its logical clock" },
  conf: { text: "its settings, by Celery's names" },
  memdump: { text: "its memory, as it was sampled" },
  memsample: { text: "its memory" },
  ping: { text: "whether it is there" },
  query_task: { text: "where tasks are: query_task <id>…", rest: "ids" },
  registered: { text: "tasks that it knows; with attributes: registered rate_limit time_limit", rest: "taskinfoitems" },
  report: { text: "software and settings, for a report of a fault" },
  reserved: { text: "tasks that it holds and that wait for a slot" },
  revoked: { text: "ids that it would not run" },
  scheduled: { text: "tasks that it holds for later" },
  stats: { text: "what it is made of, and what it has done" },
};

export const controlCommands: Readonly<Record<string, RemoteCommand>> = {
  add_consumer: { text: "take from one more queue: add_consumer <queue>", parameters: [word("queue")] },
  autoscale: { text: "bounds of the pool: autoscale <max> [min]", parameters: [whole("max"), whole("min", true)] },
  cancel_consumer: { text: "take from a queue no more: cancel_consumer <queue>", parameters: [word("queue")] },
  disable_events: { text: "tell nobody of tasks" },
  enable_events: { text: "tell monitors of tasks" },
  heartbeat: { text: "say now that it is there" },
  pool_grow: { text: "more slots: pool_grow [n]", parameters: [whole("n", true)] },
  pool_restart: { text: "replace the children of the pool" },
  pool_shrink: { text: "fewer slots: pool_shrink [n]", parameters: [whole("n", true)] },
  rate_limit: {
    text: "how often a task may begin: rate_limit <task> <10/m>",
    parameters: [word("task_name"), word("rate_limit")],
  },
  revoke: { text: "run these no more, as running workers remember it: revoke <id>…", rest: "task_id" },
  revoke_by_stamped_headers: { text: "the same by stamps: revoke_by_stamped_headers <name=value>…", rest: "headers" },
  shutdown: { text: "end, warmly; asks before", grave: true },
  terminate: {
    text: "revoke, and end what runs: terminate <signal> <id>…",
    parameters: [word("signal")],
    rest: "task_id",
  },
  time_limit: {
    text: "limits of a task, seconds: time_limit <task> <soft> [hard]",
    parameters: [word("task_name"), number("soft"), number("hard", true)],
  },
};

/** The command and its arguments. Throws a usage error for one that is not there, or is given too little or too much. */
export function remoteCall(
  commands: Readonly<Record<string, RemoteCommand>>,
  given: string,
  words: readonly string[],
): { readonly method: string; readonly named: Readonly<Record<string, unknown>>; readonly grave: boolean } {
  const method = given.replaceAll("-", "_");
  const command = Object.hasOwn(commands, method) ? commands[method] : undefined;
  if (command === undefined) {
    throw new UsageError(`There is no command "${given}". There are: ${Object.keys(commands).join(", ")}.`);
  }
  const { parameters = [], rest, grave = false } = command;
  const named: Record<string, unknown> = {};
  for (const [index, { name, kind, optional }] of parameters.entries()) {
    const text = words[index];
    if (text !== undefined) named[name] = kind === "text" ? text : amount(text, kind, name);
    else if (optional !== true) throw new UsageError(`${method} takes more: ${command.text}.`);
  }
  const more = words.slice(parameters.length);
  if (rest !== undefined) named[rest] = more;
  else if (more.length > 0) throw new UsageError(`${method} does not take "${more.join(" ")}": ${command.text}.`);
  if (rest !== undefined && rest !== "taskinfoitems" && more.length === 0) {
    throw new UsageError(`${method} takes more: ${command.text}.`);
  }
  return { method, named, grave };
}

function amount(text: string, kind: Kind, name: string): number {
  const value = Number(text);
  if (/^\d+(?:\.\d+)?$/.test(text) && (kind === "number" || Number.isSafeInteger(value))) return value;
  throw new UsageError(`${name} must be a ${kind === "whole" ? "whole number" : "number"}, not "${text}".`);
}

/** What there is, for `--help`. */
export function listOf(commands: Readonly<Record<string, RemoteCommand>>): string {
  const width = Math.max(...Object.keys(commands).map(({ length }) => length));
  return `\nCommands:\n${Object.entries(commands)
    .map(([name, { text }]) => `  ${name.padEnd(width)}  ${text}`)
    .join("\n")}`;
}
