/** One task's outcome for people and scripts, now or when it has ended. The exit code says how the task did. */

import { CeleriacError } from "../error/celeriac-error.ts";
import type { StoredOutcome } from "../port/result-store.ts";
import { durationMs, type Duration } from "../task/duration.ts";
import { readException } from "../wire/exception.ts";
import { decodeTaskMeta } from "../wire/outcome.ts";
import { clean } from "../wire/visible-text.ts";
import { exitCode } from "./failure.ts";
import type { Session } from "./target.ts";
import { paint, printLine } from "./terminal.ts";
import { valueText } from "./value-text.ts";

export interface ResultFlags {
  readonly wait?: boolean;
  /** Implies `wait`. */
  readonly timeout?: string;
  readonly json?: boolean;
}

/** The result of a task that somebody else may have sent. Throws NOT_SUPPORTED where only its sender can read it. */
export async function printForeignResult(session: Session, id: string, flags: ResultFlags): Promise<number> {
  if (!session.backend.store.features.manyReaders) {
    throw new CeleriacError(
      "NOT_SUPPORTED",
      "A result over rpc:// goes to whoever sent the task, and to nobody else (features.manyReaders); name where results are kept with --results URL, or send and wait at once: celeriac call --wait.",
    );
  }
  return printResult(session, id, flags);
}

export async function printResult(session: Session, id: string, flags: ResultFlags): Promise<number> {
  const waits = flags.wait === true || flags.timeout !== undefined;
  const outcome = waits ? await ended(session, id, flags.timeout) : (await session.backend.store.get([id]))[0];
  if (outcome === undefined) {
    if (flags.json === true) printLine(valueText({ id, state: "PENDING" }));
    else printLine("PENDING  nothing is stored: it waits, it is unknown, or its result has expired");
    return exitCode.notEnded;
  }
  const meta = decodeTaskMeta(outcome.meta);
  const bad = meta.status === "FAILURE" || meta.status === "REVOKED";
  const error = bad ? readException(meta.result) : undefined;
  if (flags.json === true) {
    printLine(
      valueText({
        id,
        state: meta.status,
        ...(error === undefined ? { result: meta.result } : { error: { ...error }, traceback: meta.traceback }),
        dateDone: meta.dateDone === null ? null : new Date(meta.dateDone).toISOString(),
        ...(meta.celeriac?.outcome === undefined ? {} : { outcome: meta.celeriac.outcome }),
      }),
    );
  } else if (error !== undefined) {
    const dead = meta.celeriac?.outcome === "dead" ? "  (its message is in the dead letters)" : "";
    printLine(`${paint("red", meta.status)}  ${clean(`${error.type}: ${error.message}`)}${dead}`);
    if (meta.traceback !== null) printLine(paint("dim", clean(meta.traceback, "\n")));
  } else {
    printLine(`${meta.status === "SUCCESS" ? paint("green", meta.status) : meta.status}  ${valueText(meta.result)}`);
  }
  if (bad) return exitCode.taskFailed;
  return meta.status === "SUCCESS" ? exitCode.done : exitCode.notEnded;
}

/** The final outcome, or the last state that was stored when the time was over. */
async function ended(
  { backend, core }: Session,
  id: string,
  timeout: string | undefined,
): Promise<StoredOutcome | undefined> {
  const over = new AbortController();
  using _timer =
    timeout === undefined ? undefined : core.clock.after(durationMs(timeout as Duration), () => over.abort());
  let last: StoredOutcome | undefined;
  try {
    for await (const outcome of backend.store.watch(id, over.signal)) last = outcome;
  } catch (error) {
    if (!over.signal.aborted || error instanceof CeleriacError) throw error;
  }
  return last;
}
