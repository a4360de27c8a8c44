/** `celeriac requeue`: tasks that are put back, or moved, by their ids. */

import { Command } from "commander";
import { addJson, addTarget } from "../option.ts";
import type { RequeueFlags } from "../requeue.ts";
import type { Target } from "../target.ts";

export function requeueCommand(finish: (code: number) => void): Command {
  const command = new Command("requeue")
    .description("put tasks back, by id: what waits to the front, what a worker holds away from it, dead letters again")
    .argument("<ids...>", "ids of tasks")
    .option("--queue <name>", "look in this queue alone, and among the dead letters (default: in all)")
    .option("--to <name>", "into this queue (default: where each lies)")
    .option("--back", "to the end instead of the front");
  return addJson(addTarget(command)).action(async (ids: string[], flags: Target & RequeueFlags) => {
    const [{ putBack }, { inSession }] = await Promise.all([import("../requeue.ts"), import("../target.ts")]);
    finish(await inSession(flags, (session) => putBack(session, ids, flags)));
  });
}
