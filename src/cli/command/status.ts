/** `celeriac status`: queues, workers and dead letters at one look. */

import { Command } from "commander";
import { addJson, addTarget } from "../option.ts";
import type { Target } from "../target.ts";

export function statusCommand(finish: (code: number) => void): Command {
  const command = new Command("status").description("queues, workers and dead letters at one look");
  return addJson(addTarget(command)).action(async (flags: Target & { readonly json?: boolean }) => {
    const [{ printStatus }, { inSession }] = await Promise.all([import("../status-report.ts"), import("../target.ts")]);
    finish(await inSession(flags, (session) => printStatus(session, flags)));
  });
}
