/** `celeriac task`: one task, where it is and why. */

import { Command } from "commander";
import { addJson, addSchedules, addTarget } from "../option.ts";
import type { Target } from "../target.ts";

export function taskCommand(finish: (code: number) => void): Command {
  const command = new Command("task")
    .description("state of a task, its attempts, and why it is not running")
    .argument("<id>", "id of the task");
  return addJson(addSchedules(addTarget(command))).action(
    async (id: string, flags: Target & { readonly json?: boolean }) => {
      const [{ printTask }, { inSession }] = await Promise.all([import("../task-report.ts"), import("../target.ts")]);
      finish(await inSession(flags, (session) => printTask(session, id, flags.json === true)));
    },
  );
}
