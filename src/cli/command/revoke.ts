/** `celeriac revoke`: tasks that are not to run any more. */

import { Command } from "commander";
import { addJson, addTarget, pair } from "../option.ts";
import type { RevokeFlags } from "../revocation.ts";
import type { Target } from "../target.ts";

export function revokeCommand(finish: (code: number) => void): Command {
  const command = new Command("revoke")
    .description("tasks that are not to run any more, by id or by stamp; also across a restart of every worker")
    .argument("[ids...]", "ids of tasks")
    .option("--stamp <name=value>", "all tasks with this stamp; may be repeated", pair)
    .option("--terminate", "end also what runs")
    .option(
      "--signal <name>",
      "SIGTERM: tell the handler, then end it by force; SIGKILL: by force at once (default: SIGTERM)",
    )
    .option("--reason <text>", "why, for people")
    .option("--keep <time>", "remember it for so long (default: 1d)");
  return addJson(addTarget(command)).action(async (ids: string[], flags: Target & RevokeFlags) => {
    const [{ revokeTasks }, { inSession }] = await Promise.all([import("../revocation.ts"), import("../target.ts")]);
    finish(await inSession(flags, (session) => revokeTasks(session, ids, flags)));
  });
}
