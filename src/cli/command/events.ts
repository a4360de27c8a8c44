/** `celeriac events`: what workers tell, as it happens. */

import { Command } from "commander";
import type { EventFlags } from "../event-print.ts";
import { addJson, addTarget, names } from "../option.ts";

export function eventsCommand(finish: (code: number) => void): Command {
  const command = new Command("events")
    .description("what all workers tell of themselves and their tasks, Python's too")
    .option("-f, --follow", "go on until it is told to stop")
    .option("--for <time>", "listen for so long (default: 3s)")
    .option("--types <names>", "only these, separated by commas; task-* for all that begin so", names)
    .option("--enable", "ask workers that tell nothing of their tasks to begin, such as Python's without -E");
  return addJson(addTarget(command)).action(async (flags: EventFlags) => {
    const [{ printEvents }, { inSession }] = await Promise.all([import("../event-print.ts"), import("../target.ts")]);
    finish(await inSession(flags, (session) => printEvents(session, flags)));
  });
}
