/** One task by its id: where it is and why it is not running, as `app.explain` has it; of a dead letter also the runs that led there. */

import type { Explanation, Standing } from "../app/reason.ts";
import { findLetter } from "../control/diagnosis/search.ts";
import type { AttemptRecord } from "../port/queue-admin.ts";
import { clean } from "../wire/visible-text.ts";
import { exitCode } from "./failure.ts";
import type { Session } from "./target.ts";
import { paint, printJson, printLine } from "./terminal.ts";

const colors: Readonly<Record<Standing | "unknown", Parameters<typeof paint>[0] | undefined>> = {
  queued: "yellow",
  delayed: "yellow",
  retrying: "yellow",
  running: undefined,
  succeeded: "green",
  failed: "red",
  revoked: "red",
  dead: "red",
  unknown: "red",
};

/** `celeriac doctor ID`: the chain of reasons. The exit code says how the task stands. */
export async function printReasons({ app }: Session, id: string, json: boolean): Promise<number> {
  const told = await app.explain(id);
  if (json) printJson(told);
  else {
    printLine(`${stateText(told)}  ${clean(id)}`);
    printChain(told);
  }
  return codeOf(told);
}

/** `celeriac task ID`: the same with all that is known of it beside. */
export async function printTask(session: Session, id: string, json: boolean): Promise<number> {
  const told = await session.app.explain(id);
  const letter = told.state === "dead" ? await findLetter(session.backend.broker, id) : undefined;
  const attempts = letter?.attempts ?? [];
  if (json) {
    printJson({ ...told, attempts });
    return codeOf(told);
  }
  const { task, queue, attempt } = told;
  const lines: readonly (readonly [string, string | undefined])[] = [
    ["id", clean(id)],
    ["state", stateText(told)],
    ["task", task && clean(task)],
    ["queue", queue && clean(queue)],
    ["attempt", attempt === undefined ? undefined : String(attempt)],
  ];
  for (const [name, text] of lines) if (text !== undefined) printLine(`${paint("dim", name.padEnd(8))} ${text}`);
  printChain(told);
  for (const each of attempts) printLine(attemptText(each));
  return codeOf(told);
}

function stateText({ state }: Explanation): string {
  const color = colors[state];
  return color === undefined ? state : paint(color, state);
}

function printChain({ reasons }: Explanation): void {
  for (const [index, { text, remedy }] of reasons.entries()) {
    printLine(`  ${index === 0 ? "because" : "    and"} ${clean(text)}`);
    if (remedy !== undefined) printLine(paint("dim", `          ${clean(remedy)}`));
  }
}

function attemptText({ attempt, worker, pid, started, error, exit }: AttemptRecord): string {
  const process = pid === undefined ? "" : ` (pid ${String(pid)})`;
  const signal = exit?.signal ?? (exit?.code == null ? undefined : `exit code ${String(exit.code)}`);
  const end = [error, signal].filter((part) => part !== undefined).join(", ");
  return `  run ${String(attempt)}  ${new Date(started).toISOString()}  ${clean(worker)}${process}  ${clean(end)}`;
}

function codeOf({ state }: Explanation): number {
  if (state === "unknown") return exitCode.error;
  if (state === "succeeded") return exitCode.done;
  return state === "failed" || state === "revoked" || state === "dead" ? exitCode.taskFailed : exitCode.notEnded;
}
