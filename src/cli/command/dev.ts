/** `celeriac dev`: a worker that follows what is edited, and the dashboard beside it. */

import { Command } from "commander";
import type { DevFlags } from "../dev-session.ts";
import { listed, names, wholeNumber } from "../option.ts";

export function devCommand(finish: (code: number) => void): Command {
  return new Command("dev")
    .description("run a worker that starts anew when a file changes, a scheduler and the dashboard; Ctrl-C ends all")
    .requiredOption("-A, --app <file>", "module that exports the app, such as ./app.ts")
    .option("-Q, --queues <names>", "queues, separated by commas (default: the app's default queue)", names)
    .option("-c, --concurrency <n>", "tasks at once (default: number of cores)", wholeNumber(1))
    .option("--watch <folder>", "where files are looked at; may be repeated (default: the app's folder)", listed)
    .option("--grace <time>", "how long tasks may go on before a start anew; then they go back (default: 5s)")
    .option("--port <n>", "of the dashboard (default: 5555; 0: any that is free)", wholeNumber(0))
    .option("--no-beat", "without a scheduler, where no database keeps schedules")
    .option("--no-dashboard", "without the dashboard")
    .action(async (flags: DevFlags) => {
      const { runDev } = await import("../dev-session.ts");
      finish(await runDev(flags));
    });
}
