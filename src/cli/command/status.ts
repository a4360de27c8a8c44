/** `celeriac status`: queues, workers and dead letters at one look. */

import { Command } from "commander";
import { addJson, addTarget } from "../option.ts";
import type { StatusFlags } from "../status-report.ts";
import type { Target } from "../target.ts";

export function statusCommand(finish: (code: number) => void): Command {
  const command = new Command("status")
    .description("queues, workers of either kind and dead letters at one look")
    .option("-t, --timeout <time>", "how long to wait for one more worker's answer", "1s");
  return addJson(addTarget(command)).action(async (flags: Target & StatusFlags) => {
    const [{ printStatus }, { inSession }] = await Promise.all([import("../status-report.ts"), import("../target.ts")]);
    finish(await inSession(flags, (session) => printStatus(session, flags)));
  });
}
