/** `celeriac call`: sends one task by name. */

import { Command } from "commander";
import type { CallFlags } from "../task-call.ts";
import { addJson, addTarget, moment, pair, wholeNumber } from "../option.ts";
import type { Target } from "../target.ts";

export function callCommand(finish: (code: number) => void): Command {
  const command = new Command("call")
    .description("send a task; prints its id, or with --wait its result")
    .argument("<name>", "name of the task")
    .option("--args <json>", "positional arguments, a JSON array")
    .option("--kwargs <json>", "named arguments, a JSON object")
    .option("--queue <name>", "default: the task's own queue")
    .option("--id <id>", "makes the call idempotent: a second one with this id is a duplicate")
    .option("--delay <time>", "not started earlier than this from now, such as 10m")
    .option("--eta <time>", "not started before this moment", moment)
    .option("--expires <time>", "not started later than this from now")
    .option("--priority <n>", "wire number, 0 to 255", wholeNumber(0))
    .option("--header <name=value>", "own header; may be repeated", pair)
    .option("--wait", "wait until it has ended, and print its result")
    .option("--timeout <time>", "wait at most so long, such as 30s");
  return addJson(addTarget(command)).action(async (name: string, flags: Target & CallFlags) => {
    const [{ callTask, readCall }, { inSession }] = await Promise.all([
      import("../task-call.ts"),
      import("../target.ts"),
    ]);
    const call = readCall(name, flags);
    finish(await inSession(flags, (session) => callTask(session, call)));
  });
}
