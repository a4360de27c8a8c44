/** `celeriac queues`: what waits, what runs, and for how long. */

import { Command } from "commander";
import { addJson, addTarget } from "../option.ts";
import type { Target } from "../target.ts";

export function queuesCommand(finish: (code: number) => void): Command {
  const command = new Command("queues").description("what waits, what runs, and for how long");
  return addJson(addTarget(command)).action(async (flags: Target & { readonly json?: boolean }) => {
    const [{ printQueues }, { inSession }] = await Promise.all([import("../queue-list.ts"), import("../target.ts")]);
    finish(await inSession(flags, (session) => printQueues(session, flags)));
  });
}
