/** `celeriac purge`: drops what waits in a queue. */

import { Command } from "commander";
import { addJson, addTarget } from "../option.ts";
import type { PurgeFlags } from "../queue-list.ts";
import type { Target } from "../target.ts";

export function purgeCommand(finish: (code: number) => void): Command {
  const command = new Command("purge")
    .description("drop what waits in a queue for good; asks before")
    .argument("<queue>", "name of the queue")
    .option("--delayed", "messages that are not due yet, too")
    .option("--yes", "do not ask");
  return addJson(addTarget(command)).action(async (queue: string, flags: Target & PurgeFlags) => {
    const [{ purgeQueue }, { inSession }] = await Promise.all([import("../queue-list.ts"), import("../target.ts")]);
    finish(await inSession(flags, (session) => purgeQueue(session, queue, flags)));
  });
}
