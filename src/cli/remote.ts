/** Asks running workers, ours and Python's, over the broker, and prints what each of them says. */

import { redactUrl } from "../app/connect.ts";
import { ask } from "../control/ask.ts";
import { CeleriacError } from "../error/celeriac-error.ts";
import { type Duration, durationMs } from "../task/duration.ts";
import { controlNamespace, makeControlRequest } from "../wire/control.ts";
import { clean } from "../wire/visible-text.ts";
import { confirmed } from "./confirmation.ts";
import { exitCode } from "./failure.ts";
import type { RemoteCommand } from "./remote-commands.ts";
import { remoteCall } from "./remote-commands.ts";
import type { Session } from "./target.ts";
import { paint, printJson, printLine } from "./terminal.ts";
import { valueText } from "./value-text.ts";

export interface RemoteFlags {
  readonly timeout: string;
  readonly destination?: readonly string[];
  readonly json?: boolean;
  readonly yes?: boolean;
}

type Answers = ReadonlyMap<string, unknown>;

/** Never rejects for silence: then nobody has answered. */
export function askWorkers(
  { backend, core }: Session,
  method: string,
  named: Readonly<Record<string, unknown>>,
  { timeout, destination }: Pick<RemoteFlags, "timeout" | "destination">,
): Promise<Answers> {
  const patience = durationMs(timeout as Duration, "--timeout");
  const never = new AbortController().signal; // it ends by itself, with the silence
  return ask(backend.bus, { method, arguments: named, destination, timeout: patience }, core.clock, never);
}

/** Runs `inspect` or `control`. Exit code 1 if one of them could not do it. */
export async function callWorkers(
  session: Session,
  commands: Readonly<Record<string, RemoteCommand>>,
  given: string,
  words: readonly string[],
  flags: RemoteFlags,
): Promise<number> {
  const { method, named, grave } = remoteCall(commands, given, words);
  if (grave) return end(session, method, flags);
  const answers = await askWorkers(session, method, named, flags);
  if (answers.size === 0) throw nobody(session, flags);
  print(answers, flags);
  return [...answers.values()].some(isError) ? exitCode.error : exitCode.done;
}

/** Who is told must be known before: nobody answers to this. */
async function end(session: Session, method: string, flags: RemoteFlags): Promise<number> {
  const there = [...(await askWorkers(session, "ping", {}, flags)).keys()].toSorted();
  if (there.length === 0) throw nobody(session, flags);
  const question = `${there.length === 1 ? "One worker ends" : `${String(there.length)} workers end`}: ${there.join(", ")}.`;
  if (!(await confirmed(question, method, flags.yes === true))) {
    printLine("nothing was done");
    return exitCode.error;
  }
  // To those alone that were named.
  const request = makeControlRequest({ method, arguments: {}, destination: there });
  await session.backend.bus.publish({ kind: "control", namespace: controlNamespace }, request);
  if (flags.json === true) printJson({ told: there });
  else printLine(`told ${there.join(", ")} to end`);
  return exitCode.done;
}

function print(answers: Answers, { json }: RemoteFlags): void {
  const sorted = [...answers].toSorted(([a], [b]) => (a < b ? -1 : 1));
  if (json === true) {
    printLine(valueText(Object.fromEntries(sorted)));
    return;
  }
  for (const [node, answer] of sorted) {
    const state = isError(answer) ? paint("red", "ERROR") : paint("green", "OK");
    printLine(`${paint("bold", clean(node))}: ${state}`);
    for (const line of linesOf(answer)) printLine(`    ${line}`);
  }
  printLine(paint("dim", `${String(answers.size)} ${answers.size === 1 ? "worker" : "workers"} answered`));
}

/** One line for a word, one for each entry of a list, one for each member of a record. */
function linesOf(answer: unknown): readonly string[] {
  if (answer === null || answer === undefined) return [];
  if (typeof answer !== "object") return textOf(answer);
  if (Array.isArray(answer)) {
    return answer.length === 0
      ? ["- empty -"]
      : answer.flatMap((one: unknown) => textOf(one).map((line) => `* ${line}`));
  }
  const members = Object.entries(answer);
  const [only] = members;
  if (members.length === 1 && only && (only[0] === "ok" || only[0] === "error")) return textOf(only[1]);
  return members.flatMap(([name, value]) => textOf(value).map((line) => `${clean(name)}: ${line}`));
}

function textOf(value: unknown): readonly string[] {
  if (typeof value !== "string") return [valueText(value)];
  return value.split("\n").map((line) => clean(line));
}

function isError(answer: unknown): boolean {
  return typeof answer === "object" && answer !== null && Object.keys(answer).length === 1 && "error" in answer;
}

export function nobody(
  { core }: Session,
  { timeout, destination }: Pick<RemoteFlags, "timeout" | "destination">,
): CeleriacError {
  const whom = destination === undefined ? "No worker" : `None of ${destination.join(", ")}`;
  return new CeleriacError(
    "NO_WORKER_ANSWERED",
    `${whom} answered within ${timeout} at ${redactUrl(core.config.broker)}. Check that one runs on this very server, database or virtual host and key prefix; a busy one may need --timeout 10s.`,
    { details: { destination: destination ?? null } },
  );
}
