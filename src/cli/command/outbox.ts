/** `celeriac outbox`: carries what transactions have written into outboxes to the broker, until it is told to stop. */

import { Command } from "commander";
import { addJson, wholeNumber } from "../option.ts";
import type { OutboxFlags } from "../outbox-process.ts";

export function outboxCommand(finish: (code: number) => void): Command {
  const command = new Command("outbox")
    .description(
      "send what lies in the outboxes that the app's file exports; any number may run; SIGTERM or SIGINT stops",
    )
    .requiredOption("-A, --app <file>", "module that exports the app and its outboxes, such as ./app.ts")
    .option("--batch <n>", "most rows at a time (default: 100)", wholeNumber(1))
    .option("--poll <time>", "how often an empty outbox is looked at (default: 500ms)");
  return addJson(command).action(async (flags: OutboxFlags) => {
    const { runOutboxes } = await import("../outbox-process.ts");
    finish(await runOutboxes(flags));
  });
}
