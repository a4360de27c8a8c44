/** `celeriac result`: the outcome of a task by its id. */

import { Command } from "commander";
import { addJson, addTarget } from "../option.ts";
import type { ResultFlags } from "../result-report.ts";
import type { Target } from "../target.ts";

export function resultCommand(finish: (code: number) => void): Command {
  const command = new Command("result")
    .description("state and result of a task")
    .argument("<id>", "id of the task")
    .option("--wait", "wait until it has ended")
    .option("--timeout <time>", "wait at most so long, such as 30s");
  return addJson(addTarget(command)).action(async (id: string, flags: Target & ResultFlags) => {
    const [{ printForeignResult }, { inSession }] = await Promise.all([
      import("../result-report.ts"),
      import("../target.ts"),
    ]);
    finish(await inSession(flags, (session) => printForeignResult(session, id, flags)));
  });
}
