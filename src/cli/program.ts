/** The command line as a whole: its commands, its exit codes. Commands load what they need when they run, so `--help` is quick. */

import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { systemClock } from "../clock/clock.ts";
import { clean } from "../wire/visible-text.ts";
import { beatCommand } from "./command/beat.ts";
import { callCommand } from "./command/call.ts";
import { completionCommand } from "./command/completion.ts";
import { dashboardCommand } from "./command/dashboard.ts";
import { dlqCommand } from "./command/dlq.ts";
import { devCommand } from "./command/dev.ts";
import { doctorCommand } from "./command/doctor.ts";
import { eventsCommand } from "./command/events.ts";
import { importCommand } from "./command/import.ts";
import { initCommand } from "./command/init.ts";
import { outboxCommand } from "./command/outbox.ts";
import { purgeCommand } from "./command/purge.ts";
import { queuesCommand } from "./command/queues.ts";
import { controlCommand, inspectCommand, workersCommand } from "./command/remote.ts";
import { requeueCommand } from "./command/requeue.ts";
import { resultCommand } from "./command/result.ts";
import { revokeCommand } from "./command/revoke.ts";
import { scheduleCommand } from "./command/schedule.ts";
import { statusCommand } from "./command/status.ts";
import { taskCommand } from "./command/task.ts";
import { typesCommand } from "./command/task-types.ts";
import { topCommand } from "./command/top.ts";
import { workerCommand } from "./command/worker.ts";
import { exitCode, printFailure } from "./failure.ts";

const epilogue = `
Exit codes:
  0  done
  1  an error; "CODE: text" on standard error, explained in docs/errors.md
  2  wrong usage
  3  the task failed or was revoked (call --wait, result, task, doctor ID)
  4  the task has not ended (call --wait, result, task, doctor ID)
  137 the worker was stalled, gave up its leases and ended itself (SIGKILL)
  128 + n  ended at once by signal n

The broker is named by the app (-A ./app.ts), by --broker, or by CELERIAC_BROKER.`;

/** Runs one command line (without program and script) to its end and answers with the exit code. Never rejects. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  let code: number = exitCode.done;
  const finish = (ended: number): void => {
    code = ended;
  };
  const program = new Command("celeriac")
    .description("Background work for TypeScript, on Celery's wire protocol.")
    .version(version(), "-V, --version")
    .addHelpText("after", epilogue);
  const commands = [
    initCommand,
    devCommand,
    workerCommand,
    beatCommand,
    scheduleCommand,
    outboxCommand,
    dashboardCommand,
    callCommand,
    resultCommand,
    taskCommand,
    queuesCommand,
    purgeCommand,
    requeueCommand,
    statusCommand,
    workersCommand,
    inspectCommand,
    controlCommand,
    revokeCommand,
    topCommand,
    eventsCommand,
    doctorCommand,
    dlqCommand,
    typesCommand,
    importCommand,
    completionCommand,
  ];
  for (const make of commands) program.addCommand(make(finish));
  quieten(program);
  const done = new AbortController();
  stayAlive(done.signal).catch(() => {}); // rejects with the end of the command, which is what it waits for
  try {
    await program.parseAsync(args, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.done : exitCode.usage;
    return printFailure(error, args.includes("--json"));
  } finally {
    done.abort();
  }
}

/** Drivers and pools hold no process alive by themselves, and a worker that waits for tasks does nothing else. */
async function stayAlive(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) await systemClock.sleep(2 ** 31 - 1, signal); // the longest a timer can be
}

/** Commander ends the process by itself unless told otherwise, and prints what the user typed. */
function quieten(command: Command): void {
  command.exitOverride().configureOutput({ outputError: (text, write) => write(clean(text, "\n")) });
  command.showHelpAfterError("(--help shows what there is)");
  for (const child of command.commands) quieten(child);
}

function version(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
