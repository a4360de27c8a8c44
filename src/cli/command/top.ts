/** `celeriac top`: workers, queues and tasks, live. */

import { Command } from "commander";
import type { TopFlags } from "../top.ts";
import { addJson, addTarget } from "../option.ts";

export function topCommand(finish: (code: number) => void): Command {
  const command = new Command("top")
    .description("workers, queues, throughput and running tasks, live; q quits")
    .option("--once", "look for a moment, print it, and end")
    .option("--every <time>", "how often it is drawn (default: 1s)")
    .option("--enable", "ask workers that tell nothing of their tasks to begin, such as Python's without -E");
  return addJson(addTarget(command)).action(async (flags: TopFlags) => {
    const [{ runTop }, { inSession }] = await Promise.all([import("../top.ts"), import("../target.ts")]);
    finish(await inSession(flags, (session) => runTop(session, flags)));
  });
}
